"""Announce and scrape over HTTP: every event and form of the reply, as BEP 3, 7, 21, 23, 24, 31 and 48 have them."""

import json
import socket
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from largesse import _core
from tracker_talk import KEY, announce, decode, get, made
from udp_talk import connected
from web_peer import WebPeer


@pytest.fixture(name="tracker", scope="module")
def _tracker() -> Iterator[_core.Tracker]:
    tracker = made(policy="open", listen=("127.0.0.1:0", "[::1]:0"))
    yield tracker
    tracker.stop()


def test_all_events_change_the_counts(tracker: _core.Tracker) -> None:
    key = b"events-events-events"
    reply = announce(tracker, key=key, port=5001, event="started")
    assert (reply[b"complete"], reply[b"incomplete"], reply[b"downloaded"]) == (0, 1, 0)
    assert reply[b"external ip"] == b"\x7f\x00\x00\x01"
    reply = announce(tracker, key=key, port=5001, event="completed", left=0)
    assert (reply[b"complete"], reply[b"incomplete"], reply[b"downloaded"]) == (1, 0, 1)
    announce(tracker, key=key, port=5002, event="paused", left=9)
    announce(tracker, key=key, port=5003, left=9)
    scrape = decode(get(tracker.addresses[0], f"/scrape?info_hash={quote_from_bytes(key)}"))
    assert scrape[b"files"] == {key: {b"complete": 1, b"downloaded": 1, b"downloaders": 1, b"incomplete": 2}}
    reply = announce(tracker, key=key, port=5001, event="stopped", left=0)
    assert (reply[b"complete"], reply[b"incomplete"]) == (0, 2)


def test_peers_come_compact_or_long_and_as_many_as_are_wanted(tracker: _core.Tracker) -> None:
    key = b"forms-forms-forms-12"
    for port in range(5000, 5010):
        announce(tracker, key=key, port=port, source="127.0.0.2")
    compact = announce(tracker, key=key, port=6000)[b"peers"]
    assert isinstance(compact, bytes)
    peers = {(compact[at : at + 4], int.from_bytes(compact[at + 4 : at + 6])) for at in range(0, len(compact), 6)}
    assert peers == {(b"\x7f\x00\x00\x02", port) for port in range(5000, 5010)}
    long = announce(tracker, key=key, port=6000, compact=0)[b"peers"]
    assert isinstance(long, list)
    assert sorted(peer[b"port"] for peer in long) == list(range(5000, 5010))
    assert {peer[b"ip"] for peer in long} == {b"127.0.0.2"}
    assert len(announce(tracker, key=key, port=6000, numwant=3)[b"peers"]) == 18
    assert announce(tracker, key=key, port=6000, numwant=0)[b"peers"] == b""


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("201", 200), ("4294967296", 200), ("9" * 23, 200), ("0" * 40 + "7", 7), ("-1", 50), ("", 50), ("7x", 50)],
)
def test_whoever_wants_too_many_peers_gets_the_most_and_a_number_that_is_none_the_usual(
    tracker: _core.Tracker, wanted: str, told: int
) -> None:
    key = b"numbers-numbers-numb"
    if announce(tracker, key=key, port=6000, event="stopped")[b"incomplete"] < 250:
        with connected(tracker.addresses[0], source="127.0.0.2") as others:
            for port in range(5000, 5250):
                others.announce(key, port=port, wanted=0)
    assert len(announce(tracker, key=key, port=6000, numwant=wanted)[b"peers"]) == 6 * told


def test_the_long_form_tells_peer_ids_unless_none_are_wanted(tracker: _core.Tracker) -> None:
    key = b"names-names-names-12"
    announce(tracker, key=key, port=5001, source="127.0.0.2")
    announce(tracker, key=key, port=5001, source="::1")
    with connected(tracker.addresses[0], source="127.0.0.3") as udp:
        udp.announce(key, port=5003)
    long = announce(tracker, key=key, port=6000, compact=0)[b"peers"]
    assert {(peer[b"ip"], peer.get(b"peer id"), peer[b"port"]) for peer in long} == {
        (b"127.0.0.2", b"-XX0001-000000005001", 5001),
        (b"::1", b"-XX0001-000000005001", 5001),
        (b"127.0.0.3", None, 5003),
    }
    without = announce(tracker, key=key, port=6000, compact=0, no_peer_id=1)[b"peers"]
    assert len(without) == 3
    assert all(set(peer) == {b"ip", b"port"} for peer in without)


