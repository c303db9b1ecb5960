"""
`largesse publish`, killed at each of its steps, over a running site.

Page, bytes, journal and tracker agree afterwards, `largesse check` says so, and the same command, run again, finishes the work.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import httpx
import pytest

from cli.dying_publish import STEPS
from largesse.torrents.making import make_torrent
from largesse.torrents.metainfo import scan
from processes import RunningSite, run, start_site, wait_for
from tracker_talk import decode, get

PROGRAM = Path(__file__).parent / "dying_publish.py"
LISTED_FROM = list(STEPS).index("after it was listed")
WRITTEN_FROM = list(STEPS).index("after the .torrent file was written")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with start_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def is_announceable(site: RunningSite, key: bytes) -> bool:
    """Ask the tracker."""
    address = next(url for url in site.announce if url.startswith("http://127")).split("/")[2]
    words = f"info_hash={quote_from_bytes(key)}&peer_id=-XX0001-000000000001&port=6881&left=1"
    return b"failure reason" not in decode(get(address, f"/announce?{words}"))


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_publication_is_whole_or_never_was(site: RunningSite, tmp_path: Path, step: str) -> None:
    path = tmp_path / "recording.bin"
    path.write_bytes(os.urandom(100_000))
    metainfo = scan(make_torrent(path).metainfo_bytes).metainfo
    assert metainfo is not None
    key = metainfo.announce_keys[0]
    words = [sys.executable, str(PROGRAM), step, "publish", str(path), "--no-seed", "--data", str(site.data)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LARGESSE_")}
    killed = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    is_listed = list(STEPS).index(step) >= LISTED_FROM
    found = httpx.get(f"{site.site}/api/v1/torrents", params={"q": key.hex()}).json()
    assert found["total"] == int(is_listed)
    wait_for(lambda: is_announceable(site, key) == is_listed)
    torrents = list(tmp_path.glob("*.torrent"))
    assert len(torrents) == int(list(STEPS).index(step) >= WRITTEN_FROM)
    assert all(scan(torrent.read_bytes()).is_accepted for torrent in torrents)
    if is_listed:
        assert httpx.get(found["torrents"][0]["page"]).status_code == 200
        assert scan(httpx.get(found["torrents"][0]["download"]).content).is_accepted
    again = run("publish", str(path), "--no-seed", "--json", "--data", str(site.data), cwd=tmp_path)
    told = json.loads(again.stdout)
    assert told["new"] != is_listed
    assert Path(told["torrent"]) == tmp_path / "recording.bin.torrent"
    assert httpx.get(told["page"]).status_code == 200
    assert is_announceable(site, key)
    checked = run("check", "--data", str(site.data), "--json")
    assert (checked.returncode, json.loads(checked.stdout)["breaks"]) == (0, [])
