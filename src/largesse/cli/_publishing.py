"""What listing a torrent yields, wherever it is listed, and the .torrent file that is left with the publisher."""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from largesse.kit.errors import BadInput, LargesseError, Unavailable, gettext_noop
from largesse.torrents.making import MadeTorrent
from largesse.torrents.metainfo import scan

LONGEST_NAME_BYTES = 255
"""Of one file name, on every common file system."""


class CannotWrite(Unavailable):
    """The .torrent file cannot be written where it was wanted."""

    code = "cannot_write"
    exit_code = 73
    template = gettext_noop(
        "The .torrent file cannot be written to {path}: {reason}. Name another place with --output."
    )


class ListedOnly(CannotWrite):
    """It is listed, but the .torrent file cannot be written."""

    code = "listed_only"
    template = gettext_noop("It is listed at {page}. {sentence} The page has the file, too.")


class HoldsSecrets(BadInput):
    """What would be shared holds the data folder."""

    code = "holds_secrets"
    template = gettext_noop(
        "{path} holds the data folder {folder}, with its secrets. Nothing was published. Move the data folder elsewhere first."
    )


class StoppedEarly(LargesseError):
    """Somebody stopped the command before anything was listed."""

    code = "stopped_early"
    exit_code = 130
    template = gettext_noop("Stopped. Nothing was published.")


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing as its place tells it."""

    page: str
    magnet: str
    title: str
    announce: tuple[str, ...]
    metainfo_bytes: bytes
    """The .torrent file with the place's announce URLs."""
    is_new: bool
    """False: it was there already."""


class Place(Protocol):
    """Where torrents are listed: a data folder on this machine, or a site."""

    def prepare(self, sources: Sequence[Path]) -> None:
        """Refuse what can be refused before hours are spent on hashing."""

    def list(self, made: MadeTorrent) -> Listed:
        """List a torrent, or find its listing."""

    def announce_now(self) -> tuple[str, ...]:
        """Return the announce URLs of this moment, which may change while we seed."""

    def running(self) -> int | None:
        """Return the number of what serves the listing at this moment, another one after a restart; None: nothing."""


def folder_for(output: Path | None, *, source: Path) -> Path:
    """
    Return the folder that the .torrent file goes to, which exists and can be written.

    Without --output that is the present folder, or, where this lies within what is shared, the one that holds the shared folder,
    so that the torrent of a folder never lies in the folder.

    Raises:
        CannotWrite: the folder is missing or may not be written.
    """
    if output is not None:
        folder = output if output.is_dir() else output.parent
    else:
        here = Path.cwd()
        folder = source.parent if here == source or source in here.parents else here
    folder = folder.expanduser().resolve()
    if not folder.is_dir():
        raise CannotWrite(path=folder, reason="there is no such folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotWrite(path=folder, reason="the folder may not be written")
    return folder


def write_torrent(metainfo_bytes: bytes, *, name: str, folder: Path, output: Path | None) -> Path:
    """
    Write the .torrent file, whole or not at all, and return its path.

    A file that --output names is replaced. Otherwise no other torrent's file is ever replaced: the new one gets a number.

    Raises:
        CannotWrite: the disk is full, or the folder cannot be written.
    """
    path = (
        output.expanduser().resolve()
        if output is not None and not output.is_dir()
        else _free(folder, name, metainfo_bytes)
    )
    try:
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(metainfo_bytes)
            os.chmod(temporary, 0o644 & ~_umask())  # noqa: PTH101 - the temporary name is a string.
            os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
    except OSError as error:
        raise CannotWrite(path=path, reason=(error.strerror or str(error)).lower()) from error
    return path


def _free(folder: Path, name: str, metainfo_bytes: bytes) -> Path:
    """Return the first path of this name that is free, or holds the same torrent."""
    number = 1
    while True:
        ending = ".torrent" if number == 1 else f" ({number}).torrent"
        kept = name.encode()[: LONGEST_NAME_BYTES - len(ending) - len(".part")].decode(errors="ignore")
        path = folder / f"{kept}{ending}"
        if not path.exists() or _is_same(path, metainfo_bytes):
            return path
        number += 1


def _is_same(path: Path, metainfo_bytes: bytes) -> bool:
    """Return whether the file is a torrent with the same info-hashes."""
    try:
        ours, theirs = (
            scan(content, maximum_bytes=max(len(content), 1)).metainfo
            for content in (metainfo_bytes, path.read_bytes())
        )
    except OSError:
        return False
    return ours is not None and theirs is not None and (ours.v1, ours.v2) == (theirs.v1, theirs.v2)


def _umask() -> int:
    present = os.umask(0)
    os.umask(present)
    return present