def test_a_tracker_id_is_told_again(tracker: _core.Tracker) -> None:
    key = b"track-track-track-12"
    assert b"tracker id" not in announce(tracker, key=key, port=5001)
    assert announce(tracker, key=key, port=5001, trackerid="%00abc")[b"tracker id"] == b"\x00abc"


def test_a_client_at_two_addresses_stays_at_both_though_its_key_says_it_is_one(tracker: _core.Tracker) -> None:
    key = b"twice-twice-twice-12"
    for _ in range(3):
        for source in ("127.0.0.2", "127.0.0.3"):
            announce(tracker, key=key, port=5001, source=source, client_key="SECRET")
    assert announce(tracker, key=key, port=5001, source="127.0.0.4", client_key="GUESS")[b"incomplete"] == 3
    peers = announce(tracker, key=key, port=6000)[b"peers"]
    assert {peers[at : at + 4] for at in range(0, len(peers), 6)} == {b"\x7f\0\0\x02", b"\x7f\0\0\x03", b"\x7f\0\0\x04"}
    assert tracker.stats()["http_peers_moved"] == 0


def test_a_scrape_names_many_torrents_and_all_only_where_the_operator_allows_it(tracker: _core.Tracker) -> None:
    keys = [bytes([number]) * 20 for number in range(60)]
    generous = made(policy="open", full_scrape=True)
    for number, key in enumerate(keys):
        for tried in (tracker, generous):
            announce(tried, key=key, port=5001, left=number % 2)
    names = "&".join(f"info_hash={quote_from_bytes(key)}" for key in [*keys[:50], b"?" * 20, keys[0]])
    found = decode(get(tracker.addresses[0], f"/scrape?{names}"))[b"files"]
    assert list(found) == keys[:50]
    assert [counts[b"complete"] for counts in found.values()] == [1, 0] * 25
    assert b"failure reason" in decode(get(tracker.addresses[0], "/scrape"))
    everything = decode(get(generous.addresses[0], "/scrape"))
    assert list(everything[b"files"]) == keys
    assert everything[b"flags"] == {b"min_request_interval": 900}
    assert b"failure reason" in decode(get(generous.addresses[0], "/scrape?info_hash=short"))
    generous.stop()


def test_a_scrape_is_answered_whole_or_told_how_many_may_be_asked(tracker: _core.Tracker) -> None:
    keys = [f"{number:020}".encode() for number in range(257)]
    listed = made(policy="listed")
    listed.apply([("allow", key, None) for key in keys])
    names = [f"info_hash={key.decode()}" for key in keys]
    found = decode(get(listed.addresses[0], f"/scrape?{'&'.join(names[:256])}"))[b"files"]
    assert list(found) == keys[:256]
    told = decode(get(listed.addresses[0], f"/scrape?{'&'.join(names)}"))
    assert told == {b"failure reason": b"At most 256 torrents may be asked for at once", b"retry in": b"never"}
    listed.stop()


HOP = "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 127.0.0.8"
"""What a proxy wrote for 1.2.3.4, which had made the first hop up, and a second proxy behind it."""


