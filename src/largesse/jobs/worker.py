"""
The worker: begins what is due, says that it is alive, tries again what failed, and gives up visibly.

A job is begun under a lease. Its holder renews the lease while it works; a worker that was killed does not, so the job is begun
again when the lease ends, or at once when a new worker of the same machine sees that the old process is gone. On PostgreSQL
workers skip each other's rows (`SKIP LOCKED`); on SQLite every claim is a transaction of its own (`BEGIN IMMEDIATE`).
"""

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, IntegrityError, close_old_connections, connection, connections, transaction
from django.db.models import Q

from largesse.jobs.errors import UnknownJob
from largesse.jobs.models import Job, JobState, Schedule
from largesse.jobs.registry import enqueue, periodic_jobs, registered
from largesse.kit.clock import Clock, utc_now

LEASE_SECONDS = 60
FIRST_DELAY_SECONDS = 5
LONGEST_DELAY_SECONDS = 6 * 3600
POLL_SECONDS = 0.25
TROUBLE_SECONDS = 2.0
"""How long a worker waits when the database does not answer."""
MOST_ERROR_CHARACTERS = 2_000

logger = logging.getLogger(__name__)


def delay_seconds(attempts: int) -> int:
    """Return how long a job rests after its `attempts`-th failure: 5 s, 20 s, 80 s … at most six hours."""
    return int(min(FIRST_DELAY_SECONDS * 4 ** (min(attempts, 20) - 1), LONGEST_DELAY_SECONDS))


