"""
What members gave and took, from the tracker into the database without loss and without counting twice.

The tracker hands each difference over once. So a batch is first written to the spool, a folder that only its owner can read,
and made durable there; then it is booked in one transaction together with its id; then its file is removed. A process killed in
between leaves a file, which the next one books, or finds booked.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from largesse.accounts.models import User
from largesse.kit.clock import Clock, utc_now
from largesse.swarm.core import GivesFacts
from largesse.swarm.errors import CountsLost
from largesse.swarm.models import AppliedBatch

SUFFIX = ".batch"
KEEP_IDS = timedelta(days=30)
"""How long the id of a booked batch is kept, in case an old spool comes back from a backup."""

Deed = tuple[int, bytes, int, int, int, int]
"""account, announce key, bytes uploaded, bytes downloaded, seconds seeded, downloads completed."""

# `excluded` is the row that was to be inserted; SQLite and PostgreSQL agree on this.
BOOK = """
INSERT INTO swarm_membertotal
    (account_id, key, uploaded_bytes, downloaded_bytes, seed_seconds, completed, completed_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, key) DO UPDATE SET
    uploaded_bytes = swarm_membertotal.uploaded_bytes + excluded.uploaded_bytes,
    downloaded_bytes = swarm_membertotal.downloaded_bytes + excluded.downloaded_bytes,
    seed_seconds = swarm_membertotal.seed_seconds + excluded.seed_seconds,
    completed = swarm_membertotal.completed + excluded.completed,
    completed_at = COALESCE(swarm_membertotal.completed_at, excluded.completed_at),
    last_seen_at = excluded.last_seen_at
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What members did in some seconds."""

    id: str
    at: datetime
    deeds: tuple[Deed, ...]

    def text(self) -> str:
        """Return the batch as it is kept in the spool."""
        deeds = [[account, key.hex(), *numbers] for account, key, *numbers in self.deeds]
        return json.dumps({"id": self.id, "at": self.at.isoformat(), "deeds": deeds})

    @classmethod
    def parse(cls, path: Path) -> "Batch":
        """Read a batch from its file; raise CountsLost when it is damaged."""
        try:
            found = json.loads(path.read_text(encoding="ascii"))
            return cls(str(found["id"]), datetime.fromisoformat(found["at"]), tuple(map(_deed, found["deeds"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CountsLost(path=str(path), reason=str(error)) from error


class Spool:
    """The folder of batches that are not booked yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, batch: Batch) -> Path:
        """Make a batch durable."""
        path = self.folder / f"{batch.at:%Y%m%dT%H%M%S}-{batch.id}{SUFFIX}"
        part = path.with_suffix(".part")
        with open(part, "w", encoding="ascii", opener=_private) as file:
            file.write(batch.text())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return path

    def waiting(self) -> Sequence[Path]:
        """Return the files of batches that are not booked, the oldest first."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))


class MemberFeed:
    """Books what a tracker's members do."""

    def __init__(self, tracker: GivesFacts, spool: Spool, *, clock: Clock = utc_now) -> None:
        self.tracker = tracker
        self.spool = spool
        self.clock = clock
        self.held: list[Deed] = []
        """Taken from the tracker, but not durable yet: the disk was full."""

    def gather(self) -> Path | None:
        """
        Take what members did from the tracker into the spool; None when they did nothing.

        Raises:
            OSError: the disk is full or broken; the next call keeps what this one could not.
        """
        self.held += self.tracker.drain_members()
        if not self.held:
            return None
        path = self.spool.put(Batch(secrets.token_hex(16), self.clock(), tuple(self.held)))
        self.held = []
        return path

    def book_waiting(self) -> int:
        """
        Book every batch of the spool; return how many were new.

        Raises:
            CountsLost: a file is damaged; it was put aside, so that the next call goes on behind it.
            DatabaseError: the database does not answer; the files stay.
        """
        booked = 0
        for path in self.spool.waiting():
            try:
                batch = Batch.parse(path)
            except CountsLost:
                path.replace(path.with_suffix(".damaged"))
                raise
            booked += book(batch)
            path.unlink()
        return booked


@transaction.atomic
def book(batch: Batch) -> bool:
    """Add a batch to the members' totals; return False, changing nothing, when it was booked before."""
    _, is_new = AppliedBatch.objects.get_or_create(id=batch.id)
    if not is_new:
        return False
    accounts = set(User.objects.filter(pk__in={deed[0] for deed in batch.deeds}).values_list("pk", flat=True))
    # Always in the same order, so that two trackers never wait for each other.
    rows = [_row(deed, at=batch.at) for deed in sorted(batch.deeds) if deed[0] in accounts]
    with connection.cursor() as cursor:
        cursor.executemany(BOOK, rows)
    AppliedBatch.objects.filter(applied_at__lt=batch.at - KEEP_IDS).delete()
    return True


def _deed(parts: list[object]) -> Deed:
    account, key, uploaded, downloaded, seed_seconds, completed = parts
    numbers = [int(str(part)) for part in (account, uploaded, downloaded, seed_seconds, completed)]
    return numbers[0], bytes.fromhex(str(key)), numbers[1], numbers[2], numbers[3], numbers[4]


def _row(deed: Deed, *, at: datetime) -> tuple[int | str | None, ...]:
    account, key, uploaded, downloaded, seed_seconds, completed = deed
    moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    moment += "" if connection.vendor == "sqlite" else "+00"  # SQLite's Django keeps times as text without an offset.
    return (account, key.hex(), uploaded, downloaded, seed_seconds, completed, moment if completed else None, moment)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
