"""
Changes of the policy on a real tracker: they arrive through the journal, are acknowledged, and hold within a second.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from processes import run, start, wait_for
from udp_talk import UdpPeer, UdpRefusedError, connected

V1, V2 = b"first-first-first-fi", b"secondsecondsecondse"
APPEND = """
import json, time
from django.db import transaction
from largesse.journal.actions.append import append
from largesse.journal.followers import acknowledged_by
from largesse.journal.models import Acknowledgement
took = []
for kind in %r:
    with transaction.atomic():
        row = append(kind=kind, subject="torrent:1", actor="test", payload={"announce_keys": %r})
    committed = time.monotonic()
    while not acknowledged_by(row.serial)["tracker policy@main"]:
        assert time.monotonic() < committed + 30, "never acknowledged"
        time.sleep(0.005)
    took.append(time.monotonic() - committed)
print(json.dumps(took))
"""


@dataclass
class Listing:
    """A tracker over a data folder, with the policy `listed`."""

    data: Path
    url: str

    def happens(self, *kinds: str) -> list[float]:
        """Append facts to the journal; return how long each took until the tracker acknowledged it."""
        code = APPEND % (kinds, [V1.hex(), V2.hex()])
        done = run(
            "manage", "shell", "--no-imports", "-v", "0", "-c", code, environment={"LARGESSE_DATA": str(self.data)}
        )
        assert done.returncode == 0, done.stderr
        took: list[float] = json.loads(done.stdout)
        return took

    def rules(self, *options: str) -> dict[str, Any]:
        """Change the rules for clients, or ask what they are."""
        done = run("clients", "--data", str(self.data), "--json", *options)
        assert done.returncode == 0, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said


@pytest.fixture(name="listing")
def _listing(tmp_path: Path) -> Iterator[Listing]:
    with start("tracker", "--data", str(tmp_path), "--listen", "127.0.0.1:0", "--workers", "1", "--json") as running:
        yield Listing(tmp_path, json.loads(running.first_line())["announce"][0])


def is_refused(peer: UdpPeer, key: bytes, *, saying: str, peer_id: bytes = b"-XX0001-aaaaaaaaaaaa") -> bool:
    said = ""
    try:
        peer.announce(key, port=6001, peer_id=peer_id)
    except UdpRefusedError as refusal:
        said = str(refusal)
    assert not said or saying in said
    return bool(said)


def test_listing_and_withdrawal_hold_on_every_key_as_soon_as_they_are_acknowledged(listing: Listing) -> None:
    with connected(listing.url) as one, connected(listing.url, source="127.0.0.2") as two:
        assert is_refused(one, V1, saying="not listed")
        listing.happens("torrents.listed")
        assert one.announce(V1, port=6001).leechers == 1
        assert two.announce(V2, port=6002, left=0).leechers == 1, "a hybrid's keys share one swarm"
        assert one.scrape(V1, V2) == [(1, 0, 1), (1, 0, 1)]
        listing.happens("torrents.withdrawn")
        assert is_refused(one, V1, saying="not listed")
        assert is_refused(two, V2, saying="not listed")
        assert one.scrape(V1, V2) == [(0, 0, 0), (0, 0, 0)]
        listing.happens("torrents.restored")
        assert two.announce(V2, port=6002, left=0).leechers == 0, (
            "its peers were forgotten, and come back by themselves"
        )


def test_a_change_is_acknowledged_within_a_second_of_its_commit(listing: Listing) -> None:
    took = listing.happens(*["torrents.listed", "torrents.withdrawn"] * 5)
    assert sorted(took)[len(took) // 2] < 1, "most are; a machine that does other things may hold up one of them"


def test_rules_for_clients_hold_without_a_restart(listing: Listing) -> None:
    listing.happens("torrents.listed")
    with connected(listing.url) as peer:
        assert peer.announce(V1, port=6001).leechers == 1
        said = listing.rules("--deny", "-XX", "--deny", "-YY0001")
        assert said == {"allow": [], "deny": ["-XX", "-YY0001"], "serial": 2}
        wait_for(lambda: is_refused(peer, V1, saying="not served here"))
        assert not is_refused(peer, V1, saying="", peer_id=b"-YY0002-aaaaaaaaaaaa")
        listing.rules("--allow", "-ZZ")
        wait_for(lambda: not is_refused(peer, V1, saying="not served here", peer_id=b"-ZZ0001-aaaaaaaaaaaa"))
        assert is_refused(peer, V1, saying="not served here")
        listing.rules("--clear")
        wait_for(lambda: not is_refused(peer, V1, saying="not served here"))
    refused = run("clients", "--data", str(listing.data), "--deny", "né")
    assert refused.returncode != 0
    assert "printable ASCII" in refused.stderr
    assert listing.rules() == {"allow": [], "deny": [], "serial": 4}
