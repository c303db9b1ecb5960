"""UDP to the letter of BEP 15, 21, 41 and 7: the real `largesse tracker` process, real packets, IPv4 and IPv6."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processes import Running, start, wait_for
from tracker_talk import decode, get, made
from udp_talk import UdpPeer, UdpRefusedError, connected, url_data

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "udp.json").read_text(encoding="ascii"))


@pytest.fixture(name="told", scope="module")
def _told() -> Iterator[dict[str, Any]]:
    """Run a tracker alone, with one setting for both address families."""
    with start(
        *("tracker", "--policy", "open", "--listen", "127.0.0.1:0,[::1]:0", "--workers", "1", "--json")
    ) as running:
        said: dict[str, Any] = json.loads(running.first_line())
        yield said


def udp_urls(told: dict[str, Any]) -> list[str]:
    return [url for url in told["announce"] if url.startswith("udp://")]


def stats(told: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = json.loads(get(told["admin"].removeprefix("http://"), "/stats.json"))
    return found


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors_of_the_wire(told: dict[str, Any], vector: dict[str, Any]) -> None:
    connection = ""
    with UdpPeer(udp_urls(told)[vector["family"]]) as peer:
        for step in vector["steps"]:
            packet = bytes.fromhex(step["send"].replace("<connection>", connection).replace(" ", ""))
            if step["receive"] is None:
                assert peer.meets_silence(packet)
                continue
            expected = step["receive"].replace(" ", "")
            reply = peer.ask(packet).hex()
            if "<connection>" in expected:
                at = expected.index("<connection>")
                connection = reply[at : at + 16]
                expected = expected.replace("<connection>", connection)
            assert reply == expected


def test_a_swarm_over_udp_from_start_to_stop(told: dict[str, Any]) -> None:
    key = b"udp-udp-udp-udp-udp-"
    with connected(udp_urls(told)[0]) as one, connected(udp_urls(told)[0], source="127.0.0.2") as two:
        reply = one.announce(key, port=6001)
        assert (reply.seeders, reply.leechers, reply.peers) == (0, 1, [])
        assert 60 <= reply.interval <= 1800
        reply = two.announce(key, port=6002, left=0)
        assert (reply.seeders, reply.leechers) == (1, 1)
        assert reply.peers == [b"\x7f\x00\x00\x01" + struct.pack(">H", 6001)]
        assert one.announce(key, port=6001, left=0, event="completed").seeders == 2
        assert two.scrape(key) == [(2, 1, 0)]
        reply = one.announce(key, port=6001, left=7, event="paused")
        assert (reply.seeders, reply.leechers) == (1, 1)
        files = decode(
            get(udp_urls(told)[0].removeprefix("udp://").removesuffix("/announce"), "/scrape?info_hash=" + key.decode())
        )
        assert files[b"files"][key][b"downloaders"] == 0, "a partial seed downloads nothing (BEP 21)"
        reply = one.announce(key, port=6001, event="stopped")
        assert (reply.seeders, reply.leechers, reply.peers) == (1, 0, [])


def test_ipv6_peers_are_sent_as_18_bytes_and_count_in_the_same_swarm(told: dict[str, Any]) -> None:
    key = b"both-families-both-f"
    four, six = udp_urls(told)
    with connected(four) as one, connected(six) as two, connected(six) as three:
        one.announce(key, port=6001)
        reply = two.announce(key, port=6002)
        assert (reply.leechers, reply.peers) == (2, [])
        reply = three.announce(key, port=6003)
        assert (reply.leechers, reply.peers) == (3, [bytes(15) + b"\x01" + struct.pack(">H", 6002)])


def test_a_scrape_of_74_hashes_is_answered_in_its_order_and_one_of_75_is_not(told: dict[str, Any]) -> None:
    keys = [bytes([number]) * 20 for number in range(100, 175)]
    with connected(udp_urls(told)[0]) as peer:
        for number in (0, 30, 73):
            peer.announce(keys[number], port=6000, left=0)
        found = peer.scrape(*keys[:74])
        assert len(found) == 74
        assert [number for number, counts in enumerate(found) if counts == (1, 0, 0)] == [0, 30, 73]
        head = struct.pack(">QII", peer.connection, 2, 1)
        assert peer.meets_silence(head + b"".join(keys))
        assert peer.meets_silence(head), "no hash at all"
        assert peer.meets_silence(head + bytes(21)), "half a hash"


def test_as_many_peers_as_are_wanted_and_never_the_one_who_asks(told: dict[str, Any]) -> None:
    key = b"wanted-wanted-wanted"
    with connected(udp_urls(told)[0]) as peer:
        for port in range(7000, 7300):
            peer.announce(key, port=port, wanted=0)
        assert len(peer.announce(key, port=7000, wanted=3).peers) == 3
        assert peer.announce(key, port=7000, wanted=0).peers == []
        usual = peer.announce(key, port=7000, wanted=-1).peers
        assert len(usual) == 50
        most = peer.announce(key, port=7000, wanted=100_000).peers
        assert len(most) == len(set(most)) == 200
        own = b"\x7f\x00\x00\x01" + struct.pack(">H", 7000)
        assert own not in most


def test_the_address_in_the_packet_is_not_believed(told: dict[str, Any]) -> None:
    key = b"claimed-claimed-clai"
    with connected(udp_urls(told)[0], source="127.0.0.3") as one, connected(udp_urls(told)[0]) as two:
        one.announce(key, port=6001, claimed_ip=0x08080808)
        assert two.announce(key, port=6002).peers == [b"\x7f\x00\x00\x03" + struct.pack(">H", 6001)]


def test_a_wrong_connection_id_meets_silence_and_is_counted(told: dict[str, Any]) -> None:
    before = stats(told)["udp_wrong_connection"]
    with connected(udp_urls(told)[0]) as peer, connected(udp_urls(told)[0], source="127.0.0.9") as other:
        body = struct.pack(">20s20sQQQIIIiH", b"k" * 20, b"p" * 20, 0, 1, 0, 2, 0, 0, -1, 6881)
        for connection in (0, peer.connection ^ 4, other.connection, 2**64 - 1):
            assert peer.meets_silence(struct.pack(">QII", connection, 1, 1) + body)
            assert peer.meets_silence(struct.pack(">QII", connection, 2, 1) + b"k" * 20)
        assert other.announce(b"k" * 20, port=6000).leechers == 1, "its own id is good all the while"
    assert stats(told)["udp_wrong_connection"] == before + 8


def test_what_is_no_request_meets_silence_and_is_counted(told: dict[str, Any]) -> None:
    before = stats(told)["udp_malformed"]
    with connected(udp_urls(told)[0]) as peer:
        whole = struct.pack(">QII", peer.connection, 1, 1) + bytes(82)
        for packet in (b"", b"x", bytes(16), bytes(2000), whole[:97], struct.pack(">QII", peer.connection, 4, 1)):
            assert peer.meets_silence(packet)
    wait_for(lambda: stats(told)["udp_malformed"] == before + 6)


@pytest.mark.parametrize(
    "path",
    [
        b"/000102030405060708090a0b0c0d0e0f/announce",
        b"/a-folder-of-thirty-two-character/000102030405060708090a0b0c0d0e0f/announce",
        b"/announce?passkey=000102030405060708090a0b0c0d0e0f",
        b"/announce?a=" + b"b" * 200 + b"&passkey=000102030405060708090a0b0c0d0e0f",
    ],
)
def test_url_data_carries_a_passkey_in_its_path_or_query(path: bytes) -> None:
    tracker = made(policy="members")
    key = b"members-members-memb"
    tracker.apply([("allow", key, None)])
    tracker.admit_member(bytes(range(16)), 7)
    with connected(tracker.addresses[0]) as peer:
        with pytest.raises(UdpRefusedError, match="Unknown passkey"):
            peer.announce(key, port=6001)
        with pytest.raises(UdpRefusedError, match="Unknown passkey"):
            peer.announce(key, port=6001, options=url_data(b"/" + b"00" * 16 + b"/announce"))
        padded = b"\x01\x01" + b"\x09\x02??" + url_data(path)
        assert peer.announce(key, port=6001, options=padded, uploaded=0).leechers == 1
        assert peer.announce(key, port=6001, options=padded, uploaded=500, downloaded=20).leechers == 1
    assert tracker.drain_members()[0] == [(7, key, 500, 20, 0, 0)]
    tracker.stop()


def test_a_refusal_over_udp_is_an_error_with_a_sentence() -> None:
    tracker = made(policy="listed")
    with connected(tracker.addresses[0]) as peer:
        with pytest.raises(UdpRefusedError, match="This torrent is not listed here"):
            peer.announce(b"n" * 20, port=6001)
        assert peer.scrape(b"n" * 20) == [(0, 0, 0)]
        tracker.apply([("allow", b"n" * 20, None)])
        with pytest.raises(UdpRefusedError, match="This BitTorrent program is not served here"):
            peer.announce(b"n" * 20, port=6001, peer_id=b"-BAD00-aaaaaaaaaaaaa")
    tracker.stop()


def test_low_ports_are_counted_by_nobody_and_handed_to_nobody(told: dict[str, Any]) -> None:
    key = b"ports-ports-ports-po"
    with connected(udp_urls(told)[0], source="127.0.0.4") as one, connected(udp_urls(told)[0]) as two:
        for port in (0, 1, 22, 1023, 80, 443, 1024):
            one.announce(key, port=port)
        found = {struct.unpack(">H", peer[4:])[0] for peer in two.announce(key, port=6002).peers}
        assert found == {80, 443, 1024}


def test_the_process_says_where_it_is_in_one_line_and_ends_at_a_signal() -> None:
    running: Running = start("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--workers", "1", "--json")
    said = json.loads(running.first_line())
    assert set(said) == {"announce", "admin", "pid"}
    assert said["pid"] == running.process.pid
    schemes = [url.split(":")[0] for url in said["announce"]]
    assert schemes == ["udp", "http", "ws"]
    assert len({url.split(":")[2] for url in said["announce"]}) == 1, "one port for all of them"
    assert json.loads(get(said["admin"].removeprefix("http://"), "/health")) == {"ok": True}
    assert running.stop() == 0
    assert len(running.out) == 1