@pytest.mark.parametrize(
    ("source", "believed", "headers", "seen"),
    [
        ("127.0.0.9", "X-Forwarded-For", HOP, b"\x01\x02\x03\x04"),
        ("127.0.0.9", "X-Forwarded-For", f"{HOP}\r\nForwarded: for=5.6.7.8", b"\x01\x02\x03\x04"),
        ("127.0.0.9", "X-Forwarded-For", "X-Forwarded-For: \xff, 1.2.3.4", b"\x01\x02\x03\x04"),
        ("127.0.0.9", "X-Forwarded-For", "Forwarded: for=5.6.7.8", None),
        ("127.0.0.9", "X-Forwarded-For", "X-Real-IP: 5.6.7.8", None),
        ("127.0.0.9", "X-Forwarded-For", "X-Forwarded-For: 1.2.3.4, unknown", None),
        ("127.0.0.9", "X-Forwarded-For", "X-Forwarded-For: 127.0.0.8", None),
        ("127.0.0.9", "X-Real-IP", f"X-Real-IP: 5.6.7.8\r\n{HOP}", b"\x05\x06\x07\x08"),
        ("127.0.0.9", "Forwarded", f"Forwarded: for=6.6.6.6, for=5.6.7.8\r\n{HOP}", b"\x05\x06\x07\x08"),
        (
            "127.0.0.9",
            "Forwarded",
            'Forwarded: for=6.6.6.6, for="[2001:db8::5]:443";proto=https',
            bytes.fromhex("20010db8" + "00" * 11 + "05"),
        ),
        ("127.0.0.9", "Forwarded", HOP, None),
        ("127.0.0.7", "X-Forwarded-For", "X-Forwarded-For: 1.2.3.4", b"\x7f\x00\x00\x07"),
        ("127.0.0.7", "Forwarded", "Forwarded: for=1.2.3.4", b"\x7f\x00\x00\x07"),
    ],
)
def test_only_a_trusted_proxy_says_where_a_client_is_and_only_in_its_header(
    source: str, believed: str, headers: str, seen: bytes | None
) -> None:
    tracker = made(policy="open", proxies=("127.0.0.8/31",), proxy_header=believed)
    host, port = tracker.addresses[0].rsplit(":", 1)
    target = f"/announce?info_hash={quote_from_bytes(KEY)}&peer_id={'p' * 20}&port=6881&left=1&ip=9.9.9.9"
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + "a" * 24
    answers = []
    for version, more in (("1.0", headers), ("1.1", f"{headers}\r\n{upgrade}")):
        with socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0)) as stream:
            stream.sendall(f"GET {target} HTTP/{version}\r\n{more}\r\n\r\n".encode("latin-1"))
            stream.shutdown(socket.SHUT_WR)
            answers.append(b"".join(iter(lambda: stream.recv(65_536), b"")).partition(b"\r\n\r\n"))
    (head, _, body), (head_of_upgrade, _, sentence) = answers
    if seen is None:
        assert head.startswith(b"HTTP/1.1 400 ")
        assert head_of_upgrade.startswith(b"HTTP/1.1 400 ")
        assert (
            body == sentence == b"The proxy in front of this tracker does not say who asks; see tracker.proxy_header.\n"
        )
        assert tracker.stats()["peers_ipv4"] == 0
    else:
        assert decode(body)[b"external ip"] == seen
        assert head_of_upgrade.startswith(b"HTTP/1.1 101 ")
    tracker.stop()


def test_requests_are_answered_one_after_the_other_on_one_connection_and_in_one_packet(tracker: _core.Tracker) -> None:
    host, port = tracker.addresses[0].rsplit(":", 1)
    query = f"info_hash={quote_from_bytes(b'kept-kept-kept-kept-')}&peer_id={'p' * 20}&left=1&numwant=0"
    asked = [
        f"GET /announce?{query}&port={number} HTTP/1.1\r\nHost: t\r\n\r\n".encode() for number in range(5000, 5020)
    ]
    with socket.create_connection((host, int(port)), timeout=10) as stream, stream.makefile("rb") as answers:
        for batch in (asked[:1], asked[1:2], asked[2:]):
            stream.sendall(b"".join(batch))
            for _ in batch:
                assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
                headers = dict(line.rstrip().split(b": ") for line in iter(answers.readline, b"\r\n"))
                reply = decode(answers.read(int(headers[b"Content-Length"])))
        assert reply[b"incomplete"] == 20
        stream.sendall(b"GET /scrape HTTP/1.0\r\n\r\n")
        assert b"Connection: close" in answers.read(), "HTTP/1.0 without keep-alive ends the connection"