class Worker:
    """One worker process with some threads."""

    def __init__(
        self,
        *,
        node: str | None = None,
        threads: int = 2,
        lease_seconds: float = LEASE_SECONDS,
        clock: Clock = utc_now,
    ) -> None:
        self.node = node or socket.gethostname()
        self.threads = threads
        self.lease_seconds = lease_seconds
        self.clock = clock
        self.holder = f"{self.node}:{os.getpid()}:{secrets.token_hex(6)}"
        self.woken = threading.Event()

    def run_until(self, stop: threading.Event, *, patience_seconds: float = 4.0) -> bool:
        """
        Work until `stop` is set. Jobs that run then may finish within `patience_seconds`.

        Returns:
            Whether all of them finished; others begin again elsewhere, or at the next start.
        """
        self.take_over()
        working = [threading.Thread(target=self._work, args=(stop,), daemon=True) for _ in range(self.threads)]
        tending = threading.Thread(target=self._tend, args=(stop,), daemon=True)
        for thread in (*working, tending):
            thread.start()
        stop.wait()
        deadline = time.monotonic() + patience_seconds
        for thread in (*working, tending):
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in working)

    def take_over(self) -> int:
        """Let go of the jobs that killed workers of this machine held; return how many."""
        mine = Job.objects.filter(state=JobState.RUNNING, lease_holder__startswith=f"{self.node}:")
        holders = [holder for holder in mine.values_list("lease_holder", flat=True).distinct() if not _is_alive(holder)]
        # Their lease ends now: `claim` then begins them again, or gives up on those that kill every worker.
        return mine.filter(lease_holder__in=holders).update(lease_until=self.clock()) if holders else 0

    def run_one(self) -> bool:
        """Begin one job that is due and run it to its end; return whether there was one."""
        job = self.claim()
        if job is None:
            return False
        try:
            registered(job.name).run(**job.arguments)
        except Exception as error:
            # Whatever a job raises is written to its row: that is where the person looks who can act.
            logger.exception("job %d %s failed", job.pk, job.name)
            self._failed(job, f"{type(error).__name__}: {error}")
        else:
            Job.objects.filter(pk=job.pk, lease_holder=self.holder).delete()
        return True

    def claim(self) -> Job | None:
        """Take the lease of the job that has been due longest, None when none is due."""
        now = self.clock()
        due = Job.objects.filter(
            Q(state=JobState.WAITING, run_at__lte=now) | Q(state=JobState.RUNNING, lease_until__lte=now)
        ).order_by("run_at", "pk")
        if not due.exists():
            return None
        with transaction.atomic():
            skip = connection.features.has_select_for_update_skip_locked
            job = due.select_for_update(skip_locked=skip).first()
            if job is None:
                return None
            if job.state == JobState.RUNNING and job.attempts >= _most_attempts(job):
                self._give_up(job, job.last_error or "Every worker that ran it was killed.")
                return None
            job.state, job.attempts = JobState.RUNNING, job.attempts + 1
            job.lease_holder, job.lease_until = self.holder, now + timedelta(seconds=self.lease_seconds)
            job.save(update_fields=("state", "attempts", "lease_holder", "lease_until"))
            return job

    def renew(self) -> None:
        """Say that this worker is alive."""
        Job.objects.filter(state=JobState.RUNNING, lease_holder=self.holder).update(
            lease_until=self.clock() + timedelta(seconds=self.lease_seconds)
        )

    def schedule(self) -> None:
        """Queue the periodic jobs that are due."""
        now = self.clock()
        jobs = periodic_jobs()
        known = dict(Schedule.objects.filter(name__in=jobs).values_list("name", "due_at"))
        for name, every_seconds in jobs.items():
            if name not in known or known[name] <= now:
                _queue_periodic(name, every_seconds=every_seconds, now=now)

    def _failed(self, job: Job, reason: str) -> None:
        with transaction.atomic():
            mine = Job.objects.select_for_update().filter(pk=job.pk, lease_holder=self.holder).first()
            if mine is None:  # The lease ended meanwhile, and another worker has the job.
                return
            if mine.attempts >= _most_attempts(mine):
                self._give_up(mine, reason)
                return
            mine.state, mine.lease_holder, mine.lease_until = JobState.WAITING, "", None
            mine.last_error = reason[:MOST_ERROR_CHARACTERS]
            mine.run_at = self.clock() + timedelta(seconds=delay_seconds(mine.attempts))
            try:
                with transaction.atomic():
                    mine.save()
            except IntegrityError:  # The same work was queued anew, which does what this one would.
                mine.delete()

    def _give_up(self, job: Job, reason: str) -> None:
        job.state, job.lease_holder, job.lease_until = JobState.DEAD, "", None
        job.last_error = reason[:MOST_ERROR_CHARACTERS]
        job.save()
        logger.error("job %d %s gave up after %d attempts: %s", job.pk, job.name, job.attempts, job.last_error)

    def _work(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                with self._patiently(stop):
                    if not self.run_one():
                        stop.wait(POLL_SECONDS)
        finally:
            connections.close_all()

    def _tend(self, stop: threading.Event) -> None:
        """Renew leases, also while the last jobs finish, and queue what is due."""
        try:
            beat = 0.0
            while not stop.is_set():
                with self._patiently(stop):
                    if time.monotonic() >= beat:
                        self.renew()
                        beat = time.monotonic() + self.lease_seconds / 3
                    self.schedule()
                stop.wait(min(1.0, self.lease_seconds / 3))
        finally:
            connections.close_all()

    @contextlib.contextmanager
    def _patiently(self, stop: threading.Event) -> Iterator[None]:
        """Outlive a database that is away for a while."""
        try:
            yield
        except DatabaseError as error:
            logger.warning("the database does not answer, trying again: %s", error)
            close_old_connections()
            stop.wait(TROUBLE_SECONDS)


def _queue_periodic(name: str, *, every_seconds: int, now: datetime) -> None:
    with transaction.atomic():
        Schedule.objects.get_or_create(name=name, defaults={"due_at": now})
        due = Schedule.objects.select_for_update().get(name=name)
        if due.due_at <= now:  # Else another worker was first.
            enqueue(name, unique=f"periodic:{name}")
            due.due_at = now + timedelta(seconds=every_seconds)
            due.save(update_fields=("due_at",))


def _most_attempts(job: Job) -> int:
    try:
        return registered(job.name).most_attempts
    except UnknownJob:
        return 1


def _is_alive(holder: str) -> bool:
    """Return whether the process of a holder on this machine is there."""
    _, process, _ = holder.rsplit(":", 2)
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
