# Types of the compiled core.

from typing import TypeAlias, TypedDict

__version__: str

_Deed: TypeAlias = tuple[int, bytes, int, int, int, int]
"""Account, key, uploaded, downloaded, seed seconds, completed."""
_Report: TypeAlias = tuple[int, int, bool, int, int, bool, bool]
"""
Uploaded, downloaded, whether it seeds, when it was heard and when its session began (seconds since 1970), whether it stopped, and
whether its completed download was counted.
"""
_Heard: TypeAlias = tuple[int, bytes, bytes, _Report | None]
"""Account, key, peer id and its last report, None when it is gone."""

class FoundMetainfo(TypedDict):
    name: str
    v1: bytes | None
    v2: bytes | None
    info_span: tuple[int, int]
    piece_length_bytes: int
    size_bytes: int
    files: list[tuple[str, int, bytes | None, bool, str | None, bytes | None]]
    is_private: bool
    announce: list[list[str]]
    web_seeds: list[str]
    comment: str | None
    created_by: str | None
    creation_date: int | None
    source: str | None
    similar: list[bytes]
    collections: list[str]
    update_url: str | None

def scan_metainfo(
    data: bytes, size_bytes: int
) -> tuple[FoundMetainfo | None, list[tuple[str, int, str]], list[tuple[str, int, str]]]: ...
def rewrite_metainfo(data: bytes, announce: list[list[str]], web_seeds: list[str] | None, size_bytes: int) -> bytes: ...

class Tracker:
    def __init__(
        self,
        *,
        listen: list[str],
        admin: str | None,
        policy: str,
        workers: int,
        interval_seconds: int,
        private_peers: str,
        trusted_proxies: list[str],
        client_allow: list[bytes],
        client_deny: list[bytes],
        most_torrents: int,
        tls_certificate: str | None = None,
        tls_key: str | None = None,
        requests_per_second: int = 500,
        full_scrape: bool = False,
        proxy_header: str = "X-Forwarded-For",
        is_waiting: bool = False,
    ) -> None: ...
    def start(self) -> None: ...
    @property
    def addresses(self) -> list[str]: ...
    @property
    def admin(self) -> str | None: ...
    def apply(self, changes: list[tuple[str, bytes, bytes | None]]) -> None: ...
    def admit_member(self, passkey: bytes, account: int) -> None: ...
    def replace_members(self, accounts: dict[bytes, int]) -> None: ...
    def set_client_rules(self, allow: list[bytes], deny: list[bytes]) -> None: ...
    def drain_counts(self, limit: int) -> list[tuple[bytes, int, int, int, int]]: ...
    def drain_members(self) -> tuple[list[_Deed], list[_Heard]]: ...
    def restore_members(self, reports: list[tuple[int, bytes, bytes, _Report]]) -> None: ...
    def ask_for_panic(self) -> None: ...
    def beat(self, part: str, patience_seconds: int) -> None: ...
    def stats(self) -> dict[str, int]: ...
    def write_snapshot(self, path: str) -> int: ...
    def read_snapshot(self, path: str) -> int: ...
    def stop(self) -> None: ...

_Numbers: TypeAlias = tuple[int, int, int, int]
"""Seeders, leechers, partial seeds, completed."""

class Swarms:
    def __init__(
        self,
        *,
        policy: str,
        interval_seconds: int = 1800,
        shards: int = 2,
        most_torrents: int = 1000,
        most_peers: int = 1000,
    ) -> None: ...
    def announce(
        self,
        key: bytes,
        peer: str,
        *,
        event: str,
        left: int,
        wanted: int,
        peer_id: bytes = ...,
        uploaded: int = 0,
        downloaded: int = 0,
        passkey: bytes | None = None,
        both_families: bool = False,
    ) -> tuple[str | None, _Numbers, bytes, bytes]: ...
    def scrape(self, key: bytes) -> _Numbers | None: ...
    def apply(self, changed: list[tuple[str, bytes, bytes | None]]) -> None: ...
    def advance(self, seconds: int) -> None: ...
    def admit_member(self, passkey: bytes, account: int) -> None: ...
    def set_client_rules(self, allow: list[bytes], deny: list[bytes]) -> None: ...
    def drain_counts(self, limit: int) -> list[tuple[bytes, _Numbers]]: ...
    def drain_members(self) -> tuple[list[_Deed], list[_Heard]]: ...
    def stats(self) -> dict[str, int]: ...
    def write_snapshot(self, path: str) -> int: ...
    def read_snapshot(self, path: str) -> int: ...