@pytest.mark.parametrize(
    ("version", "headers", "ends"),
    [
        ("1.1", "Connection: close, TE", True),
        ("1.1", "Connection: TE,Close ", True),
        ("1.1", "Connection: close\r\nConnection: TE", True),
        ("1.1", "Connection: keep-alive, TE", False),
        ("1.1", "Connection: closed", False),
        ("1.0", "Connection: Keep-Alive, TE", False),
        ("1.0", "Connection: TE\r\nConnection: keep-alive", False),
        ("1.0", "Connection: keep-alive, close", True),
        ("1.0", "Connection: TE", True),
    ],
)
def test_what_a_connection_header_lists_says_whether_it_goes_on(
    tracker: _core.Tracker, version: str, headers: str, *, ends: bool
) -> None:
    host, port = tracker.addresses[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as stream, stream.makefile("rb") as answers:
        stream.sendall(f"GET /scrape HTTP/{version}\r\n{headers}\r\n\r\nGET /scrape HTTP/1.0\r\n\r\n".encode())
        assert answers.read().count(b"HTTP/1.1 200 OK") == (1 if ends else 2)


def test_ipv6_peers_have_their_own_string(tracker: _core.Tracker) -> None:
    key = b"six-six-six-six-six-"
    announce(tracker, key=key, port=5001, source="::1")
    reply = announce(tracker, key=key, port=5002, source="::1")
    assert reply[b"peers6"] == bytes(15) + b"\x01" + (5001).to_bytes(2)
    assert reply[b"external ip"] == bytes(15) + b"\x01"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/announce", b"info_hash must be given once, as 20 bytes"),
        ("/announce?info_hash=short&peer_id=x&port=1", b"info_hash must be given once, as 20 bytes"),
        (f"/announce?info_hash={'a' * 20}&port=1", b"peer_id must be 20 bytes and port a number from 1 to 65535"),
        (
            f"/announce?info_hash={'a' * 20}&peer_id={'p' * 20}&port=0",
            b"peer_id must be 20 bytes and port a number from 1 to 65535",
        ),
        (
            f"/announce?info_hash={'a' * 20}&peer_id=-BAD{'p' * 16}&port=1",
            b"This BitTorrent program is not served here",
        ),
        ("/scrape", b"Name the torrents: a full scrape is not answered here"),
        ("/scrape?info_hash=short", b"info_hash must be 20 bytes, as often as it is given"),
        (f"/scrape?info_hash={'a' * 20}&info_hash=%zz", b"info_hash must be 20 bytes, as often as it is given"),
    ],
)
def test_a_wrong_request_is_told_why(tracker: _core.Tracker, target: str, reason: bytes) -> None:
    reply = decode(get(tracker.addresses[0], target))
    assert reply[b"failure reason"] == reason
    assert reply[b"retry in"] == b"never"


def test_an_unlisted_torrent_is_refused_with_a_time_to_come_back() -> None:
    tracker = made(policy="listed")
    assert announce(tracker, port=5001) == {
        b"failure reason": b"This torrent is not listed here",
        b"interval": 1800,
        b"retry in": 5,
    }
    tracker.apply([("allow", KEY, None), ("alias", b"second-key-of-hybrid", KEY)])
    announce(tracker, port=5001)
    assert announce(tracker, key=b"second-key-of-hybrid", port=5002)[b"incomplete"] == 2
    tracker.apply([("refuse", KEY, None)])
    assert b"failure reason" in announce(tracker, port=5001)
    tracker.stop()


def test_a_passkey_in_the_path_names_the_member_and_is_reset_at_once() -> None:
    tracker = made(policy="members")
    tracker.apply([("allow", KEY, None)])
    first, second = bytes(16), bytes(range(16))
    query = f"info_hash={quote_from_bytes(KEY)}&peer_id={'p' * 20}&port=5000&left=1"
    tracker.admit_member(first, 7)
    assert b"incomplete" in get(tracker.addresses[0], f"/{first.hex()}/announce?{query}")
    tracker.admit_member(second, 7)
    assert b"Unknown passkey" in get(tracker.addresses[0], f"/{first.hex()}/announce?{query}")
    assert b"incomplete" in get(tracker.addresses[0], f"/{second.hex()}/announce?{query}")
    assert b"Unknown passkey" in get(tracker.addresses[0], f"/announce?{query}")
    tracker.stop()


