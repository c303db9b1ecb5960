"""
What members gave and took, from the tracker into the database without loss and without counting twice.

The tracker hands each difference over once. So a batch is first written to the spool, a folder that only its owner can read,
and made durable there; then it is booked in one transaction together with its id; then its file is removed. A process killed in
between leaves a file, which the next one books, or finds booked.

Clients report totals since they started. A batch holds what each peer said last beside the differences that were counted from it,
and a new tracker is given these reports, so a peer's next announce is compared with the last one that was kept, whatever became
of the tracker in between. A tracker that is killed loses at most what it heard in its last second: downloads completed just then,
and the last words of peers that stopped just then.
"""

import json
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction

from largesse.accounts.models import User
from largesse.kit.clock import Clock, utc_now
from largesse.swarm.core import Deed, GivesFacts, Heard, Report
from largesse.swarm.durable import write_durably
from largesse.swarm.errors import CountsLost, CountsRefused
from largesse.swarm.models import AppliedBatch, MemberReport

logger = logging.getLogger(__name__)

SUFFIX = ".batch"
KEEP_IDS = timedelta(days=30)
"""How long the id of a booked batch is kept, in case an old spool comes back from a backup."""

KEEP_REPORTS = timedelta(days=2)
"""How long what a silent peer said last is kept; a client that comes back later began anew long ago."""


def _sum(column: str, most: int) -> str:
    """Return the SQL of a sum that ends at `most`: beyond it PostgreSQL refuses, and SQLite goes on with an inexact number."""
    before, added = f"swarm_membertotal.{column}", f"excluded.{column}"
    return f"CASE WHEN {before} > {most} - {added} THEN {most} ELSE {before} + {added} END"


MOST_BYTES = 2**63 - 1
"""A client that claims more is wrong; the largest number of the database stands for it, in sums, too."""

MOST_COMPLETED = 2**31 - 1

# `excluded` is the row that was to be inserted; SQLite and PostgreSQL agree on this.
BOOK = f"""
INSERT INTO swarm_membertotal
    (account_id, key, uploaded_bytes, downloaded_bytes, seed_seconds, completed, completed_at, last_seen_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, key) DO UPDATE SET
    uploaded_bytes = {_sum("uploaded_bytes", MOST_BYTES)},
    downloaded_bytes = {_sum("downloaded_bytes", MOST_BYTES)},
    seed_seconds = {_sum("seed_seconds", MOST_BYTES)},
    completed = {_sum("completed", MOST_COMPLETED)},
    completed_at = COALESCE(swarm_membertotal.completed_at, excluded.completed_at),
    last_seen_at = excluded.last_seen_at
"""  # noqa: S608 - nothing but the names of columns and numbers is filled in.
REMEMBER = """
INSERT INTO swarm_memberreport
    (account_id, key, peer_id, uploaded_bytes, downloaded_bytes, is_seeder, heard_at, begun_at, is_stopped, has_completed)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, key, peer_id) DO UPDATE SET
    uploaded_bytes = excluded.uploaded_bytes,
    downloaded_bytes = excluded.downloaded_bytes,
    is_seeder = excluded.is_seeder,
    heard_at = excluded.heard_at,
    begun_at = excluded.begun_at,
    is_stopped = excluded.is_stopped,
    has_completed = excluded.has_completed
"""
REPORTED = (
    "uploaded_bytes",
    "downloaded_bytes",
    "is_seeder",
    "heard_at",
    "begun_at",
    "is_stopped",
    "has_completed",
)
"""The fields of a report, in its order."""
FORGET = "DELETE FROM swarm_memberreport WHERE account_id = %s AND key = %s AND peer_id = %s"


