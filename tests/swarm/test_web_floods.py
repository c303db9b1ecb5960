"""HTTP and WebSocket under floods at a real tracker: honest clients on another address are all answered, and memory stays small."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from processes import start, wait_for
from tracker_talk import decode, get
from web_peer import WebPeer, offers

KEY = b"floods-floods-floods"
HONEST = 300
"""Honest announces, one connection each, while the flood goes on."""
ANNOUNCE = (
    f"GET /announce?info_hash={KEY.decode()}&peer_id={'f' * 20}&port=6881&left=1 HTTP/1.1\r\nHost: t\r\n\r\n".encode()
)


@pytest.fixture(name="told")
def _told() -> Iterator[dict[str, Any]]:
    with start("tracker", "--policy", "open", "--listen", "127.0.0.1:0", "--workers", "1", "--json") as running:
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
    """Ask without end on one connection and read nothing."""
    while not stop.is_set():
        with suppress(OSError), connected(told, source) as stream:
            stream.settimeout(0.2)
            while not stop.is_set():
                stream.sendall(ANNOUNCE * 100)


def drips(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Open as many connections as may be, and send a byte on each now and then."""
    while not stop.is_set():
        streams = []
        with suppress(OSError):
            streams = [connected(told, source) for _ in range(100)]
            for stream in streams * 3:
                stream.sendall(b"G")
                if stop.wait(0.001):
                    break
        for stream in streams:
            stream.close()


def giants(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Send heads that never end."""
    while not stop.is_set():
        with suppress(OSError), connected(told, source) as stream:
            stream.sendall(b"GET / HTTP/1.1\r\n" + b"X-A: " + b"x" * 200_000)


def bombs(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Promise frames of a terabyte, and send messages in endless parts."""
    while not stop.is_set():
        with suppress(OSError), WebPeer(host_of(told), source=source) as peer:
            peer.frame(0x01, b"x" * 30_000)
            peer.frame(0x00, b"x" * 30_000)
            peer.frame(0x00, b"x" * 30_000)
            peer.socket.sendall(b"\x81\xff\x00\x00\x01\x00\x00\x00\x00\x00")


def offer_floods(told: dict[str, Any], stop: threading.Event, source: str) -> None:
    """Send offers without end, and read nothing."""
    while not stop.is_set():
        with suppress(OSError), WebPeer(host_of(told), source=source) as peer:
            peer.socket.settimeout(0.2)
            while not stop.is_set():
                peer.send(action="announce", info_hash=KEY, peer_id=b"o" * 20, left=1, offers=offers(30))


@pytest.mark.parametrize(
    ("flood", "counter"),
    [
        (pipelines, "http_announces"),
        (drips, "http_connections"),
        (giants, "http_malformed"),
        (bombs, "ws_connections_cut"),
        (offer_floods, "ws_announces"),
    ],
)
def test_honest_clients_are_answered_while_it_goes_on(
    told: dict[str, Any], flood: Callable[[dict[str, Any], threading.Event, str], None], counter: str
) -> None:
    stop = threading.Event()
    sources = [f"127.0.4.{last}" for last in (1, 2, 3)]
    floods = [threading.Thread(target=flood, args=(told, stop, source)) for source in sources]
    with WebPeer(host_of(told), source="127.0.0.5") as browser:
        browser.announce(KEY, b"w" * 20)
        before = memory_bytes(told["pid"])
        for thread in floods:
            thread.start()
        try:
            answered = 0
            for number in range(HONEST):
                target = f"/announce?info_hash={KEY.decode()}&peer_id={'h' * 20}&port={7000 + number}&left=1&numwant=0"
                answered += b"interval" in decode(get(host_of(told), target, source="127.0.0.5"))
            wait_for(
                lambda: stats(told)[counter] > HONEST if counter.startswith("http_a") else stats(told)[counter] > 1
            )
            grown = memory_bytes(told["pid"]) - before
        finally:
            stop.set()
            for thread in floods:
                thread.join()
    assert answered >= 0.95 * HONEST
    assert grown < 64 * 2**20
    assert stats(told)["worker_panics"] == 0
