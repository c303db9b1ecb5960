"""Torrents that no library would make: bencoded by hand, each with the code that the scanner must give."""

import hashlib
from typing import Any

PIECE = 16_384


def encode(value: Any) -> bytes:
    """Bencode with keys in the order that they are given, so that tests can make what no library would."""
    match value:
        case bytes():
            return b"%d:%s" % (len(value), value)
        case str():
            return encode(value.encode())
        case int():
            return b"i%de" % value
        case list():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(item) for key, item in value.items()) + b"e"
        case Raw():
            return value.content
    raise TypeError(value)


class Raw:
    """Bytes that are put in as they are."""

    def __init__(self, content: bytes) -> None:
        self.content = content


def v1_info(**changes: Any) -> dict[str, Any]:
    info: dict[str, Any] = {"length": 20_000, "name": "a.bin", "piece length": PIECE, "pieces": b"x" * 40}
    info.update({key.replace("_", " "): value for key, value in changes.items()})
    return {key: info[key] for key in sorted(info) if info[key] is not None}


def v1_files(*paths: list[str] | list[bytes], **changes: Any) -> dict[str, Any]:
    files = [{"length": 10, "path": path} for path in paths]
    pieces = b"x" * 20 * -(-10 * len(paths) // PIECE)
    return v1_info(length=None, files=files, pieces=pieces, name="folder", **changes)


def torrent(info: Any, **outer: Any) -> bytes:
    entries = {"creation date": 1, "info": info, **{key.replace("_", " "): value for key, value in outer.items()}}
    return encode(dict(sorted(entries.items())))


def leaf(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def v2_info(*, tree: Any = None, **changes: Any) -> dict[str, Any]:
    content = {"a.bin": {"": {"length": 100, "pieces root": leaf(b"a" * 100)}}}
    info: dict[str, Any] = {"file tree": tree or content, "meta version": 2, "name": "a.bin", "piece length": PIECE}
    info.update({key.replace("_", " "): value for key, value in changes.items()})
    return dict(sorted(info.items()))


NESTED_TREE = {"": {"length": 1, "pieces root": b"r" * 32}, "b": {"": {"length": 1, "pieces root": b"r" * 32}}}

REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not_a_torrent"),
    "a picture": (b"\x89PNG\r\n\x1a\n", "not_a_torrent"),
    "a list": (b"le", "not_a_torrent"),
    "no info": (encode({"announce": "http://x/"}), "missing"),
    "info that is a list": (torrent([]), "wrong_type"),
    "bytes after the end": (torrent(v1_info()) + b"\n", "trailing_bytes"),
    "cut short": (torrent(v1_info())[:-30], "truncated"),
    "cut inside a length": (b"d4:info99", "truncated"),
    "a key that is not a string": (b"di1ei2ee", "bad_key"),
    "a key without value": (b"d1:ae", "bad_key"),
    "a duplicate info": (
        b"d4:info" + encode(v1_info()) + b"4:info" + encode(v1_info(name="b")) + b"e",
        "duplicate_key",
    ),
    "a duplicate key in info": (
        torrent(Raw(encode(v1_info())[:-1] + b"6:pieces20:" + b"y" * 20 + b"e")),
        "duplicate_key",
    ),
    "leading zeros in an integer": (torrent(v1_info(length=Raw(b"i020000e"))), "bad_integer"),
    "minus zero": (torrent(v1_info(length=Raw(b"i-0e"))), "bad_integer"),
    "an empty integer": (torrent(v1_info(length=Raw(b"ie"))), "bad_integer"),
    "an integer that overflows": (torrent(v1_info(length=2**63)), "bad_integer"),
    "an integer without end": (torrent(v1_info(length=Raw(b"i" + b"1" * 50))), "bad_integer"),
    "leading zeros in a string": (torrent(v1_info(name=Raw(b"05:a.bin"))), "bad_string"),
    "a string with a huge length": (b"d9999999999:", "truncated"),
    "a string with a longer length": (b"d99999999999:", "bad_string"),
    "a negative length": (torrent(v1_info(length=-1)), "bad_length"),
    "lengths that overflow": (
        torrent(v1_info(length=None, files=[{"length": 2**62, "path": [name]} for name in "abc"])),
        "bad_length",
    ),
    "no piece length": (torrent(v1_info(piece_length=None)), "missing"),
    "a piece length of nothing": (torrent(v1_info(piece_length=0)), "bad_piece_length"),
    "a huge piece length": (torrent(v1_info(piece_length=2**40)), "bad_piece_length"),
    "a v2 piece length that is no power of two": (torrent(v2_info(piece_length=20_000)), "bad_piece_length"),
    "a v2 piece length that is too small": (torrent(v2_info(piece_length=8192)), "bad_piece_length"),
    "pieces of an odd length": (torrent(v1_info(pieces=b"x" * 39)), "bad_pieces"),
    "too few pieces": (torrent(v1_info(pieces=b"x" * 20)), "bad_pieces"),
    "no pieces": (torrent(v1_info(pieces=None)), "missing"),
    "both length and files": (torrent(v1_info(files=[{"length": 1, "path": ["b"]}])), "both_length_and_files"),
    "an empty file list": (torrent(v1_info(length=None, files=[], pieces=b"")), "no_files"),
    "an empty file": (torrent(v1_info(length=0, pieces=b"")), "no_files"),
    "no name": (torrent(v1_info(name=None)), "missing"),
    "a name that is a number": (torrent(v1_info(name=7)), "wrong_type"),
    "an absolute path": (torrent(v1_files(["", "etc", "passwd"])), "unsafe_path"),
    "a path upwards": (torrent(v1_files(["..", "x"])), "unsafe_path"),
    "a path with a dot": (torrent(v1_files([".", "x"])), "unsafe_path"),
    "a path with a separator": (torrent(v1_files(["a/b"])), "unsafe_path"),
    "a path with a separator of Windows": (torrent(v1_files(["a\\b"])), "unsafe_path"),
    "a path with NUL": (torrent(v1_files(["a\0"])), "unsafe_path"),
    "a path that turns the writing": (torrent(v1_files(["\u202egpj.exe"])), "unsafe_path"),
    "a path with a line break": (torrent(v1_files(["a\nb"])), "unsafe_path"),
    "a device of Windows": (torrent(v1_files(["aux.txt"])), "unsafe_path"),
    "an empty path": (torrent(v1_files([])), "unsafe_path"),
    "a name that is a path": (torrent(v1_info(name="../a")), "unsafe_path"),
    "paths that differ in case": (torrent(v1_files(["A", "b"], ["a", "B"])), "path_collision"),
    "paths that differ in composition": (torrent(v1_files(["e\u0301"], ["é"])), "path_collision"),
    "a file that is a folder": (torrent(v1_files(["a"], ["a", "b"])), "path_collision"),
    "one path twice": (torrent(v1_files(["a"], ["a"])), "path_collision"),
    "a symlink that leaves": (
        torrent(
            v1_info(
                length=None, files=[{"attr": "l", "length": 0, "path": ["x"], "symlink path": ["..", "x"]}], pieces=b""
            )
        ),
        "unsafe_symlink",
    ),
    "version 3": (torrent(v2_info(meta_version=3)), "unknown_version"),
    "a v2 file without root": (torrent(v2_info(tree={"a.bin": {"": {"length": 5}}})), "bad_file_tree"),
    "a v2 root of the wrong size": (
        torrent(v2_info(tree={"a": {"": {"length": 5, "pieces root": b"r" * 31}}})),
        "bad_file_tree",
    ),
    "a v2 file that is a folder": (torrent(v2_info(tree={"a": NESTED_TREE})), "bad_file_tree"),
    "an empty v2 folder": (torrent(v2_info(tree={"a": {}})), "bad_file_tree"),
    "a v2 file without facts": (torrent(v2_info(tree={"a": 5})), "bad_file_tree"),
    "an unsafe v2 name": (torrent(v2_info(tree={"..": {"": {"length": 5, "pieces root": b"r" * 32}}})), "unsafe_path"),
    "a missing piece layer": (
        torrent(v2_info(tree={"a": {"": {"length": PIECE + 1, "pieces root": b"r" * 32}}})),
        "bad_piece_layer",
    ),
    "a short piece layer": (
        torrent(
            v2_info(tree={"a": {"": {"length": PIECE + 1, "pieces root": b"r" * 32}}}),
            piece_layers={b"r" * 32: b"x" * 32},
        ),
        "bad_piece_layer",
    ),
    "a piece layer with another root": (
        torrent(
            v2_info(tree={"a": {"": {"length": PIECE + 1, "pieces root": b"r" * 32}}}),
            piece_layers={b"r" * 32: b"x" * 64},
        ),
        "bad_piece_layer",
    ),
    "a piece layer of no file": (torrent(v2_info(), piece_layers={b"r" * 32: b"x" * 64}), "bad_piece_layer"),
    "a hybrid with two sizes": (torrent({**v1_info(), **v2_info(), "length": 20_000}), "hybrid_mismatch"),
    "a hybrid with two names": (
        torrent(
            dict(
                sorted(
                    {**v2_info(name="f"), "files": [{"length": 100, "path": ["b.bin"]}], "pieces": b"x" * 20}.items()
                )
            )
        ),
        "hybrid_mismatch",
    ),
    "a symlink with a length": (
        torrent(
            v1_info(
                length=None, files=[{"attr": "l", "length": 9, "path": ["x"], "symlink path": ["y"]}], pieces=b"x" * 20
            )
        ),
        "bad_length",
    ),
    "a symlink to an unsafe name": (
        torrent(
            v1_info(
                length=None,
                files=[{"attr": "l", "length": 0, "path": ["x"], "symlink path": ["y", "\u202egpj"]}],
                pieces=b"",
            )
        ),
        "unsafe_symlink",
    ),
    "a file below a symlink": (
        torrent(
            v1_info(
                length=None,
                files=[
                    {"attr": "l", "length": 0, "path": ["x"], "symlink path": ["y"]},
                    {"length": 9, "path": ["x", "z"]},
                ],
                pieces=b"x" * 20,
            )
        ),
        "path_collision",
    ),
    "padding in the place of a file": (
        torrent(
            v1_info(
                length=None,
                files=[{"length": 9, "path": ["a"]}, {"attr": "p", "length": 7, "path": ["A"]}],
                pieces=b"x" * 20,
            )
        ),
        "path_collision",
    ),
    "a second path that is unsafe": (
        torrent(
            v1_info(length=None, files=[{"length": 9, "path": ["a"], "path.utf-8": ["..", "a"]}], pieces=b"x" * 20)
        ),
        "unsafe_path",
    ),
    "a second name that is unsafe": (torrent({**v1_info(), "name.utf-8": "../b"}), "unsafe_path"),
    "a name that Windows reads as the folder above": (torrent(v1_files([".. ", "x"])), "unsafe_path"),
    "a path that is too long": (torrent(v1_files(["a" * 200] * 21)), "unsafe_path"),
    "v2 paths that differ in case": (
        torrent(v2_info(tree={"A": {"": {"length": 1, "pieces root": b"r" * 32}}, "a": {"": {"length": 0}}})),
        "path_collision",
    ),
    "v2 sizes that cannot be counted": (
        torrent(
            v2_info(
                tree={
                    "a": {"": {"length": 2**63 - 1, "pieces root": b"r" * 32}},
                    "b": {"": {"length": 1, "pieces root": b"r" * 32}},
                }
            )
        ),
        "bad_length",
    ),
    "a hybrid whose names differ only in broken bytes": (
        torrent(
            dict(
                sorted(
                    {
                        **v2_info(name="f", tree={b"\xfe": {"": {"length": 9, "pieces root": leaf(b"a" * 9)}}}),
                        "files": [{"length": 9, "path": [b"\xff"]}],
                        "pieces": b"x" * 20,
                    }.items()
                )
            )
        ),
        "hybrid_mismatch",
    ),
    "nested lists, 400 kB": (b"d1:a" + b"l" * 400_000, "too_deep"),
    "nested dictionaries": (b"d1:a" * 200 + b"e" * 200, "too_deep"),
}

WARNED: dict[str, tuple[bytes, str]] = {
    "no date": (encode({"info": v1_info()}), "no_creation_date"),
    "unordered keys": (encode({"info": v1_info(), "creation date": 1}), "unordered_keys"),
    "a private flag of two": (torrent(v1_info(private=2)), "odd_private"),
    "a private flag in words": (torrent(v1_info(private="1")), "odd_private"),
    "an unknown key": (torrent(v1_info(), zebra=1), "unknown_key"),
    "an unknown key in info": (torrent(v1_info(zebra=1)), "unknown_key"),
    "a name that is not UTF-8": (torrent(v1_files([b"\xff\xfe"])), "not_utf8"),
    "an odd piece length": (torrent(v1_info(piece_length=20_000, pieces=b"x" * 20)), "odd_piece_length"),
    "padding": (
        torrent(
            v1_info(
                length=None,
                name="f",
                files=[{"length": 9, "path": ["a"]}, {"attr": "p", "length": 7, "path": [".pad", "7"]}],
                pieces=b"x" * 20,
            )
        ),
        "padding_files",
    ),
    "padding that could hide content": (
        torrent(
            v1_info(
                length=None,
                name="f",
                files=[{"length": 9, "path": ["a"]}, {"attr": "p", "length": PIECE, "path": [".pad", "16384"]}],
                pieces=b"x" * 40,
            )
        ),
        "padding_files",
    ),
    "a second name": (torrent({**v1_info(), "name.utf-8": "b.bin"}), "alternative_name"),
    "a folder that is named like its only file": (
        torrent(
            dict(
                sorted(
                    {
                        **v2_info(),
                        "files": [{"length": 100, "path": ["a.bin"]}],
                        "pieces": b"x" * 20,
                    }.items()
                )
            )
        ),
        "alternative_name",
    ),
}
