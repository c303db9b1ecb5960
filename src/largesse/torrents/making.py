"""
Make a torrent of a file or a folder: hybrid, so that clients of BEP 3 and of BEP 52 share one swarm.

Transmission before 4.0 and aria2 before 1.37 cannot read a dictionary with an empty key, which BEP 52 asks for, and so no hybrid
torrent; for their sake a torrent may be made for BEP 3 alone.

libtorrent reads and hashes the files; it chooses the piece length, pads the v1 list so that both lists agree, and leaves file
attributes out. Nothing is written: the bytes are returned, and an interruption leaves nothing behind.
"""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import libtorrent

from largesse.kit.errors import BadInput, gettext_noop
from largesse.torrents.metainfo import scan

NO_HASH = b"?" * 20
"""Stands where a checksum will; libtorrent takes twenty zeros for none."""

Progress = Callable[[int, int], None]
"""Called with bytes hashed so far and bytes in all; whatever it raises ends the work."""


class NothingToShare(BadInput):
    """The path holds no bytes to share."""

    code = "nothing_to_share"
    exit_code = 66
    template = gettext_noop(
        "{path}: there is nothing to share here. Name a file, or a folder with at least one file that is not empty."
    )


class CannotRead(BadInput):
    """A file cannot be read, or changed while it was read."""

    code = "cannot_read"
    exit_code = 66
    template = gettext_noop(
        "{path}: {reason}. Nothing was published. Check the file and its permissions, then try again."
    )


class UnfitToShare(BadInput):
    """A torrent of it would be refused, for the names in it or their number."""

    code = "unfit_to_share"
    template = gettext_noop("{path}: {reason} Nothing was published.")


@dataclass(frozen=True, slots=True)
class MadeTorrent:
    """A new .torrent: its bytes, the folder to seed from, and what it holds."""

    metainfo_bytes: bytes
    name: str
    save_path: Path
    """The folder that contains the shared file or folder."""
    size_bytes: int
    piece_length_bytes: int


FORMATS = {
    "hybrid": 0,
    "v1": libtorrent.create_torrent.v1_only,
    "v2": libtorrent.create_torrent.v2_only,
}
"""What a torrent may be made as."""


def make_torrent(
    path: Path, *, announce: list[str] | None = None, form: str = "hybrid", progress: Progress | None = None
) -> MadeTorrent:
    """
    Read and hash `path` and return its torrent.

    Args:
        path: a file or a folder; symbolic links are followed; sockets, pipes and devices are left out.
        announce: announce URLs, each a tier of its own (BEP 12).
        form: one of FORMATS.
        progress: told the bytes hashed so far after each piece.

    Raises:
        NothingToShare: there is no file, or all files are empty.
        CannotRead: a file is unreadable, has a name that is not Unicode, or changed while it was hashed.
        UnfitToShare: the scanner would refuse the torrent, as for a name that is not safe; told before anything is hashed.
    """
    source = path.expanduser().resolve()
    if not source.name:
        raise CannotRead(path=path, reason="a whole file system cannot be shared")
    before = _regular_files(source)
    total = sum(facts.size_bytes for facts in before.values())
    if not total:
        raise NothingToShare(path=path)
    entries = libtorrent.list_files(str(source), lambda name: Path(name).is_dir() or Path(name) in before)
    _refuse_what_the_scanner_would(entries, path=path)
    torrent = libtorrent.create_torrent(entries, 0, FORMATS[form])
    for tier, url in enumerate(announce or []):
        torrent.add_tracker(url, tier)
    torrent.set_creator("Largesse")
    torrent.set_creation_date(int(time.time()))
    pieces, piece_length = torrent.num_pieces(), torrent.piece_length()

    def piece_hashed(index: int) -> None:
        if progress is not None:
            progress(total * (index + 1) // pieces, total)

    try:
        libtorrent.set_piece_hashes(torrent, str(source.parent), piece_hashed)
    except RuntimeError as error:
        raise CannotRead(path=path, reason=str(error).partition(" [")[0]) from error
    if _regular_files(source) != before:
        raise CannotRead(path=path, reason="it changed while it was read")
    metainfo_bytes = libtorrent.bencode(torrent.generate())
    return MadeTorrent(bytes(metainfo_bytes), source.name, source.parent, total, piece_length)


def _refuse_what_the_scanner_would(entries: list[libtorrent.create_file_entry], *, path: Path) -> None:
    """Scan the torrent as it will be but for its checksums; raise UnfitToShare with the first refusal."""
    sketch = libtorrent.create_torrent(entries, 0, FORMATS["v1"])
    for index in range(sketch.num_pieces()):
        sketch.set_hash(index, NO_HASH)
    metainfo_bytes = libtorrent.bencode(sketch.generate())
    refusals = scan(metainfo_bytes, maximum_bytes=len(metainfo_bytes)).refusals
    if refusals:
        raise UnfitToShare(path=path, reason=refusals[0].message.replace("make the torrent again", "try again"))


@dataclass(frozen=True, slots=True)
class _Facts:
    size_bytes: int
    modified_ns: int


def _regular_files(source: Path) -> dict[Path, _Facts]:
    """Return the regular files at or under `source` with the facts that change when they do."""
    found: dict[Path, _Facts] = {}
    if not source.exists():
        raise CannotRead(path=source, reason="there is no such file or folder")
    candidates = (
        [source]
        if not source.is_dir()
        else [
            Path(folder, name)
            for folder, _, names in os.walk(source, followlinks=True, onerror=_refuse)
            for name in names
        ]
    )
    for candidate in candidates:
        try:
            str(candidate).encode()
            facts = candidate.stat()
        except UnicodeEncodeError as error:
            shown = os.fsencode(candidate).decode("utf-8", "replace")
            raise CannotRead(path=shown, reason="its name is not Unicode (UTF-8)") from error
        except OSError as error:
            raise CannotRead(path=candidate, reason=error.strerror or "it cannot be read") from error
        if stat.S_ISREG(facts.st_mode):
            if not os.access(candidate, os.R_OK):
                raise CannotRead(path=candidate, reason="it may not be read by this account")
            found[candidate] = _Facts(facts.st_size, facts.st_mtime_ns)
    return found


def _refuse(error: OSError) -> None:
    raise CannotRead(path=error.filename, reason=error.strerror or "it cannot be read") from error
