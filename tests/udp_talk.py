"""Talking to a tracker over UDP in tests, as BEP 15 and BEP 41 lay it out, byte by byte; nothing of the program's own is used."""

import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PROTOCOL_ID = 0x41727101980
EVENTS = {"none": 0, "completed": 1, "started": 2, "stopped": 3, "paused": 4}
SECONDS = 10.0
"""How long an answer is waited for; it is only there to end a test that fails."""


@dataclass(frozen=True)
class Announced:
    """The reply to an announce; `peers` as they came, 6 or 18 bytes each."""

    interval: int
    leechers: int
    seeders: int
    peers: list[bytes]


class UdpRefusedError(Exception):
    """The tracker answered with an error (action 3)."""


class UdpPeer:
    """A client of its own address."""

    def __init__(self, address: str, *, source: str = "127.0.0.1") -> None:
        host, port = address.removeprefix("udp://").removesuffix("/announce").rsplit(":", 1)
        self.is_ipv6 = "[" in host
        self.socket = socket.socket(socket.AF_INET6 if self.is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(SECONDS)
        self.socket.bind(("::1" if self.is_ipv6 else source, 0))
        self.socket.connect((host.strip("[]"), int(port)))
        self.transaction = 0x1234_0000
        self.connection = 0

    def __enter__(self) -> Self:
        """Be closed at the end of a with block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the socket."""
        self.socket.close()

    def ask(self, packet: bytes) -> bytes:
        """Send a packet and return the next one that comes."""
        self.socket.send(packet)
        return self.socket.recv(4096)

    def meets_silence(self, packet: bytes) -> bool:
        """Send a packet, then a connect; return whether the connect's reply is the first thing that comes."""
        self.socket.send(packet)
        return self._next(b"", action=0, head=struct.pack(">Q", PROTOCOL_ID)) is not None

    def connect(self) -> int:
        """Get a connection id."""
        reply = self._next(b"", action=0, head=struct.pack(">Q", PROTOCOL_ID))
        assert len(reply) == 8
        (self.connection,) = struct.unpack(">Q", reply)
        return self.connection

    def announce(
        self,
        key: bytes,
        *,
        port: int,
        left: int = 1,
        event: str = "started",
        wanted: int = -1,
        options: bytes = b"",
        peer_id: bytes = b"-XX0001-aaaaaaaaaaaa",
        uploaded: int = 0,
        downloaded: int = 0,
        claimed_ip: int = 0,
    ) -> Announced:
        """Announce; raise UdpRefusedError with what the tracker said when it refused."""
        body = struct.pack(
            ">20s20sQQQIIIiH",
            key,
            peer_id,
            downloaded,
            left,
            uploaded,
            EVENTS[event],
            claimed_ip,
            0xFEED,
            wanted,
            port,
        )
        reply = self._next(body + options, action=1)
        interval, leechers, seeders = struct.unpack(">III", reply[:12])
        peers, size = reply[12:], 18 if self.is_ipv6 else 6
        assert len(peers) % size == 0
        return Announced(interval, leechers, seeders, [peers[at : at + size] for at in range(0, len(peers), size)])

    def scrape(self, *keys: bytes) -> list[tuple[int, int, int]]:
        """Return seeders, completed and leechers of each."""
        reply = self._next(b"".join(keys), action=2)
        return [struct.unpack(">III", reply[at : at + 12]) for at in range(0, len(reply), 12)]

    def _next(self, body: bytes, *, action: int, head: bytes | None = None) -> bytes:
        self.transaction += 1
        connection = struct.pack(">Q", self.connection) if head is None else head
        reply = self.ask(connection + struct.pack(">II", action, self.transaction) + body)
        found, transaction = struct.unpack(">II", reply[:8])
        assert transaction == self.transaction, "an answer to something else"
        if found == 3:
            raise UdpRefusedError(reply[8:].decode())
        assert found == action
        return reply[8:]


def connected(address: str, *, source: str = "127.0.0.1") -> UdpPeer:
    """Return a client that has its connection id."""
    peer = UdpPeer(address, source=source)
    peer.connect()
    return peer


def url_data(text: bytes) -> bytes:
    """Return BEP 41's options for a path and query: type 2, length, bytes; 255 bytes at most in each."""
    parts = [text[at : at + 255] for at in range(0, len(text), 255)]
    return b"".join(bytes([2, len(part)]) + part for part in parts) + b"\0"
