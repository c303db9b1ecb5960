"""
What can be done in the background: functions with names, found in each app's `tasks.py`.

    @job("drives.send_receipt")
    def send_receipt(*, donation: str) -> None: ...

    @periodic("torrents.sweep", every_seconds=3600)
    def sweep() -> None: ...

    enqueue("drives.send_receipt", donation=donation.public_id)

A job may run more than once (a worker may be killed after its work and before it says so), so its function must be one that
can be repeated. `enqueue` in a transaction is kept or lost with that transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import IntegrityError, transaction

from largesse.jobs.errors import UnknownJob
from largesse.jobs.models import Job, JobState
from largesse.kit.canonical import canonical_json
from largesse.kit.clock import Clock, utc_now

MOST_ATTEMPTS = 10
"""With the back-off of `worker.py` that is a little more than a day of trying."""

Function = TypeVar("Function", bound=Callable[..., None])


@dataclass(frozen=True, slots=True)
class Registered:
    """A function that may run in the background."""

    name: str
    run: Callable[..., None]
    most_attempts: int
    every_seconds: int | None
    """For periodic work: how often."""


_registered: dict[str, Registered] = {}


def job(name: str, *, most_attempts: int = MOST_ATTEMPTS) -> Callable[[Function], Function]:
    """Register a function of keyword arguments that are canonical JSON values."""
    return _register(name, most_attempts=most_attempts, every_seconds=None)


def periodic(name: str, *, every_seconds: int) -> Callable[[Function], Function]:
    """Register a function without arguments that runs every `every_seconds`; a run that fails waits for the next."""
    return _register(name, most_attempts=1, every_seconds=every_seconds)


def _register(name: str, *, most_attempts: int, every_seconds: int | None) -> Callable[[Function], Function]:
    def keep(function: Function) -> Function:
        known = _registered.get(name)
        if known is not None and known.run.__qualname__ != function.__qualname__:
            raise ValueError(f"two background jobs are named {name}")
        _registered[name] = Registered(name, function, most_attempts, every_seconds)
        return function

    return keep


def registered(name: str) -> Registered:
    """
    Return the function of this name.

    Raises:
        UnknownJob: no app registered it.
    """
    if name not in _registered:
        raise UnknownJob(name=name)
    return _registered[name]


def periodic_jobs() -> Mapping[str, int]:
    """Return each periodic job's name with its period in seconds."""
    return {name: entry.every_seconds for name, entry in _registered.items() if entry.every_seconds is not None}


def enqueue(
    name: str, *, run_at: datetime | None = None, unique: str | None = None, clock: Clock = utc_now, **arguments: Any
) -> Job:
    """
    Ask for work; it begins once the caller's transaction is committed.

    Args:
        run_at: not before this time; None: at once.
        unique: while a job with this key waits, none is added; the one that waits begins at the earlier of both times.
        arguments: canonical JSON values.

    Raises:
        UnknownJob: no app registered the name.
        TypeError: an argument has no canonical JSON form.
    """
    registered(name)
    now = clock()
    due = run_at or now
    fresh = Job(name=name, arguments_json=canonical_json(arguments), unique_key=unique, run_at=due, made_at=now)
    if unique is None:
        fresh.save()
        return fresh
    with transaction.atomic():
        waiting = Job.objects.select_for_update().filter(unique_key=unique, state=JobState.WAITING).first()
        if waiting is not None:
            if due < waiting.run_at:
                waiting.run_at = due
                waiting.save(update_fields=("run_at",))
            return waiting
        try:
            with transaction.atomic():
                fresh.save()
        except IntegrityError:  # Another transaction queued the same work meanwhile, and its row will do.
            return Job.objects.get(unique_key=unique, state=JobState.WAITING)
    return fresh
