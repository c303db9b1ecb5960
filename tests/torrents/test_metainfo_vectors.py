"""Files kept for good: their hashes must never be read otherwise, by no version of Largesse."""

import json
from pathlib import Path
from typing import Any

import pytest

from largesse.torrents.metainfo import scan

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "metainfo"
EXPECTED: list[dict[str, Any]] = json.loads((VECTORS / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected["file"])
def test_a_kept_file_is_read_as_ever(expected: dict[str, Any]) -> None:
    found = scan((VECTORS / expected["file"]).read_bytes())
    assert found.is_accepted, found.refusals
    metainfo = found.metainfo
    assert metainfo is not None
    assert metainfo.name == expected["name"]
    assert (metainfo.v1.hex() if metainfo.v1 else None) == expected["v1"]
    assert (metainfo.v2.hex() if metainfo.v2 else None) == expected["v2"]
    assert (metainfo.size_bytes, metainfo.piece_length_bytes) == (
        expected["size_bytes"],
        expected["piece_length_bytes"],
    )
    assert sorted([file.path, file.size_bytes] for file in metainfo.files) == expected["files"]
    assert metainfo.announce == (("udp://tracker.example:6969/announce",), ("http://tracker.example/announce",))
    assert metainfo.web_seeds == ("https://seed.example/",)
    assert (metainfo.comment, metainfo.created_by) == ("Made for the tests.", "libtorrent")
    assert metainfo.created_at is not None
    assert metainfo.created_at.timestamp() == 1_700_000_000


def test_the_same_file_has_one_root_in_v2_and_hybrid() -> None:
    roots = []
    for name in ("v2", "hybrid", "hybrid-canonical"):
        metainfo = scan((VECTORS / f"{name}.torrent").read_bytes()).metainfo
        assert metainfo is not None
        roots.append({file.path: file.pieces_root for file in metainfo.files})
    assert roots[0] == roots[1] == roots[2]
    assert all(type(root) is bytes and len(root) == 32 for path, root in roots[0].items() if path != "data/empty")
    assert roots[0]["data/empty"] is None
