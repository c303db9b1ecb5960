"""WebTorrent over WebSocket: offers and answers find their peers, and browsers count in the swarm of all protocols."""

import time
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

import pytest

from largesse import _core
from tracker_talk import decode, get, made
from web_peer import WebPeer, offers

KEY = bytes(range(236, 256))
"""A hash of bytes that JSON and UTF-8 write in two bytes each."""
SECOND = bytes(range(200, 220))
"""A hybrid's other key, where a test says that it is."""


@pytest.fixture(name="tracker")
def _tracker() -> Iterator[_core.Tracker]:
    tracker = made(policy="open")
    yield tracker
    tracker.stop()


def test_an_offer_is_relayed_and_its_answer_comes_back(tracker: _core.Tracker) -> None:
    address = tracker.addresses[0]
    with WebPeer(address) as one, WebPeer(address, path="/") as two:
        reply = one.announce(KEY, b"1" * 20, event="started", offers=offers(3))
        assert (reply["complete"], reply["incomplete"]) == (0, 1)
        assert 1 <= reply["interval"] <= 120
        assert reply["info_hash"].encode("latin-1") == KEY
        reply = two.announce(KEY, b"2" * 20, event="started", numwant=5, offers=offers(5))
        assert reply["incomplete"] == 2
        offer = one.receive()
        assert offer == {
            "action": "announce",
            "info_hash": KEY.decode("latin-1"),
            "peer_id": "2" * 20,
            "offer_id": "offer-0",
            "offer": {"type": "offer", "sdp": "v=0 ü 0"},
        }
        answer = {"type": "answer", "sdp": 'a "quote"\r\n\u2028'}
        one.send(
            action="announce", info_hash=KEY, peer_id=b"1" * 20, to_peer_id=b"2" * 20, offer_id="offer-0", answer=answer
        )
        answered = two.receive()
        assert (answered["answer"], answered["offer_id"], answered["peer_id"]) == (answer, "offer-0", "1" * 20)
        one.send(action="scrape", info_hash=KEY)
        assert one.receive()["files"][KEY.decode("latin-1")] == {"complete": 0, "incomplete": 2, "downloaded": 0}


def test_numwant_bounds_the_offers_that_are_relayed(tracker: _core.Tracker) -> None:
    address = tracker.addresses[0]
    peers = [WebPeer(address) for _ in range(6)]
    for number, peer in enumerate(peers):
        peer.announce(KEY, bytes([65 + number]) * 20)
    peers[0].announce(KEY, b"A" * 20, numwant=2, offers=offers(5))
    assert tracker.stats()["ws_offers"] == 2
    for peer in peers:
        peer.__exit__(None, None, None)


def test_browsers_and_other_peers_make_one_health_figure(tracker: _core.Tracker) -> None:
    tracker.apply([("allow", KEY, None)])
    address = tracker.addresses[0]
    with WebPeer(address) as browser:
        browser.announce(KEY, b"w" * 20, left=0)
        found = get(address, f"/announce?info_hash={quote_from_bytes(KEY)}&peer_id={'x' * 20}&port=6881&left=5")
        assert b"8:completei1e" in found
        assert b"10:incompletei1e" in found
        reply = browser.announce(KEY, b"w" * 20, left=0)
        assert (reply["complete"], reply["incomplete"]) == (1, 1)
        assert tracker.drain_counts(10) == [(KEY, 1, 1, 0, 0)]
        stopped = browser.announce(KEY, b"w" * 20, left=0, event="stopped")
        assert (stopped["complete"], stopped["incomplete"]) == (0, 1)


def test_a_browser_that_wants_nothing_more_counts_as_a_partial_seed(tracker: _core.Tracker) -> None:
    address = tracker.addresses[0]

    def downloaders() -> int:
        files = decode(get(address, f"/scrape?info_hash={quote_from_bytes(KEY)}"))[b"files"]
        assert files[KEY][b"incomplete"] == 2
        found = files[KEY][b"downloaders"]
        assert isinstance(found, int)
        return found

    tracker.apply([("allow", KEY, None)])
    with WebPeer(address) as one, WebPeer(address) as two:
        one.announce(KEY, b"1" * 20, left=5, event="paused")
        two.announce(KEY, b"2" * 20, left=5)
        assert downloaders() == 1
        assert tracker.drain_counts(10) == [(KEY, 0, 2, 1, 0)]
        one.announce(KEY, b"1" * 20, left=5)
        two.announce(KEY, b"2" * 20, left=None, event="paused")
        assert downloaders() == 1
        one.announce(KEY, b"1" * 20, left=0, event="paused")
        two.announce(KEY, b"2" * 20, left=5, event="stopped")
        assert tracker.drain_counts(10) == [(KEY, 1, 0, 0, 0)]


