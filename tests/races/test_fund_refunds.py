"""
Racing refunds: 500 payments with four refunds each, at once; none is refunded beyond what was paid.

Two things protect them, and each control takes away what the other test relies on: without both, four of four go through; with
the database's own guard alone, still none is overpaid.
"""

import importlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection
from django.db.models import Sum

from drive_factories import give, make_drive
from largesse.drives.actions import refund as refunding
from largesse.drives.actions.refund import claim, refundable_minor
from largesse.drives.checks import check as check_drives
from largesse.drives.errors import RefundTooLarge
from largesse.drives.models import Refund, RefundReason, Settlement
from largesse.ledger.checks import check

PAYMENTS, RACERS, CONTROLS = 500, 4, 25

pytestmark = pytest.mark.django_db(transaction=True)
GUARDS = importlib.import_module("largesse.drives.migrations.0002_guards")


def refund(settlement: Settlement) -> bool:
    try:
        claim(settlement, amount_minor=600, reason=RefundReason.CHANGE_OF_MIND)
    except (RefundTooLarge, DatabaseError):
        return False
    return True


def racing(settlements: list[Settlement], act: object = refund) -> list[bool]:
    """Let RACERS refund each settlement at once; return which of them got through."""
    with ThreadPoolExecutor(RACERS) as pool:
        outcomes = list(pool.map(act, [settlement for settlement in settlements for _ in range(RACERS)]))  # type: ignore[arg-type]
        barrier = threading.Barrier(RACERS)
        list(pool.map(lambda _: (barrier.wait(20), connection.close()), range(RACERS)))
    return outcomes


def paid(number: int) -> list[Settlement]:
    drive = make_drive()
    return [give(drive, 1_000, reference=str(at)) for at in range(number)]


def sums() -> set[int]:
    rows = Refund.objects.values("settlement").annotate(amount=Sum("amount_minor"))
    return set(rows.values_list("amount", flat=True))


def test_no_payment_is_refunded_beyond_what_was_paid() -> None:
    outcomes = racing(paid(PAYMENTS))
    assert sum(outcomes) == PAYMENTS
    assert sums() == {600}
    assert list(check()) == [] and list(check_drives()) == []


@contextmanager
def without_the_guard() -> Iterator[None]:
    """Take the database's guard away, and put it back."""
    name = "drives_refund_within_paid"
    made = GUARDS.SQLITE if connection.vendor == "sqlite" else GUARDS.POSTGRESQL
    (guard,) = [statement for statement in made if f"CREATE TRIGGER {name}" in statement]
    on = "" if connection.vendor == "sqlite" else " ON drives_refund"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}{on}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(guard)


def look_then_refund(monkeypatch: pytest.MonkeyPatch, settlements: list[Settlement]) -> list[bool]:
    """What is left is read before the lock is held, as all four do at one moment."""
    meet = threading.Barrier(RACERS)

    def act(settlement: Settlement) -> bool:
        left = refundable_minor(settlement)
        meet.wait(60)
        if left < 600:
            return False
        try:
            claim(settlement, amount_minor=600, reason=RefundReason.CHANGE_OF_MIND)
        except (RefundTooLarge, DatabaseError):
            return False
        return True

    monkeypatch.setattr(refunding, "refundable_minor", lambda settlement: settlement.amount_minor)
    return racing(settlements, act)


def test_control_without_the_lock_and_the_guard_payments_are_overpaid(monkeypatch: pytest.MonkeyPatch) -> None:
    settlements = paid(CONTROLS)
    with without_the_guard():
        outcomes = look_then_refund(monkeypatch, settlements)
    assert sum(outcomes) == CONTROLS * RACERS
    assert sums() == {600 * RACERS}
    assert any("More went back" in found.sentence for found in check_drives())


def test_the_database_alone_refuses_what_the_program_overlooks(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = look_then_refund(monkeypatch, paid(CONTROLS))
    assert sum(outcomes) == CONTROLS
    assert sums() == {600}
    assert list(check()) == []
