"""HTTP and WebSocket under floods at a real tracker: honest clients on another address are all answered, and memory stays small."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from processes import start
from tracker_talk import decode, get
from web_peer import WebPeer

KEY = b"floods-floods-floods"
OWN_KEY = b"a-swarm-of-their-own"
"""The torrent of an honest browser, whose swarm nobody floods."""
HONEST = 300
"""Honest announces, one connection each, while the flood goes on; at least so many, and until its counter has moved."""
PAUSE_SECONDS = 0.005
"""Between two of them, so that none of their addresses comes near its limit while a flood is slow to be found out."""
MOST_SECONDS = 40.0
"""The tracker's deadline for a slow client is ten seconds; this is only there to end a test that fails."""
LIMITS = {
    "LARGESSE_TRACKER_REQUESTS_PER_SECOND": "100",
    "LARGESSE_TRACKER_TRUSTED_PROXIES": "127.0.6.1,127.0.6.2,127.0.6.3",
}
ANNOUNCE = (
    f"GET /announce?info_hash={KEY.decode()}&peer_id={'f' * 20}&port=6881&left=1 HTTP/1.1\r\nHost: t\r\n\r\n".encode()
)


@pytest.fixture(name="told")
def _told() -> Iterator[dict[str, Any]]:
    words = ("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--workers", "1", "--json")
    with start(*words, environment=LIMITS) as running:
        yield json.loads(running.first_line())


def host_of(told: dict[str, Any]) -> str:
    return str(told["announce"][0]).removeprefix("udp://").removesuffix("/announce")


def stats(told: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = json.loads(get(told["admin"].removeprefix("http://"), "/stats.json"))
    return found


def memory_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) * 1024


def connected(told: dict[str, Any], source: str) -> socket.socket:
    host, port = host_of(told).rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=5, source_address=(source, 0))


def pipelines(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Ask without end, read nothing, and stay when the tracker takes nothing more."""
    with ExitStack() as held:
        while not stop.is_set():
            with suppress(OSError):
                stream = held.enter_context(connected(told, source))
                stream.settimeout(0.2)
                while not stop.is_set():
                    stream.sendall(ANNOUNCE * 100)
            stop.wait(0.5)


def drips(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Keep a hundred connections open with a byte on each now and then."""
    streams: list[socket.socket] = []
    while not stop.is_set():
        with suppress(OSError):
            streams += [connected(told, source) for _ in range(100 - len(streams))]
        for stream in tuple(streams):
            try:
                stream.sendall(b"G")
            except OSError:
                stream.close()
                streams.remove(stream)
        stop.wait(0.5)
    for stream in streams:
        stream.close()


def repeats(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Announce without end, and read the answers."""
    with connected(told, source) as stream:
        while not stop.is_set():
            stream.sendall(ANNOUNCE * 20)
            stream.recv(65_536)


def crowds(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Come as one address of the internet, behind a proxy, with another port each time."""
    with connected(told, source.replace("127.0.4.", "127.0.6.")) as stream:
        for port in range(10_000, 10_500):
            request = ANNOUNCE.replace(b"6881", str(port).encode())
            client = source.replace("127.0.4.", "8.8.8.").encode()
            stream.sendall(request.replace(b"Host: t", b"Host: t\r\nX-Forwarded-For: " + client))
            stream.recv(65_536)
            if stop.is_set():
                break


def giants(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Send heads that never end."""
    while not stop.is_set():
        with suppress(OSError), connected(told, source) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: " + b"x" * 200_000)


def frame(first: int, payload: bytes) -> bytes:
    """Return a frame under a mask of zeros, which costs a flood nothing to make."""
    return struct.pack("!BBH4x", first, 0xFE, len(payload)) + payload


def bombs(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Promise frames of a terabyte, and send messages in endless parts."""
    while not stop.is_set():
        with suppress(OSError), WebPeer(host_of(told), source=source) as peer:
            for first in (0x01, 0x00, 0x00):
                peer.socket.sendall(frame(first, b"x" * 30_000))
            peer.socket.sendall(b"\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00")


def web_announce(source: str, *, count: int) -> bytes:
    """Return the frame of an announce with offers of six kilobytes."""
    one = {"offer_id": "o", "offer": {"type": "offer", "sdp": "v" * 6_000}}
    peer_id = f"o{source:->19}"
    message = {"action": "announce", "info_hash": KEY.decode(), "peer_id": peer_id, "left": 1, "offers": [one] * count}
    return frame(0x81, json.dumps(message).encode())


def offer_floods(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Send offers without end, and read nothing."""
    message = web_announce(source, count=10)
    while not stop.is_set():
        with suppress(OSError), WebPeer(host_of(told), source=source) as peer:
            peer.socket.settimeout(0.2)
            while not stop.is_set():
                peer.socket.sendall(message)


def chatter(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Send small messages without end."""
    message = web_announce(source, count=0)
    while not stop.is_set():
        with suppress(OSError), WebPeer(host_of(told), source=source) as peer:
            peer.socket.settimeout(0.2)
            while not stop.is_set():
                peer.socket.sendall(message)


@pytest.mark.parametrize(
    ("flood", "counter"),
    [
        (pipelines, "http_slow"),
        (drips, "http_slow"),
        (repeats, "over_limit"),
        (crowds, "peers_refused"),
        (giants, "http_malformed"),
        (bombs, "ws_connections_cut"),
        (offer_floods, "ws_offers_dropped"),
        (chatter, "ws_throttled"),
    ],
)
def test_honest_clients_are_answered_while_it_goes_on(
    told: dict[str, Any], flood: Callable[[dict[str, Any], threading.Event, str], None], counter: str
) -> None:
    stop = threading.Event()
    sources = [f"127.0.4.{last}" for last in (1, 2, 3)]
    floods = [threading.Thread(target=flood, args=(told, stop, source)) for source in sources]
    deadline = time.monotonic() + MOST_SECONDS
    with WebPeer(host_of(told), source="127.0.0.5") as browser:
        browser.announce(OWN_KEY, b"w" * 20)
        before = memory_bytes(told["pid"])
        assert stats(told)[counter] == 0
        for thread in floods:
            thread.start()
        try:
            asked = answered = 0
            while asked < HONEST or stats(told)[counter] < len(sources):
                assert time.monotonic() < deadline, f"{counter} does not tell of it"
                announce = f"info_hash={KEY.decode()}&peer_id={'h' * 20}&port={7000 + asked}&left=1&numwant=0"
                source = f"127.0.7.{asked % 200 + 1}"
                answered += b"interval" in decode(get(host_of(told), f"/announce?{announce}", source=source))
                asked += 1
                stop.wait(PAUSE_SECONDS)
                if asked % 25 == 0:
                    assert browser.announce(OWN_KEY, b"w" * 20)["incomplete"] == 1
            grown = memory_bytes(told["pid"]) - before
        finally:
            stop.set()
            for thread in floods:
                thread.join()
    assert answered >= 0.95 * asked
    assert grown < 64 * 2**20
    assert stats(told)["worker_panics"] == 0
