"""The strict scanner: what libtorrent makes is accepted alike; what two programs would read differently is refused."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import libtorrent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from largesse.torrents.metainfo import Scan, scan, with_announce

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


def codes(found: Scan) -> set[str]:
    return {problem.code for problem in found.refusals}


def warned(found: Scan) -> set[str]:
    return {problem.code for problem in found.warnings}


def test_a_plain_file_is_accepted_without_a_word() -> None:
    found = scan(torrent(v1_info()))
    assert found.is_accepted
    assert (found.warnings, found.refusals) == ((), ())
    assert found.metainfo
    assert found.metainfo.v1 == hashlib.sha1(encode(v1_info())).digest()
    assert [(file.path, file.size_bytes) for file in found.metainfo.files] == [("a.bin", 20_000)]


def test_a_plain_v2_file_is_accepted() -> None:
    found = scan(torrent(v2_info()))
    assert found.refusals == ()
    assert found.metainfo
    assert found.metainfo.v2 == hashlib.sha256(encode(v2_info())).digest()
    assert found.metainfo.announce_keys == (found.metainfo.v2[:20],)


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


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused(name: str) -> None:
    content, code = REFUSED[name]
    found = scan(content)
    assert code in codes(found)
    assert not found.is_accepted
    for problem in found.refusals:
        assert 0 <= problem.offset <= len(content)
        assert problem.message.endswith((".", "it."))


def test_the_size_limit_is_kept() -> None:
    assert codes(scan(torrent(v1_info()), maximum_bytes=50)) == {"too_large"}


def test_more_tokens_than_the_limit_are_refused() -> None:
    assert codes(scan(b"d1:al" + b"0:" * 3_000_001 + b"ee")) == {"too_many_tokens"}


def test_a_report_stays_short() -> None:
    found = scan(torrent(v1_files(*([".."] for _ in range(5000)))))
    assert len(found.refusals) == 100


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


@pytest.mark.parametrize("name", WARNED)
def test_an_odd_file_is_accepted_with_a_warning(name: str) -> None:
    content, code = WARNED[name]
    found = scan(content)
    assert found.is_accepted, found.refusals
    assert code in warned(found)


def test_names_that_are_not_utf8_are_shown_with_replacement() -> None:
    found = scan(torrent(v1_files([b"caf\xe9.txt"])))
    assert found.metainfo
    assert found.metainfo.files[0].path == "caf\ufffd.txt"


def test_names_that_are_not_utf8_keep_their_bytes_and_do_not_collide() -> None:
    found = scan(torrent(v1_files([b"caf\xe9"], [b"caf\xe8"], ["plain"])))
    assert found.is_accepted, found.refusals
    assert found.metainfo
    assert [file.path for file in found.metainfo.files] == ["caf\ufffd", "caf\ufffd", "plain"]
    assert [file.path_bytes for file in found.metainfo.files] == [b"caf\xe9", b"caf\xe8", None]


def test_a_name_is_measured_as_file_systems_do() -> None:
    assert scan(torrent(v1_files(["語" * 255]))).is_accepted
    assert "unsafe_path" in codes(scan(torrent(v1_files(["語" * 256]))))


def test_a_message_cannot_turn_the_writing_of_a_terminal() -> None:
    messages = [problem.message for problem in scan(torrent(v1_files(["\u202egpj\x1b.exe"]))).refusals]
    assert messages
    assert not any("\u202e" in message or "\x1b" in message for message in messages)


def test_one_wrong_file_does_not_hide_the_others() -> None:
    """The report names each file once, and says nothing of pieces that cannot be counted."""
    found = scan(torrent(v1_files([".."], ["CON"], [], ["ok"])))
    assert [problem.code for problem in found.refusals] == ["unsafe_path"] * 3
    assert len({problem.offset for problem in found.refusals}) == 3


def test_a_private_flag_of_two_is_not_private() -> None:
    found = scan(torrent(v1_info(private=2)))
    assert found.metainfo
    assert not found.metainfo.is_private


def test_padding_is_left_out_of_files_and_size() -> None:
    found = scan(WARNED["padding"][0])
    assert found.metainfo
    assert [file.path for file in found.metainfo.files] == ["a"]
    assert found.metainfo.size_bytes == 9


def test_the_handed_out_copy_keeps_info_byte_for_byte() -> None:
    original = encode({"url-list": "http://seed/", "info": v1_info(), "announce": "http://theirs/", "zebra": [1]})
    copy = with_announce(original, announce=[["udp://a/announce"], ["http://b/announce"]])
    decoded = libtorrent.bdecode(copy)
    assert encode(v1_info()) in copy
    assert decoded[b"announce"] == b"udp://a/announce"
    assert decoded[b"announce-list"] == [[b"udp://a/announce"], [b"http://b/announce"]]
    assert (decoded[b"url-list"], decoded[b"zebra"]) == (b"http://seed/", [1])
    assert b"theirs" not in copy
    assert "unordered_keys" not in warned(scan(copy))
    assert b"url-list" not in with_announce(original, announce=[], web_seeds=[])


NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N"), exclude_characters="ßŉ"), min_size=1, max_size=8
).map(lambda text: f"n{text}".lower())
FLAGS = st.sampled_from([0, libtorrent.create_torrent.v1_only, libtorrent.create_torrent.v2_only])
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.integers(0, 80_000), min_size=1, max_size=6
).filter(lambda tree: any(tree.values()))


@given(TREES, FLAGS, st.sampled_from([0, PIECE, 2 * PIECE]), st.booleans(), st.booleans())
def test_whatever_libtorrent_makes_is_accepted_with_the_same_hashes(
    tree: dict[str, int], flags: Any, piece_length: int, canonical: bool, with_link: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "torrent")
        for name, size in tree.items():
            path = root / name
            if any(parent.is_file() for parent in path.parents) or path.is_dir():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(size))
        sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file()]
        if not sum(sizes):
            return
        if with_link:
            first = min(path for path in root.rglob("*") if path.is_file())
            (root / "0link").symlink_to(first.relative_to(root))
            sizes.append(0)
            flags |= libtorrent.create_torrent.symlinks
        if canonical and flags != libtorrent.create_torrent.v2_only:
            flags |= libtorrent.create_torrent.canonical_files
        made = libtorrent.create_torrent(libtorrent.list_files(str(root), flags=flags), piece_length, flags)
        libtorrent.set_piece_hashes(made, folder)
        content = libtorrent.bencode(made.generate())
    info = libtorrent.torrent_info(libtorrent.bdecode(content)).info_hashes()
    found = scan(content)
    assert found.refusals == ()
    assert found.metainfo
    assert found.metainfo.v1 == (info.v1.to_bytes() if info.has_v1() else None)
    assert found.metainfo.v2 == (info.v2.to_bytes() if info.has_v2() else None)
    assert found.metainfo.size_bytes == sum(sizes)
    assert len(found.metainfo.files) == len(sizes)
    assert [file.path for file in found.metainfo.files if file.symlink] == ["0link"] * with_link
    start, end = found.metainfo.info_span
    assert hashlib.sha1(content[start:end]).digest() == info.v1.to_bytes() or not info.has_v1()
    copy = with_announce(content, announce=[["http://ours/announce"]])
    assert content[start:end] in copy
    assert libtorrent.torrent_info(libtorrent.bdecode(copy)).info_hashes() == info


SEEDS = [content for content, _ in [*REFUSED.values(), *WARNED.values()] if len(content) < 5000] + [torrent(v2_info())]


@given(st.sampled_from(SEEDS), st.data())
def test_mutations_are_read_or_refused(content: bytes, data: st.DataObject) -> None:
    mutated = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        piece = data.draw(
            st.one_of(st.binary(max_size=6), st.sampled_from([b"e", b"d", b"l", b"i-1e", b"0:", b"4:info", b"99:"]))
        )
        mutated[at : at + data.draw(st.integers(0, 6))] = piece
    found = scan(bytes(mutated))
    assert found.is_accepted or found.refusals
    assert all(0 <= problem.offset <= len(mutated) for problem in (*found.refusals, *found.warnings))