def test_a_closed_tab_leaves_all_its_swarms(tracker: _core.Tracker) -> None:
    with WebPeer(tracker.addresses[0]) as browser:
        for number in range(20):
            browser.announce(bytes([number]) * 20, b"w" * 20)
        assert tracker.stats()["peers_webrtc"] == 20
    deadline = time.monotonic() + 10
    while tracker.stats()["peers_webrtc"]:
        assert time.monotonic() < deadline


def test_a_completed_download_is_counted_once(tracker: _core.Tracker) -> None:
    with WebPeer(tracker.addresses[0]) as browser:
        browser.announce(KEY, b"w" * 20, left=None)
        for _ in range(2):
            browser.announce(KEY, b"w" * 20, left=0, event="completed")
        browser.send(action="scrape", info_hash=[KEY, b"?" * 20])
        files = browser.receive()["files"]
        assert files == {KEY.decode("latin-1"): {"complete": 1, "incomplete": 0, "downloaded": 1}}


def test_a_scrape_of_many_torrents_is_answered_whole_or_told_how_many_may_be_asked() -> None:
    tracker = made(policy="listed")
    keys = [f"{number:020}".encode() for number in range(257)]
    tracker.apply([("allow", key, None) for key in keys])
    with WebPeer(tracker.addresses[0]) as browser:
        browser.send(action="scrape", info_hash=keys[:256])
        assert len(browser.receive()["files"]) == 256
        browser.send(action="scrape", info_hash=keys)
        assert browser.receive() == {
            "action": "scrape",
            "failure reason": "At most 256 torrents may be asked for at once",
        }
        for nothing in ([], "short", None):
            browser.send(action="scrape", info_hash=nothing)
            told = browser.receive()["failure reason"]
            assert told == "Name the torrents, 20 bytes each: a full scrape is not answered here"
    tracker.stop()


def test_pings_are_answered_between_the_parts_of_a_message(tracker: _core.Tracker) -> None:
    with WebPeer(tracker.addresses[0]) as browser:
        text = b'{"action":"scrape","info_hash":"aaaaaaaaaaaaaaaaaaaa"}'
        browser.frame(0x01, text[:20])
        browser.frame(0x89, b"alive?")
        assert browser.receive_frame() == (0x8A, b"alive?")
        browser.frame(0x80, text[20:])
        assert browser.receive()["files"] == {}
        browser.frame(0x88, b"\x03\xe8")
        assert browser.receive_frame()[0] == 0x88
        assert browser.stream.read() == b""


def test_what_is_no_message_is_answered_with_a_reason(tracker: _core.Tracker) -> None:
    with WebPeer(tracker.addresses[0]) as browser:
        for text in (b"hello", b"[]", b'{"action":"dance"}', b'{"action":"announce","info_hash":"short"}'):
            browser.frame(0x81, text)
            assert browser.receive()["failure reason"]


def test_a_refused_torrent_takes_no_browser_until_it_is_listed() -> None:
    tracker = made(policy="listed")
    with WebPeer(tracker.addresses[0]) as browser:
        told = browser.announce(KEY, b"w" * 20)
        assert told["failure reason"] == "This torrent is not listed here"
        assert told["info_hash"].encode("latin-1") == KEY
        assert told["retry in"] > 0
        tracker.apply([("allow", KEY, None)])
        assert browser.announce(KEY, b"w" * 20)["incomplete"] == 1
        tracker.apply([("refuse", KEY, None)])
        assert "failure reason" in browser.receive(), "told without asking"
        assert "failure reason" in browser.announce(KEY, b"w" * 20)
    tracker.stop()


