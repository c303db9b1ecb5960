"""
What a .torrent file says (BEP 3, BEP 52), read by the strict scanner of the core.

The bytes are kept as they came and `info` is never encoded again; `with_announce` makes the copy that is handed out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from largesse import _core
from largesse.kit.ids import AnnounceKey, InfoHashV1, InfoHashV2

MAXIMUM_BYTES = 10_485_760
"""Largest .torrent file that is read where no setting says otherwise."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A warning or a refusal: a stable code, the byte it is about, and a sentence."""

    code: str
    offset: int
    message: str


class MetainfoFile(NamedTuple):
    """
    One file; padding files are not among them. `path` has `/` between its parts.

    A named tuple, in the order in which the core gives the fields: a torrent may have 100,000 of them, and a dataclass costs
    four times as much to make.
    """

    path: str
    size_bytes: int
    pieces_root: bytes | None
    is_executable: bool
    symlink: str | None
    path_bytes: bytes | None = None
    """The path's own bytes where they are not UTF-8; `path` shows what cannot be read as U+FFFD."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """What an accepted file says."""

    name: str
    v1: InfoHashV1 | None
    v2: InfoHashV2 | None
    info_span: tuple[int, int]
    piece_length_bytes: int
    size_bytes: int
    files: tuple[MetainfoFile, ...]
    is_private: bool
    announce: tuple[tuple[str, ...], ...]
    web_seeds: tuple[str, ...]
    comment: str | None
    created_by: str | None
    created_at: datetime | None
    source: str | None
    similar: tuple[InfoHashV1, ...]
    collections: tuple[str, ...]
    update_url: str | None

    @property
    def announce_keys(self) -> tuple[AnnounceKey, ...]:
        """The 20 bytes that clients announce: the v1 hash, and the v2 hash cut to 20 (BEP 52)."""
        keys = (self.v1, self.v2[:20] if self.v2 else None)
        return tuple(AnnounceKey(bytes(key)) for key in keys if key)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found; `metainfo` is as far as the file could be read, and to be trusted only when it is accepted."""

    metainfo: Metainfo | None
    warnings: tuple[Problem, ...]
    refusals: tuple[Problem, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether the file is good."""
        return self.metainfo is not None and not self.refusals


def scan(metainfo_bytes: bytes, *, maximum_bytes: int = MAXIMUM_BYTES) -> Scan:
    """Read a .torrent file. It never raises for what the file holds; time and memory are linear in its size."""
    found, warnings, refusals = _core.scan_metainfo(metainfo_bytes, maximum_bytes)
    return Scan(
        _metainfo(found) if found is not None else None,
        tuple(Problem(*problem) for problem in warnings),
        tuple(Problem(*problem) for problem in refusals),
    )


def with_announce(metainfo_bytes: bytes, *, announce: list[list[str]], web_seeds: list[str] | None = None) -> bytes:
    """
    Return the torrent with these announce URLs, in tiers (BEP 12), and web seeds (BEP 19) unless None.

    Every other key, `info` above all, keeps its very bytes.

    Raises:
        ValueError: the bytes are not a bencoded dictionary.
    """
    return _core.rewrite_metainfo(metainfo_bytes, announce, web_seeds, len(metainfo_bytes))


def _metainfo(found: "_core.FoundMetainfo") -> Metainfo:
    return Metainfo(
        name=found["name"],
        v1=InfoHashV1(found["v1"]) if found["v1"] else None,
        v2=InfoHashV2(found["v2"]) if found["v2"] else None,
        info_span=found["info_span"],
        piece_length_bytes=found["piece_length_bytes"],
        size_bytes=found["size_bytes"],
        files=tuple(map(MetainfoFile._make, found["files"])),
        is_private=found["is_private"],
        announce=tuple(tuple(tier) for tier in found["announce"]),
        web_seeds=tuple(found["web_seeds"]),
        comment=found["comment"],
        created_by=found["created_by"],
        created_at=_date(found["creation_date"]),
        source=found["source"],
        similar=tuple(InfoHashV1(item) for item in found["similar"]),
        collections=tuple(found["collections"]),
        update_url=found["update_url"],
    )


def _date(seconds: int | None) -> datetime | None:
    """Return the creation date; one past the year 9999 says nothing."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
