"""
The .torrent files, byte for byte, each under the SHA-256 of its bytes.

A file is written beside its place, flushed to the disk and renamed, so it is there whole or not at all. It is written before
the transaction that lists it, so a listing never lacks its bytes; a file whose listing failed is an orphan that a job removes.
"""

import contextlib
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, storages
from django.db import OperationalError

from largesse.torrents.errors import NoRoom


class AtomicFileSystemStorage(FileSystemStorage):
    """A folder in which a file is there whole or not at all."""

    def _save(self, name: str, content: File) -> str:  # type: ignore[type-arg]
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, self.file_permissions_mode or 0o640)  # noqa: PTH101 - the temporary name is a string.
            os.replace(temporary, path)  # noqa: PTH105
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name


def blob_name(sha256: str) -> str:
    """Return where the bytes with this hash are kept."""
    return f"{sha256[:2]}/{sha256}.torrent"


def store_blob(content: bytes) -> str:
    """
    Keep the bytes and return their SHA-256 in hex; bytes that are there already are left alone.

    Raises:
        NoRoom: the disk is full or cannot be written.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    name = blob_name(sha256)
    storage = storages["torrents"]
    try:
        if not storage.exists(name):
            storage.save(name, ContentFile(content))
    except OSError as error:
        raise NoRoom(reason=error.strerror or type(error).__name__) from error
    return sha256


def read_blob(sha256: str) -> bytes:
    """Return the bytes; raise FileNotFoundError when they are gone."""
    with storages["torrents"].open(blob_name(sha256), "rb") as file:
        content: bytes = file.read()
    return content


def stored_hashes() -> Iterator[tuple[str, float]]:
    """Return each stored hash with its age as a modification time, in seconds since 1970."""
    storage = storages["torrents"]
    if not storage.exists(""):
        return
    folders, _ = storage.listdir("")
    for folder in sorted(folders):
        _, names = storage.listdir(folder)
        for name in names:
            if name.endswith(".torrent"):
                with contextlib.suppress(FileNotFoundError):  # Another sweep was faster.
                    yield name.removesuffix(".torrent"), storage.get_modified_time(f"{folder}/{name}").timestamp()


def remove_parts(*, before: float) -> int:
    """Remove half-written files of killed processes, last written before that time in seconds since 1970; return how many."""
    storage = storages["torrents"]
    if not isinstance(storage, AtomicFileSystemStorage):
        return 0
    old = [part for part in Path(storage.location).glob("*/.*.part") if part.stat().st_mtime < before]
    for part in old:
        part.unlink(missing_ok=True)
    return len(old)


def says_no_room(error: OperationalError) -> bool:
    """Return whether a database's error says that the disk is full (SQLITE_FULL, SQLITE_IOERR; PostgreSQL's 53100)."""
    cause = error.__cause__
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR} or getattr(cause, "sqlstate", None) == "53100"


def remove_blob(sha256: str) -> None:
    """Remove bytes that no torrent names."""
    storages["torrents"].delete(blob_name(sha256))