@dataclass(frozen=True, slots=True)
class Batch:
    """What members did in some seconds."""

    id: str
    at: datetime
    deeds: tuple[Deed, ...]
    heard: tuple[Heard, ...] = ()

    def text(self) -> str:
        """Return the batch as it is kept in the spool."""
        deeds = [[account, key.hex(), *numbers] for account, key, *numbers in self.deeds]
        heard = [[account, key.hex(), peer_id.hex(), report] for account, key, peer_id, report in self.heard]
        return json.dumps({"id": self.id, "at": self.at.isoformat(), "deeds": deeds, "heard": heard})

    @classmethod
    def parse(cls, path: Path) -> "Batch":
        """Read a batch from its file; raise CountsLost when it is damaged."""
        try:
            found = json.loads(path.read_text(encoding="ascii"))
            deeds, heard = map(_deed, found["deeds"]), map(_heard, found.get("heard", ()))
            return cls(str(found["id"]), datetime.fromisoformat(found["at"]), tuple(deeds), tuple(heard))
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
        write_durably(path, batch.text())
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
        self.deeds: list[Deed] = []
        self.heard: dict[tuple[int, bytes, bytes], Heard] = {}
        """Taken from the tracker, as the deeds, but not durable yet: the disk was full."""

    def restore(self) -> int:
        """
        Give the tracker what its members' peers said last, after booking what waits; return of how many peers.

        Raises:
            DatabaseError: the database does not answer.
        """
        while self.spool.waiting():
            try:
                self.book_waiting()
            except CountsLost:
                logger.exception("a batch of the members' accounts was put aside")
        rows = MemberReport.objects.values_list("account_id", "key", "peer_id", *REPORTED)
        reports = [
            (account, bytes.fromhex(key), bytes.fromhex(peer_id), tuple(report))
            for account, key, peer_id, *report in rows.iterator(chunk_size=5_000)
        ]
        self.tracker.restore_members(reports)
        return len(reports)

    def gather(self) -> Path | None:
        """
        Take what members did from the tracker into the spool; None when they did nothing.

        Raises:
            OSError: the disk is full or broken; the next call keeps what this one could not.
        """
        deeds, heard = self.tracker.drain_members()
        self.deeds += deeds
        self.heard |= {
            (account, key, peer_id): (account, key, peer_id, report) for account, key, peer_id, report in heard
        }
        if not self.deeds and not self.heard:
            return None
        batch = Batch(secrets.token_hex(16), self.clock(), tuple(self.deeds), tuple(self.heard.values()))
        path = self.spool.put(batch)
        self.deeds, self.heard = [], {}
        return path

    def book_waiting(self) -> int:
        """
        Book every batch of the spool; return how many were new.

        Raises:
            CountsLost: a file is damaged, or (CountsRefused) the database refuses what it says; it was put aside, so that the
                next call goes on behind it.
            DatabaseError: the database does not answer; the files stay.
        """
        booked = 0
        for path in self.spool.waiting():
            try:
                booked += _book_file(path)
            except CountsLost:
                path.replace(path.with_suffix(".damaged"))
                raise
            path.unlink()
        return booked


def _book_file(path: Path) -> bool:
    batch = Batch.parse(path)
    try:
        return book(batch)
    except IntegrityError:
        logger.warning("%s is booked once more: an account may have gone meanwhile", path.name)
    except (DataError, OverflowError) as error:
        raise CountsRefused(path=str(path), reason=str(error)) from error
    try:
        return book(batch)
    except (DataError, IntegrityError, OverflowError) as error:
        raise CountsRefused(path=str(path), reason=str(error)) from error


@transaction.atomic
def book(batch: Batch) -> bool:
    """Add a batch to the members' totals; return False, changing nothing, when it was booked before."""
    _, is_new = AppliedBatch.objects.get_or_create(id=batch.id)
    if not is_new:
        return False
    named = {deed[0] for deed in batch.deeds} | {heard[0] for heard in batch.heard}
    accounts = set(User.objects.filter(pk__in=named).values_list("pk", flat=True))
    # Always in the same order, so that two trackers never wait for each other.
    rows = [_row(deed, at=batch.at) for deed in sorted(batch.deeds) if deed[0] in accounts]
    heard = sorted((one for one in batch.heard if one[0] in accounts), key=lambda one: one[:3])
    with connection.cursor() as cursor:
        cursor.executemany(BOOK, rows)
        cursor.executemany(REMEMBER, [_reported(one[:3], one[3]) for one in heard if one[3]])
        cursor.executemany(
            FORGET, [(account, key.hex(), peer_id.hex()) for account, key, peer_id, report in heard if not report]
        )
    MemberReport.objects.filter(heard_at__lt=int((batch.at - KEEP_REPORTS).timestamp())).delete()
    AppliedBatch.objects.filter(applied_at__lt=batch.at - KEEP_IDS).delete()
    return True


def _deed(parts: list[object]) -> Deed:
    account, key, uploaded, downloaded, seed_seconds, completed = parts
    numbers = [int(str(part)) for part in (account, uploaded, downloaded, seed_seconds, completed)]
    return numbers[0], bytes.fromhex(str(key)), numbers[1], numbers[2], numbers[3], numbers[4]


def _reported(peer: tuple[int, bytes, bytes], report: Report) -> tuple[int | str | bool, ...]:
    account, key, peer_id = peer
    uploaded, downloaded, *rest = report
    return (account, key.hex(), peer_id.hex(), min(uploaded, MOST_BYTES), min(downloaded, MOST_BYTES), *rest)


def _heard(parts: list[Any]) -> Heard:
    account, key, peer_id, report = parts
    return int(account), bytes.fromhex(key), bytes.fromhex(peer_id), _report(report) if report else None


def _report(parts: list[Any]) -> Report:
    """Read a report; an older spool has its first four parts only, and whoever seeded has completed."""
    uploaded, downloaded, is_seeder, heard_at, *rest = parts
    begun_at, is_stopped, has_completed = rest or (heard_at, False, is_seeder)
    return (
        int(uploaded),
        int(downloaded),
        bool(is_seeder),
        int(heard_at),
        int(begun_at),
        bool(is_stopped),
        bool(has_completed),
    )


def _row(deed: Deed, *, at: datetime) -> tuple[int | str | None, ...]:
    account, key, uploaded, downloaded, seed_seconds, completed = deed
    moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    moment += "" if connection.vendor == "sqlite" else "+00"  # SQLite's Django keeps times as text without an offset.
    sums = (min(number, MOST_BYTES) for number in (uploaded, downloaded, seed_seconds))
    return (account, key.hex(), *sums, min(completed, MOST_COMPLETED), moment if completed else None, moment)
