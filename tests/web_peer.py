"""A WebTorrent peer for tests: JSON over WebSocket (RFC 6455), with nothing but a socket."""

import base64
import json
import os
import socket
import struct
from types import TracebackType
from typing import Any, Self

Message = dict[str, Any]


class WebPeer:
    """One WebSocket connection; ids and hashes are bytes here and strings of U+0000 to U+00FF on the wire."""

    def __init__(self, address: str, *, path: str = "/announce", source: str = "127.0.0.1") -> None:
        """Connect and upgrade; the answer must be 101."""
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.stream = self.socket.makefile("rb")
        assert b" 101 " in self.stream.readline()
        while self.stream.readline() != b"\r\n":
            pass

    def __enter__(self) -> Self:
        """Be closed at the end of a with block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close without a word, as a browser tab does."""
        self.stream.close()
        self.socket.close()

    def send(self, **message: Any) -> None:
        """Send a message."""
        text = json.dumps({name: _as_text(value) for name, value in message.items()}, ensure_ascii=False).encode()
        self.frame(0x81, text)

    def frame(self, first: int, payload: bytes) -> None:
        """Send one frame with this first byte."""
        mask = os.urandom(4)
        length = len(payload)
        head = struct.pack("!BBH", first, 0xFE, length) if length > 125 else struct.pack("!BB", first, 0x80 | length)
        self.socket.sendall(head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))

    def receive_frame(self) -> tuple[int, bytes]:
        """Read one frame: its first byte and its payload."""
        first, length = struct.unpack("!BB", self.stream.read(2))
        if length == 126:
            (length,) = struct.unpack("!H", self.stream.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.stream.read(8))
        return first, self.stream.read(length)

    def receive(self) -> Message:
        """Read one message."""
        first, payload = self.receive_frame()
        assert first == 0x81, (first, payload)
        message: Message = json.loads(payload)
        return message

    def announce(self, key: bytes, peer_id: bytes, *, left: int | None = 1, **more: Any) -> Message:
        """Announce, and read the reply to it."""
        self.send(action="announce", info_hash=key, peer_id=peer_id, left=left, **more)
        return self.receive()


def offers(count: int) -> list[Message]:
    """Make offers with ids of their own."""
    return [
        {"offer_id": f"offer-{number}", "offer": {"type": "offer", "sdp": f"v=0 ü {number}"}} for number in range(count)
    ]


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return [_as_text(one) for one in value] if isinstance(value, list) else value
