"""The data folder: claimed by one program at a time, and brought up to this version before anything runs over it."""

import fcntl
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from largesse import __version__
from largesse.kit.errors import Conflict, NotFound, Unavailable, gettext_noop
from largesse.kit.runtime import read_runtime

PREPARED = "prepared.json"
PATIENCE_SECONDS = 6.0
"""How long the children of a killed supervisor may take to end."""


class FolderInUse(Conflict):
    """Another program runs over the data folder."""

    code = "folder_in_use"
    exit_code = 75
    template = gettext_noop(
        "The data folder {folder} is in use by process {pid}{site}. Stop that one first, or name another folder with --data."
    )


class FolderUnusable(Unavailable):
    """The data folder cannot be made or written."""

    code = "folder_unusable"
    exit_code = 73
    template = gettext_noop("The data folder {folder} cannot be used: {reason}. Name another one with --data.")


class FolderMissing(NotFound):
    """Nothing of ours is there yet."""

    code = "folder_missing"
    template = gettext_noop(
        "There is no data folder at {folder}. Name the right one with --data, or make one with `largesse up`."
    )


class FolderOutdated(Conflict):
    """The folder is of another version of the program."""

    code = "folder_outdated"
    exit_code = 78
    template = gettext_noop(
        "The data folder {folder} is of another version of this program. `largesse up` brings it up to date."
    )


def reason_of(error: DatabaseError) -> str:
    """Return what a database's error means for people."""
    if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return f"its disk is full or failing ({error})"
    return str(error)


@contextmanager
def claimed(folder: Path, *, name: str = "up") -> Iterator[None]:
    """
    Hold the folder's lock of this name, which ends with this process and its children, however they end.

    Raises:
        FolderInUse: another process holds it, and is alive.
        FolderUnusable: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderUnusable(folder=folder, reason=(error.strerror or str(error)).lower()) from error
    try:
        _take(descriptor, folder=folder)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, *, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode() or "0"
            if _is_alive(int(holder)) or time.monotonic() > deadline:
                running = read_runtime(folder)
                site = f" ({running.site})" if running else ""
                raise FolderInUse(folder=folder, pid=holder, site=site) from error
            # Its supervisor was killed; the children end by themselves and let go.
            time.sleep(0.05)
        else:
            return


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def prepare(folder: Path) -> bool:
    """
    Migrate the database and gather the static files, each only when needed; return whether the folder was new.

    What was done is noted in the folder, so that a warm start reads one small file. Several programs may come at once: one does
    it, the others wait for that.

    Raises:
        FolderUnusable: the folder cannot be written, has no room left, or holds something that is no database of ours.
    """
    try:
        descriptor = os.open(folder / "prepare.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return _prepare(folder)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise FolderUnusable(folder=folder, reason=(error.strerror or str(error)).lower()) from error
    except DatabaseError as error:
        raise FolderUnusable(folder=folder, reason=reason_of(error)) from error


def require_prepared(folder: Path) -> None:
    """
    Raise FolderOutdated unless the database has every table of this version.

    Raises:
        FolderUnusable: the database cannot be read.
    """
    try:
        if _prepared(folder).get("migrations") != _migrations_digest() and not _is_migrated():
            raise FolderOutdated(folder=folder)
    except DatabaseError as error:
        raise FolderUnusable(folder=folder, reason=reason_of(error)) from error


def _prepare(folder: Path) -> bool:
    former = _prepared(folder)
    static = _static_digest()
    applied = _migrations_digest()
    is_new = not former
    if former.get("migrations") != applied or not _is_migrated():
        call_command("migrate", interactive=False, verbosity=0)
    if former.get("static") != static or not Path(settings.STATIC_ROOT, "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    done = {"version": __version__, "migrations": applied, "static": static}
    if former != done:
        path = folder / PREPARED
        part = path.with_suffix(".part")
        part.write_text(json.dumps(done), encoding="ascii")
        part.replace(path)
    return is_new


def _prepared(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / PREPARED).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_migrated() -> bool:
    """Return whether the database itself says so: it may have been replaced by an older one since."""
    executor = MigrationExecutor(connections["default"])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _migrations_digest() -> str:
    root = Path(__file__).parent.parent
    names = sorted(str(path.relative_to(root)) for path in root.glob("*/migrations/*.py"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def _static_digest() -> str:
    """Return what changes when a static file does: paths, sizes and times, which cost no reading."""
    rows = []
    for finder in get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            rows.append(f"{path} {facts.st_size} {facts.st_mtime_ns}")
    return hashlib.sha256("\n".join([__version__, *sorted(rows)]).encode()).hexdigest()
