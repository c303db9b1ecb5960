"""
How the swarms' counts flow from the tracker into the database: in batches, without losing any when the database is away.

Peers are counted anew by the next tracker, downloads completed are not. So those that could not be written at a planned stop are
kept in a file, and booked in one transaction together with its id: once, whatever fails in between.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from largesse.kit.clock import Clock, utc_now
from largesse.swarm.core import GivesFacts
from largesse.swarm.durable import write_durably
from largesse.swarm.errors import CompletedLost
from largesse.swarm.models import AppliedBatch, HealthDay, SwarmCount

BATCH_SWARMS = 5_000
KEEP_DAYS = 400
SUFFIX = ".completed"
"""How the names of files end that hold downloads completed and not written."""

Drained = tuple[bytes, int, int, int, int]


class CountFeed:
    """
    Writes what a tracker counts.

    The tracker's `completed` begins at nought when it starts without a snapshot, so what is added here is the difference to the
    last number of the same run.

    Args:
        folder: of files, where downloads completed are kept while the database is away.
    """

    def __init__(self, tracker: GivesFacts, folder: Path, *, clock: Clock = utc_now) -> None:
        self.tracker = tracker
        self.folder = folder
        self.clock = clock
        self.pending: dict[bytes, Drained] = {}
        """Drained, but not written yet."""
        self.completed: dict[bytes, int] = {}
        """The tracker's own `completed` that was written last, for swarms that have any."""
        self.started_at = clock()

    def take_restored(self) -> None:
        """Take the counts of a snapshot: their completed downloads were written or kept at the planned stop."""
        while drained := self.tracker.drain_counts(BATCH_SWARMS):
            self._keep(drained)
            self.completed.update({key: completed for key, _, _, _, completed in drained if completed})

    def feed(self) -> int:
        """
        Write what changed since the last time, at most a batch; return how many swarms that were.

        Raises:
            DatabaseError: nothing was written; the next call writes it.
            CompletedLost: a file that was kept is damaged; it was put aside, so that the next call goes on.
        """
        self._book_kept()
        if len(self.pending) < BATCH_SWARMS:
            self._keep(self.tracker.drain_counts(BATCH_SWARMS))
        batch = [self.pending[key] for key in list(self.pending)[:BATCH_SWARMS]]
        if not batch:
            return 0
        added = {key: self._added(key, completed) for key, _, _, _, completed in batch}
        _write(batch, added=added, at=self.clock())
        for key, _, _, _, completed in batch:
            del self.pending[key]
            if completed:
                self.completed[key] = completed
            else:
                self.completed.pop(key, None)
        return len(batch)

    def keep(self) -> Path | None:
        """
        Make the downloads completed that are not written durable; None when all are. To be called once the tracker stopped.

        Raises:
            OSError: the disk is full or broken.
        """
        while drained := self.tracker.drain_counts(BATCH_SWARMS):
            self._keep(drained)
        added = {key: self._added(key, completed) for key, _, _, _, completed in self.pending.values()}
        kept = {key.hex(): number for key, number in added.items() if number}
        if not kept:
            return None
        name = secrets.token_hex(16)
        path = self.folder / f"{name}{SUFFIX}"
        write_durably(path, json.dumps({"id": name, "completed": kept}))
        self.completed.update({key: self.pending[key][4] for key, number in added.items() if number})
        return path

    def forget_gone(self) -> int:
        """Count swarms as empty that nobody announced since this tracker started; call it after two intervals."""
        stale = SwarmCount.objects.filter(counted_at__lt=self.started_at).exclude(
            seeders=0, leechers=0, partial_seeds=0
        )
        return stale.update(seeders=0, leechers=0, partial_seeds=0, counted_at=self.clock())

    def _book_kept(self) -> None:
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                found = json.loads(path.read_text(encoding="ascii"))
                name, completed = (
                    str(found["id"]),
                    {str(key): int(number) for key, number in found["completed"].items()},
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                path.replace(path.with_suffix(".damaged"))
                raise CompletedLost(path=str(path), reason=str(error)) from error
            _book_completed(name, completed, at=self.clock())
            path.unlink()

    def _keep(self, drained: Sequence[Drained]) -> None:
        for row in drained:
            self.pending[row[0]] = row

    def _added(self, key: bytes, completed: int) -> int:
        before = self.completed.get(key, 0)
        # Less than before: the swarm was refused and permitted anew, and counts from nought.
        return completed - before if completed >= before else completed


@transaction.atomic
def _write(batch: Iterable[Drained], *, added: dict[bytes, int], at: datetime) -> None:
    rows = list(batch)
    known = dict(SwarmCount.objects.filter(pk__in=[key.hex() for key, *_ in rows]).values_list("pk", "completed"))
    SwarmCount.objects.bulk_create(
        (
            SwarmCount(
                key=key.hex(),
                seeders=seeders,
                leechers=leechers,
                partial_seeds=partial_seeds,
                completed=known.get(key.hex(), 0) + added[key],
                counted_at=at,
            )
            for key, seeders, leechers, partial_seeds, _ in rows
        ),
        batch_size=500,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["seeders", "leechers", "partial_seeds", "completed", "counted_at"],
    )


@transaction.atomic
def _book_completed(name: str, completed: dict[str, int], *, at: datetime) -> None:
    """Add downloads completed to their swarms, unless the file of this name was booked before."""
    _, is_new = AppliedBatch.objects.get_or_create(id=name)
    if not is_new:
        return
    for key, number in sorted(completed.items()):
        if not SwarmCount.objects.filter(pk=key).update(completed=F("completed") + number):
            SwarmCount.objects.create(key=key, completed=number, counted_at=at)


def record_health(day: date) -> None:
    """Add today's counts to the health history: the most seeders and leechers of a day, for swarms that have peers."""
    counts = SwarmCount.objects.filter(Q(seeders__gt=0) | Q(leechers__gt=0)).order_by("pk")
    page: list[SwarmCount] = []
    for count in counts.iterator(chunk_size=BATCH_SWARMS):
        page.append(count)
        if len(page) == BATCH_SWARMS:
            _record_page(page, day=day)
            page = []
    _record_page(page, day=day)
    HealthDay.objects.filter(day__lt=day - timedelta(days=KEEP_DAYS)).delete()


@transaction.atomic
def _record_page(page: list[SwarmCount], *, day: date) -> None:
    keys = [count.key for count in page]
    there = set(HealthDay.objects.filter(key__in=keys, day=day).values_list("key", flat=True))
    HealthDay.objects.bulk_create(
        (
            HealthDay(key=count.key, day=day, most_seeders=count.seeders, most_leechers=count.leechers)
            for count in page
            if count.key not in there
        ),
        batch_size=500,
    )
    for count in page:
        if count.key in there:
            HealthDay.objects.filter(key=count.key, day=day).filter(
                Q(most_seeders__lt=count.seeders) | Q(most_leechers__lt=count.leechers)
            ).update(
                most_seeders=Greatest(F("most_seeders"), count.seeders),
                most_leechers=Greatest(F("most_leechers"), count.leechers),
            )
