"""npm's bittorrent-tracker client, as web pages and Node programs use it, announces to the tracker and scrapes it over every protocol."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from largesse import _core
from tools import tool

NODE = Path(__file__).resolve().parents[1] / "node"
INFO_HASH = "ab" * 20


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    """Install the pinned packages; none of their scripts is run."""
    node, npm = tool("node"), tool("npm")
    assert node
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=NODE, check=True, timeout=300, stdin=subprocess.DEVNULL)
        os.utime(installed)


@pytest.fixture(name="tracker", scope="module")
def _tracker() -> Iterator[_core.Tracker]:
    tracker = _core.Tracker(
        listen=["127.0.0.1:0"],
        admin=None,
        policy="listed",
        workers=1,
        interval_seconds=1800,
        private_peers="same",
        trusted_proxies=[],
        client_allow=[],
        client_deny=[],
        most_torrents=100,
    )
    tracker.apply([("allow", bytes.fromhex(INFO_HASH), None)])
    yield tracker
    tracker.stop()


def announced(url: str, *, peer: int, left: int, info_hash: str = INFO_HASH) -> dict[str, Any]:
    """Let the client announce and scrape; return what it understood."""
    words = [tool("node"), "announce_with_client.mjs", url, info_hash, f"{peer:02x}" * 20, str(6000 + peer), str(left)]
    done = subprocess.run(words, cwd=NODE, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_every_protocol_of_the_client_meets_the_same_swarm(tracker: _core.Tracker) -> None:
    address = tracker.addresses[0]
    first = announced(f"http://{address}/announce", peer=1, left=0)
    assert first["announce"] == {"complete": 1, "incomplete": 0}
    assert first["scrape"] == {"complete": 1, "incomplete": 0, "downloaded": 0}

    second = announced(f"udp://{address}", peer=2, left=7)
    assert second["announce"] == {"complete": 1, "incomplete": 1}
    assert second["peers"] == ["127.0.0.1:6001"]

    third = announced(f"http://{address}/announce", peer=3, left=7)
    assert sorted(third["peers"]) == ["127.0.0.1:6001", "127.0.0.1:6002"]

    browser = announced(f"ws://{address}/announce", peer=4, left=7)
    assert browser["announce"] == {"complete": 1, "incomplete": 3}, "a browser counts with the others"
    assert browser["scrape"] == {"complete": 1, "incomplete": 3, "downloaded": 0}


@pytest.mark.parametrize("url", ["http://{}/announce", "udp://{}", "ws://{}/announce"])
def test_the_client_is_told_that_a_torrent_is_not_listed(tracker: _core.Tracker, url: str) -> None:
    told = announced(url.format(tracker.addresses[0]), peer=9, left=1, info_hash="cd" * 20)
    assert told["error"] == "This torrent is not listed here"
