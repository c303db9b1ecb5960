"""`largesse tracker` on free ports of loopback, with its announce URLs by protocol."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes

import httpx

from clients.certificates import Certificates
from processes import Running, start
from tracker_talk import decode, get

PROTOCOLS = ("udp", "http", "https", "ws", "wss")


@dataclass(frozen=True)
class RunningTracker:
    """The process, and where it answers over IPv4 and IPv6."""

    running: Running
    ipv4: str
    ipv6: str
    admin: str

    def url(self, protocol: str, *, ipv6: bool = False) -> str:
        """Return the announce URL of a protocol."""
        return f"{protocol}://{self.ipv6 if ipv6 else self.ipv4}/announce"

    def counts(self, key: bytes) -> tuple[int, int]:
        """Scrape a torrent: its seeders and leechers."""
        return counts_at(self.ipv4, key)

    def stats(self) -> dict[str, int]:
        """Return the figures of the admin address."""
        found: dict[str, int] = httpx.get(f"{self.admin}/stats.json", trust_env=False).json()
        return found


@contextmanager
def running_tracker(
    *arguments: str, certificates: Certificates | None = None, listen: tuple[str, str] = ("127.0.0.1:0", "[::1]:0")
) -> Iterator[RunningTracker]:
    """Run `largesse tracker ARGUMENTS`, with a certificate where one is given."""
    listening = [word for address in listen for word in ("--listen", address)]
    tls = (
        {
            "LARGESSE_TRACKER_TLS_CERTIFICATE": str(certificates.certificate),
            "LARGESSE_TRACKER_TLS_KEY": str(certificates.key),
        }
        if certificates
        else {}
    )
    with start("tracker", "--json", *listening, *arguments, environment=tls) as running:
        said: dict[str, Any] = json.loads(running.first_line())
        ipv4, ipv6 = (url.split("/")[2] for url in said["announce"][:2])
        yield RunningTracker(running, ipv4, ipv6, said["admin"])


def counts_at(address: str, key: bytes) -> tuple[int, int]:
    """Scrape a torrent over HTTP: its seeders and leechers."""
    found = _scraped(address, key)
    return (found[b"complete"], found[b"incomplete"]) if found else (0, 0)


def is_known_at(address: str, key: bytes) -> bool:
    """Return whether the tracker has this torrent, which a listing becomes within a second."""
    return _scraped(address, key) is not None


def _scraped(address: str, key: bytes) -> dict[bytes, int] | None:
    files: dict[bytes, dict[bytes, int]] = decode(get(address, f"/scrape?info_hash={quote_from_bytes(key)}"))[b"files"]
    return files.get(key)