@pytest.mark.parametrize(
    ("target", "is_admitted"),
    [
        ("/{own}/announce?", True),
        ("/some-folder-name-of-32-characters/{own}/announce?", True),
        ("/a-folder-of-thirty-two-character/{own}/announce?", True),
        ("/announce?passkey={own}&", True),
        ("/{own}/announce?passkey={other}&", True),
        ("/{other}/announce?passkey={own}&", False),
        ("/{short}/announce?passkey={own}&", True),
        ("/announce?{own}&", False),
        ("/announce?key={own}&", False),
    ],
)
def test_a_passkey_stands_in_the_path_or_else_in_the_query(target: str, *, is_admitted: bool) -> None:
    tracker = made(policy="members")
    tracker.apply([("allow", KEY, None)])
    own = bytes(range(16)).hex()
    tracker.admit_member(bytes.fromhex(own), 7)
    asked = target.format(own=own, other="0" * 32, short=own[:31])
    query = f"info_hash={quote_from_bytes(KEY)}&peer_id={'p' * 20}&port=5000&left=1"
    found = decode(get(tracker.addresses[0], asked + query))
    assert (b"incomplete" in found) == is_admitted
    with WebPeer(tracker.addresses[0], path=asked.rstrip("?&")) as browser:
        assert ("incomplete" in browser.announce(KEY, b"w" * 20)) == is_admitted
    tracker.stop()


def test_scrapes_need_no_passkey_over_any_protocol() -> None:
    tracker = made(policy="members")
    tracker.apply([("allow", KEY, None)])
    passkey = bytes(range(16))
    tracker.admit_member(passkey, 7)
    query = f"info_hash={quote_from_bytes(KEY)}"
    get(tracker.addresses[0], f"/{passkey.hex()}/announce?{query}&peer_id={'p' * 20}&port=5000&left=1")
    counts = {b"complete": 0, b"downloaded": 0, b"downloaders": 1, b"incomplete": 1}
    assert decode(get(tracker.addresses[0], f"/scrape?{query}"))[b"files"] == {KEY: counts}
    with connected(tracker.addresses[0]) as peer, WebPeer(tracker.addresses[0]) as browser:
        assert peer.scrape(KEY) == [(0, 0, 1)]
        browser.send(action="scrape", info_hash=KEY)
        assert list(browser.receive()["files"].values()) == [{"complete": 0, "incomplete": 1, "downloaded": 0}]
    tracker.stop()


def test_the_admin_address_tells_figures_and_no_address(tracker: _core.Tracker) -> None:
    announce(tracker, key=b"admin-admin-admin-12", port=5001, source="127.0.0.77")
    assert tracker.admin is not None
    stats = json.loads(get(tracker.admin, "/stats.json"))
    metrics = get(tracker.admin, "/metrics").decode()
    assert stats["http_announces"] > 0
    assert stats["peers_ipv4"] > 0
    assert "127.0.0.77" not in metrics + json.dumps(stats)
    with urllib.request.urlopen(f"http://{tracker.admin}/health", timeout=10) as health:
        assert json.load(health) == {"ok": True}


@given(st.text("announce?/&=%0123456789abcdefABCDEFinfo_hashpeer_idport \t", max_size=200))
def test_no_request_ends_the_tracker(tracker: _core.Tracker, target: str) -> None:
    host, port = tracker.addresses[0].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as stream:
        stream.sendall(f"GET /announce?{target} HTTP/1.0\r\n\r\n".encode())
        assert stream.recv(65_536).startswith(b"HTTP/1.1 ")
    assert tracker.stats()["worker_panics"] == 0
