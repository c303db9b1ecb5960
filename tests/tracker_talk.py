"""Talking to a tracker over HTTP in tests: a tracker on free ports, one request at a time, and bencode read back."""

import socket
from typing import Any
from urllib.parse import quote_from_bytes

from largesse import _core

KEY = bytes(range(20))
"""The torrent that is announced when a test names none."""


def made(
    *,
    policy: str,
    listen: tuple[str, ...] = ("127.0.0.1:0",),
    proxies: tuple[str, ...] = (),
    proxy_header: str = "X-Forwarded-For",
    full_scrape: bool = False,
    requests_per_second: int = 0,
) -> _core.Tracker:
    """Start a tracker on free ports."""
    return _core.Tracker(
        listen=list(listen),
        admin="127.0.0.1:0",
        policy=policy,
        workers=1,
        interval_seconds=1800,
        private_peers="same",
        trusted_proxies=list(proxies),
        client_allow=[],
        client_deny=[b"-BAD"],
        most_torrents=1000,
        requests_per_second=requests_per_second,
        full_scrape=full_scrape,
        proxy_header=proxy_header,
    )


def get(address: str, target: str, *, source: str = "127.0.0.1") -> bytes:
    """Ask once and return the body."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10, source_address=(source, 0)) as stream:
        stream.sendall(f"GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: stream.recv(65_536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return body


def announce(
    tracker: _core.Tracker,
    *,
    port: int,
    key: bytes = KEY,
    source: str = "127.0.0.1",
    client_key: str | None = None,
    **more: object,
) -> dict[bytes, Any]:
    """Announce and return the reply."""
    address = tracker.addresses[1 if source == "::1" else 0]
    words = {"peer_id": f"-XX0001-{port:012}", "port": port, "left": 1, **more}
    if client_key is not None:
        words["key"] = client_key
    query = "&".join(f"{name}={value}" for name, value in words.items())
    found = decode(get(address, f"/announce?info_hash={quote_from_bytes(key)}&{query}", source=source))
    assert isinstance(found, dict)
    return found


def decode(text: bytes) -> Any:
    """Read bencode; what is left over or out of order is an error."""
    value, end = _value(text, 0)
    assert end == len(text), text[end:]
    return value


def _value(text: bytes, at: int) -> tuple[Any, int]:
    if text[at : at + 1] == b"i":
        end = text.index(b"e", at)
        return int(text[at + 1 : end]), end + 1
    if text[at : at + 1] in (b"l", b"d"):
        values: list[Any] = []
        place = at + 1
        while text[place : place + 1] != b"e":
            value, place = _value(text, place)
            values.append(value)
        if text[at : at + 1] == b"l":
            return values, place + 1
        keys = [key for key in values[::2] if isinstance(key, bytes)]
        assert keys == sorted(set(keys)), keys
        return dict(zip(keys, values[1::2], strict=True)), place + 1
    colon = text.index(b":", at)
    start = colon + 1
    end = start + int(text[at:colon])
    assert end <= len(text)
    return text[start:end], end
