"""npm's bittorrent-tracker client, as web pages and Node programs use it, announces to the tracker and scrapes it over every protocol."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from largesse import _core
from tools import NODE, node_packages, tool

INFO_HASH = "ab" * 20
MANY = [f"{number:02x}" * 20 for number in range(1, 21)]
URLS = ["http://{}/announce", "udp://{}", "ws://{}/announce"]


@pytest.fixture(scope="module", autouse=True)
def _packages() -> None:
    node_packages()


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
    tracker.apply([("allow", bytes.fromhex(key), None) for key in (INFO_HASH, *MANY)])
    yield tracker
    tracker.stop()


def announced(url: str, *, peer: int, left: int, info_hash: str = INFO_HASH) -> dict[str, Any]:
    """Let the client announce and scrape; return what it understood."""
    return ran("announce_with_client.mjs", url, info_hash, f"{peer:02x}" * 20, str(6000 + peer), str(left))


def ran(script: str, *words: str) -> dict[str, Any]:
    """Run a script of tests/node and return what it printed."""
    command = [tool("node"), script, *words]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=60, check=False)
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


@pytest.mark.parametrize("url", URLS)
def test_all_four_events_and_a_scrape_of_many_torrents(tracker: _core.Tracker, url: str) -> None:
    sockets = tracker.stats()["ws_connections"]
    told = ran("events_with_clients.mjs", url.format(tracker.addresses[0]), "fe" * 20, *MANY)
    assert "error" not in told
    assert told["started"] == told["updated"] == [[0, 1]] * len(MANY)
    assert told["completed"] == [[1, 0]] * len(MANY)
    before = URLS.index(url)  # Each protocol before this one has completed a download, too.
    assert told["scraped"] == [[1, 0, 1 + before]] * len(MANY)
    assert told["stopped"] == [[0, 0]] * len(MANY)
    if url.startswith("ws"):
        assert tracker.stats()["ws_connections"] == sockets + 1, "all torrents of a page share one socket"


@pytest.mark.parametrize("url", URLS)
def test_the_client_is_told_that_a_torrent_is_not_listed(tracker: _core.Tracker, url: str) -> None:
    told = announced(url.format(tracker.addresses[0]), peer=9, left=1, info_hash="cd" * 20)
    assert told["error"] == "This torrent is not listed here"
