"""
The tracker under attack, at a small scale: a real tracker in a process of its own, real packets from many addresses of 127/8.

Each attack must have a bounded cost, move a counter, and leave honest clients on other addresses served.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOAD = ROOT / "target" / "release" / "largesse-load"
RATE = 2_000
"""Honest announces a second: far below what one core answers, so that this machine's mood does not decide."""
ALLOWANCE_SECONDS = 10
"""How long an allowance lasts; an attack that is shorter may run over the end of one, and use two."""
MEBIBYTE = 2**20


@dataclass
class Victim:
    """A tracker in its own process."""

    child: subprocess.Popen[str]
    address: str
    requests_per_second: int

    @property
    def most_requests(self) -> int:
        """How many requests of one address are answered during an attack at most."""
        return 2 * ALLOWANCE_SECONDS * self.requests_per_second

    def counters(self) -> dict[str, int]:
        """Ask for all counters."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        self.child.stdin.write("counters\n")
        self.child.stdin.flush()
        counters: dict[str, int] = json.loads(self.child.stdout.readline())
        return counters

    def attack(self, kind: str, *, ratio: int = 3, attackers: int = 200) -> dict[str, float]:
        """Send honest announces, and `ratio` times as many packets of an attack from other addresses, for a second and a half."""
        words = {
            "kind": kind,
            "target": self.address,
            "process": self.child.pid,
            "peers": 2_000,
            "torrents": 20,
            "sources": 200,
            "rate": RATE,
            "ratio": ratio,
            "attackers": attackers,
            "seconds": 1.5,
        }
        options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
        done = subprocess.run([str(LOAD), "attack", *options], check=True, capture_output=True, text=True, timeout=60)
        figures: dict[str, float] = json.loads(done.stdout)
        return figures


@pytest.fixture(scope="module", autouse=True)
def _generator() -> None:
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "largesse-load"], cwd=ROOT, check=True)


@pytest.fixture
def requests_per_second() -> int:
    """Return what one address may ask: as much as at a public tracker, unless a test says otherwise."""
    return 500


@pytest.fixture
def victim(requests_per_second: int) -> Iterator[Victim]:
    """Run an open tracker that holds at most 1,000 torrents."""
    limits = ["--most-torrents", "1000", "--requests-per-second", str(requests_per_second)]
    child = subprocess.Popen(
        [sys.executable, "-m", "benches.serve", *limits],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert child.stdout is not None
        yield Victim(child, json.loads(child.stdout.readline())["address"], requests_per_second)
    finally:
        child.kill()
        child.communicate()


def assert_served(figures: dict[str, float]) -> None:
    """Honest clients got their answers, whole ones, and the tracker kept its memory."""
    assert figures["sent"] >= RATE
    assert figures["errors"] == 0
    assert figures["answered"] >= 0.95
    assert figures["after_bytes"] - figures["full_bytes"] < 8 * MEBIBYTE


def assert_held_to_its_limit(victim: Victim, figures: dict[str, float]) -> None:
    """The one address that attacks got as many answers as it may ask for; the rest was counted, and nobody else's."""
    assert 0 < figures["flood_replies"] <= victim.most_requests
    refused = victim.counters()["over_limit"]
    assert 0.9 * figures["flood_sent"] - victim.most_requests <= refused <= figures["flood_sent"]
    assert refused > 0


def test_wrong_connection_ids_meet_silence_while_honest_clients_are_served(victim: Victim) -> None:
    figures = victim.attack("wrong-connection")
    assert_served(figures)
    assert figures["flood_replies"] == 0
    assert figures["flood_errors"] == 0
    assert victim.counters()["udp_wrong_connection"] >= 0.9 * figures["flood_sent"] > 0


def test_connect_flood_never_gets_more_bytes_than_it_sent(victim: Victim) -> None:
    figures = victim.attack("connect")
    assert_served(figures)
    assert 0 < figures["flood_reply_bytes"] / figures["flood_replies"] <= 16
    assert victim.counters()["udp_connects"] >= figures["flood_replies"]


def test_random_info_hashes_do_not_grow_the_tracker_past_its_limit(victim: Victim) -> None:
    figures = victim.attack("random-hash")
    assert_served(figures)
    counters = victim.counters()
    assert counters["torrents"] <= 1_000
    assert counters["refused_full"] > 0


def test_peer_flood_on_one_swarm_stays_small(victim: Victim) -> None:
    figures = victim.attack("peer-flood")
    assert_served(figures)
    counters = victim.counters()
    assert 2_000 < counters["peers_ipv4"] <= 2_000 + figures["flood_sent"]


def test_many_announces_from_one_address_leave_the_others_served(victim: Victim) -> None:
    figures = victim.attack("one-address", ratio=9, attackers=1)
    assert_served(figures)
    assert_held_to_its_limit(victim, figures)
    assert victim.counters()["peers_ipv4"] <= 2_000 + victim.most_requests


def test_a_harvester_of_one_swarm_gets_no_more_than_its_limit(victim: Victim) -> None:
    figures = victim.attack("harvest", ratio=9, attackers=1)
    assert_served(figures)
    assert_held_to_its_limit(victim, figures)
    assert figures["flood_reply_bytes"] / figures["flood_replies"] <= 20 + 200 * 6


@pytest.mark.parametrize("requests_per_second", [20])
def test_scrape_abuse_leaves_announces_served(victim: Victim) -> None:
    figures = victim.attack("scrape", attackers=20)
    assert_served(figures)
    counters = victim.counters()
    hashes, of_one_request = 74, 10
    dearest = 20 * victim.most_requests / (1 + hashes // of_one_request)
    assert 0 < figures["flood_replies"] <= counters["udp_scrapes"] <= dearest
    assert 0.9 * figures["flood_sent"] - dearest <= counters["over_limit"] <= figures["flood_sent"]
