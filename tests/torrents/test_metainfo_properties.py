"""The scanner beside libtorrent on random trees, and on files that were changed at random."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import libtorrent
from hypothesis import given
from hypothesis import strategies as st

from largesse.torrents.metainfo import scan, with_announce
from odd_torrents import PIECE, REFUSED, WARNED, torrent, v2_info

NAMES = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S"), exclude_characters="/\\\\"), min_size=1, max_size=8
).map(lambda text: f"ff{text}")


def is_one_tree_everywhere(tree: Iterable[str]) -> bool:
    """Say whether no two names are one on a computer that folds case, composes, or drops dots at the end."""
    places = {"/".join(name.split("/")[:depth]) for name in tree for depth in range(1, name.count("/") + 2)}
    folded = {
        "/".join(normalize("NFC", normalize("NFC", part).casefold()).rstrip(". ") for part in place.split("/"))
        for place in places
    }
    return len(places) == len(folded)


FLAGS = st.sampled_from([0, libtorrent.create_torrent.v1_only, libtorrent.create_torrent.v2_only])
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.integers(0, 80_000), min_size=1, max_size=6
).filter(lambda tree: any(tree.values()) and is_one_tree_everywhere(tree))


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
