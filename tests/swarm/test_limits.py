"""Limits of one address: who asks too often over UDP or HTTP is counted and costs little, and everybody else is served."""

import struct

import pytest

from largesse import _core
from tracker_talk import announce, decode, get, made
from udp_talk import PROTOCOL_ID, UdpPeer, connected

PER_SECOND = 2
ALLOWED = range(10 * PER_SECOND, 2 * 10 * PER_SECOND + 1)
"""An allowance lasts ten seconds; a test may run over the end of one."""
KEY = b"harvest-harvest-harv"


@pytest.fixture(name="crowded")
def _crowded() -> _core.Tracker:
    """Run a tracker with a swarm of 1,000 peers at other addresses."""
    tracker = made(policy="open", requests_per_second=PER_SECOND)
    for source in range(50):
        with connected(tracker.addresses[0], source=f"127.0.1.{source + 1}") as peer:
            for port in range(5000, 5020):
                peer.announce(KEY, port=port, wanted=0)
    return tracker


def answered(peer: UdpPeer, packet: bytes, *, times: int) -> list[bytes]:
    """Send a packet many times, then a connect; return the replies that came before the connect's."""
    for _ in range(times):
        peer.socket.send(packet)
    peer.socket.send(struct.pack(">QII", PROTOCOL_ID, 0, 0xFFFF_FFFF))
    end = struct.pack(">II", 0, 0xFFFF_FFFF)
    return list(iter(lambda: reply if (reply := peer.socket.recv(4096))[:8] != end else b"", b""))


def test_a_harvester_gets_few_peers_at_a_time_and_then_silence(crowded: _core.Tracker) -> None:
    body = struct.pack(">20s20sQQQIIIiH", KEY, b"-XX0001-harvester000", 0, 1, 0, 0, 0, 0, 2**31 - 1, 6881)
    with connected(crowded.addresses[0], source="127.0.2.1") as harvester:
        packet = struct.pack(">QII", harvester.connection, 1, 7) + body
        replies = answered(harvester, packet, times=500)
        assert len(replies) in ALLOWED
        peers = [[reply[at : at + 6] for at in range(20, len(reply), 6)] for reply in replies]
        assert all(len(one) == len(set(one)) == 200 for one in peers)
        assert len({tuple(sorted(one)) for one in peers}) > 1, "never the same peers each time"
        refused = crowded.stats()["over_limit"]
        assert refused == 500 - len(replies)
        scrape = struct.pack(">QII", harvester.connection, 2, 7) + KEY * 74
        assert len(answered(harvester, scrape, times=50)) in range(6), "a scrape of 74 costs as much as eight requests"
        assert crowded.stats()["over_limit"] > refused
    assert announce(crowded, key=KEY, port=7000)[b"incomplete"] == 1002
    with connected(crowded.addresses[0], source="127.0.2.2") as honest:
        assert len(honest.announce(KEY, port=7001).peers) == 50
    crowded.stop()


def test_scrape_abuse_over_http_is_refused_with_a_time_to_come_back() -> None:
    tracker = made(policy="open", requests_per_second=PER_SECOND)
    names = "&".join(f"info_hash={chr(97 + number) * 20}" for number in range(20))
    replies = [decode(get(tracker.addresses[0], f"/scrape?{names}", source="127.0.2.3")) for _ in range(40)]
    refused = [reply for reply in replies if b"failure reason" in reply]
    assert len(replies) - len(refused) in range(6, 14), "a scrape of 20 costs as much as three requests"
    assert refused[0] == {
        b"failure reason": b"Too many requests from this address",
        b"interval": 1800,
        b"retry in": 1,
    }
    assert tracker.stats()["over_limit"] == len(refused)
    assert b"files" in decode(get(tracker.addresses[0], f"/scrape?{names}", source="127.0.2.4"))
    tracker.stop()


