"""
Writers and followers in processes of their own, on the real database: no gap, no other order, no loss.

The control shows why: without the lock, two writers read the same head, and one of them cannot append.
"""

import multiprocessing
import threading
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkProcess
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.models import QuerySet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from largesse.journal.actions.append import append
from largesse.journal.checks import check
from largesse.journal.followers import Following, follow_until, last_serial
from largesse.journal.models import Acknowledgement, Row
from largesse.kit.clock import utc_now

pytestmark = pytest.mark.django_db(transaction=True)

FORK = multiprocessing.get_context("fork")
PATIENCE = 60

Plan = list[list[tuple[int, bool]]]
"""For each writer its transactions: how many rows, and whether it is kept."""


class Listener:
    """A follower that writes down what it is told."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[tuple[int, str, str]] = []

    def restore(self) -> int:
        return 0

    def apply(self, rows: Sequence[Row]) -> None:
        self.told += [(row.serial, row.subject, row.hash) for row in rows]


def in_processes(works: Sequence[Callable[[], object]]) -> list[ForkProcess]:
    """Start each work in a process of its own, none of which shares a connection with another."""
    connections.close_all()
    processes = [FORK.Process(target=_alone, args=(work,)) for work in works]
    for process in processes:
        process.start()
    return processes


def _alone(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connections.close_all()


def ended(processes: list[ForkProcess]) -> list[int | None]:
    for process in processes:
        process.join(PATIENCE)
    return [process.exitcode for process in processes]


def write(writer: int, transactions: list[tuple[int, bool]]) -> None:
    for number, (rows, is_kept) in enumerate(transactions):
        try:
            with transaction.atomic():
                for row in range(rows):
                    subject = f"{writer}/{number}/{row}" if is_kept else "dropped"
                    append(kind="test.happened", subject=subject, actor=f"writer:{writer}")
                if not is_kept:
                    raise ZeroDivisionError
        except ZeroDivisionError:
            continue


def follow(stop: Any, told: Any, name: str, total: int) -> None:
    listener = Listener(name)
    following = Following(listener, node="test")
    has_all = threading.Event()

    def look() -> None:
        if len(listener.told) >= total or stop.is_set():
            has_all.set()

    follow_until(has_all, [following], between=look)
    told.put((name, listener.told))


plans = st.lists(st.lists(st.tuples(st.integers(1, 4), st.booleans()), min_size=1, max_size=6), min_size=2, max_size=4)


@given(plan=plans)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_writers_and_followers_at_once_see_one_order_without_gap_or_loss(plan: Plan) -> None:
    first = last_serial()
    kept = [
        f"{writer}/{number}/{row}"
        for writer, transactions in enumerate(plan)
        for number, (rows, is_kept) in enumerate(transactions)
        if is_kept
        for row in range(rows)
    ]
    stop, told = FORK.Event(), FORK.Queue()
    names = ("one", "two")
    followers = in_processes(
        [lambda name=name: follow(stop, told, name, first + len(kept)) for name in names]  # type: ignore[misc]
    )
    writers = in_processes(
        [lambda w=writer, t=transactions: write(w, t) for writer, transactions in enumerate(plan)]  # type: ignore[misc]
    )
    assert ended(writers) == [0] * len(plan)
    heard = dict(told.get(timeout=PATIENCE) for _ in names)
    stop.set()
    assert ended(followers) == [0, 0]
    rows = list(Row.objects.order_by("serial").values_list("serial", "subject", "hash"))
    assert [serial for serial, _, _ in rows] == list(range(1, len(rows) + 1))
    assert sorted(subject for serial, subject, _ in rows if serial > first) == sorted(kept)
    assert heard["one"] == heard["two"] == rows
    for writer in range(len(plan)):
        own = [subject for serial, subject, _ in rows if serial > first and subject.startswith(f"{writer}/")]
        assert own == [subject for subject in kept if subject.startswith(f"{writer}/")]
    assert list(check()) == []
    acknowledged = Acknowledgement.objects.filter(node="test").values_list("serial", flat=True)
    assert set(acknowledged) == {len(rows)}


def append_when_both_are_there(barrier: Any, outcomes: Any) -> None:
    """Append, and meet the other writer between reading the head and writing the row."""

    def meet() -> Any:
        try:
            barrier.wait(timeout=2)
            outcomes.put("met")
        except threading.BrokenBarrierError:
            outcomes.put("alone")
        return utc_now()

    try:
        with transaction.atomic():
            append(kind="test.happened", subject="x", clock=meet)
        outcomes.put("appended")
    except DatabaseError:
        outcomes.put("failed")


def without_lock(work: Callable[[], object]) -> Callable[[], object]:
    def unlocked() -> None:
        plain: Any = lambda self, **_: self  # noqa: E731
        QuerySet.select_for_update = plain  # type: ignore[method-assign] # In this process only.
        if connection.vendor == "sqlite":
            connection.ensure_connection()  # Connecting reads the mode from the settings.
            connection.transaction_mode = None  # type: ignore[attr-defined] # BEGIN, which reads without a lock.
        work()

    return unlocked


def outcomes_of_two(wrap: Callable[[Callable[[], object]], Callable[[], object]]) -> list[str]:
    barrier, outcomes = FORK.Barrier(2), FORK.Queue()
    work = wrap(lambda: append_when_both_are_there(barrier, outcomes))
    assert ended(in_processes([work, work])) == [0, 0]
    return sorted(outcomes.get(timeout=PATIENCE) for _ in range(4))


def test_two_writers_are_never_between_the_head_and_the_row_at_once() -> None:
    assert outcomes_of_two(lambda work: work) == ["alone", "alone", "appended", "appended"]
    assert list(check()) == []
    assert last_serial() == 2


def test_control_without_the_lock_one_of_two_writers_fails() -> None:
    assert outcomes_of_two(without_lock) == ["appended", "failed", "met", "met"]
    assert last_serial() == 1