@pytest.mark.parametrize("policy", ["listed", "open"])
def test_browsers_of_a_withdrawn_torrent_are_told_and_come_in_again_once_it_is_listed(policy: str) -> None:
    tracker = made(policy=policy)
    other = bytes(range(100, 120))
    tracker.apply([("allow", KEY, None), ("allow", other, None), ("alias", SECOND, KEY)])
    address = tracker.addresses[0]
    with WebPeer(address) as one, WebPeer(address) as two:
        one.announce(KEY, b"1" * 20)
        one.announce(other, b"1" * 20)
        two.announce(SECOND, b"2" * 20)
        tracker.apply([("refuse", KEY, None), ("refuse", SECOND, None)])
        for browser, key in ((one, KEY), (two, SECOND)):
            told = browser.receive()
            assert told["failure reason"] == "This torrent is not listed here"
            assert told["info_hash"].encode("latin-1") == key
        assert "failure reason" in one.announce(KEY, b"1" * 20, numwant=1, offers=offers(1))
        asked = f"/announce?info_hash={quote_from_bytes(KEY)}&peer_id={'x' * 20}&port=6881&left=5"
        assert b"not listed" in get(address, asked)
        assert two.announce(other, b"2" * 20, numwant=1, offers=offers(1))["incomplete"] == 2, "others go on"
        assert one.receive()["offer"]
        tracker.apply([("allow", KEY, None), ("alias", SECOND, KEY)])
        assert one.announce(KEY, b"1" * 20)["incomplete"] == 1
        assert two.announce(SECOND, b"2" * 20)["incomplete"] == 2
    assert tracker.stats()["ws_offers"] == 1
    tracker.stop()


def test_who_is_admitted_no_more_is_told_and_reached_no_more() -> None:
    tracker = made(policy="members")
    tracker.admit_member(b"\1" * 16, 1)
    tracker.admit_member(b"\2" * 16, 2)
    tracker.apply([("allow", KEY, None)])
    address = tracker.addresses[0]
    first, second = "/" + "01" * 16 + "/announce", "/" + "02" * 16 + "/announce"
    with WebPeer(address, path=first) as one, WebPeer(address, path=second) as two:
        assert one.announce(KEY, b"1" * 20)["incomplete"] == 1
        assert two.announce(KEY, b"2" * 20)["incomplete"] == 2
        tracker.admit_member(b"\3" * 16, 1)
        told = one.receive()
        assert "Unknown passkey" in told["failure reason"]
        assert two.announce(KEY, b"2" * 20, offers=offers(3))["incomplete"] == 1
        tracker.set_client_rules([], [b"2"])
        told = two.receive()
        assert "not served here" in told["failure reason"], "no offer went to the one that was turned out"
        assert tracker.stats()["ws_offers"] == 0
        assert tracker.stats()["peers_webrtc"] == 0
    tracker.stop()


def test_a_passkey_in_the_path_names_the_member() -> None:
    tracker = made(policy="members")
    tracker.apply([("allow", KEY, None)])
    passkey = bytes(range(16))
    tracker.admit_member(passkey, 42)
    with (
        WebPeer(tracker.addresses[0]) as stranger,
        WebPeer(tracker.addresses[0], path=f"/{passkey.hex()}/announce") as member,
    ):
        assert "passkey" in stranger.announce(KEY, b"s" * 20)["failure reason"]
        assert member.announce(KEY, b"m" * 20, uploaded=0)["incomplete"] == 1
        member.announce(KEY, b"m" * 20, left=0, uploaded=500, downloaded=70, event="completed")
        assert [(row[0], row[2], row[3], row[5]) for row in tracker.drain_members()[0]] == [(42, 500, 70, 1)]
    tracker.stop()


def test_the_last_words_under_a_hybrids_second_key_count_for_its_swarm() -> None:
    tracker = made(policy="members")
    second = bytes(range(20, 40))
    tracker.apply([("allow", KEY, None), ("alias", second, KEY)])
    tracker.admit_member(b"\1" * 16, 42)
    with WebPeer(tracker.addresses[0], path="/" + "01" * 16 + "/announce") as member:
        member.announce(second, b"m" * 20, uploaded=0)
        member.announce(second, b"m" * 20, uploaded=500)
        assert member.announce(second, b"m" * 20, uploaded=900, event="stopped")["incomplete"] == 0
        deeds, heard = tracker.drain_members()
        assert [row[:3] for row in deeds] == [(42, KEY, 900)]
        assert len(heard) == 1, "the peer is heard of under one key"
        unlisted = member.announce(b"u" * 20, b"m" * 20, uploaded=9, event="stopped")
        assert "not listed" in unlisted["failure reason"]
    tracker.stop()