def test_a_flood_of_new_torrents_ends_at_the_limit_and_known_ones_are_served() -> None:
    swarms = _core.Swarms(policy="open", interval_seconds=600, shards=2, most_torrents=100, most_peers=10)
    for number in range(300):
        swarms.announce(number.to_bytes(4) * 5, "8.0.0.1:5000", event="started", left=1, wanted=0)
    stats = swarms.stats()
    assert stats["torrents"] <= 100
    assert stats["refused_full"] == 300 - stats["torrents"]
    assert swarms.announce(bytes(20), "8.0.0.2:5000", event="started", left=1, wanted=5)[0] is None
    swarms.advance(2000)
    assert swarms.stats()["torrents"] == 0, "what nobody announces again is gone"
    assert swarms.announce(b"n" * 20, "8.0.0.2:5000", event="started", left=1, wanted=5)[0] is None


def test_a_flood_of_new_torrents_from_one_address_leaves_room_for_others() -> None:
    swarms = _core.Swarms(policy="open", interval_seconds=600, shards=1, most_torrents=1000)
    for number in range(3000):
        swarms.announce(number.to_bytes(4) * 5, "8.0.0.1:5000", event="started", left=1, wanted=0)
    assert swarms.stats()["torrents"] <= 800
    for number in range(20):
        new = bytes([200 + number]) * 20
        assert swarms.announce(new, "8.0.0.2:5000", event="started", left=1, wanted=0)[0] is None
    assert swarms.stats()["refused_full"] >= 2200


def test_a_flood_of_peers_ends_at_the_limit_of_its_swarm_and_is_counted() -> None:
    swarms = _core.Swarms(policy="open", most_peers=300)
    for number in range(1000):
        swarms.announce(KEY, f"8.0.{number // 250}.{number % 250 + 1}:5000", event="started", left=1, wanted=0)
    stats = swarms.stats()
    assert (stats["peers_ipv4"], stats["peers_refused"]) == (300, 700)
    swarms.announce(KEY, "[2600::1]:5000", event="started", left=1, wanted=0)
    assert swarms.stats()["peers_ipv6"] == 1, "the other family has its own room"


def test_every_peer_of_a_large_swarm_is_handed_out_about_as_often() -> None:
    swarms = _core.Swarms(policy="open", most_peers=5000)
    for number in range(2000):
        swarms.announce(KEY, f"8.0.{number // 250}.{number % 250 + 1}:5000", event="started", left=1, wanted=0)
    times: dict[bytes, int] = {}
    for _ in range(2000):
        _, _, v4, _ = swarms.announce(KEY, "9.9.9.9:5000", event="", left=1, wanted=50)
        for at in range(0, len(v4), 6):
            times[v4[at : at + 6]] = times.get(v4[at : at + 6], 0) + 1
    assert len(times) == 2000
    mean = sum(times.values()) / len(times)
    assert mean == pytest.approx(50, rel=0.01)
    assert max(times.values()) < 3 * mean


@pytest.mark.parametrize(
    ("peer", "is_told"),
    [
        ("8.8.8.8:6881", True),
        ("[2600::1]:6881", True),
        ("0.0.0.0:6881", False),
        ("224.0.0.1:6881", False),
        ("255.255.255.255:6881", False),
        ("192.0.2.1:6881", False),
        ("198.18.0.1:6881", False),
        ("[2001:db8::1]:6881", False),
        ("[ff02::1]:6881", False),
        ("8.8.8.8:22", False),
        ("8.8.8.8:80", True),
        ("[::ffff:8.8.8.8]:6881", True),
        ("[::ffff:192.0.2.1]:6881", False),
    ],
)
def test_bogons_and_low_ports_are_handed_to_nobody(peer: str, is_told: bool) -> None:
    swarms = _core.Swarms(policy="open")
    swarms.announce(KEY, peer, event="started", left=1, wanted=0)
    _, _, v4, v6 = swarms.announce(KEY, "9.9.9.9:5000", event="started", left=1, wanted=9, both_families=True)
    assert bool(v4 or v6) == is_told
