"""Racing refunds: 500 payments with four refunds each, at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection
from django.db.models import Sum

from drive_factories import give, make_drive
from largesse.drives.actions.refund import claim
from largesse.drives.errors import RefundTooLarge
from largesse.drives.models import Refund, RefundReason, Settlement
from largesse.ledger.checks import check

PAYMENTS, RACERS = 500, 4

pytestmark = pytest.mark.django_db(transaction=True)


def refund(settlement: Settlement) -> bool:
    try:
        claim(settlement, amount_minor=600, reason=RefundReason.CHANGE_OF_MIND)
    except (RefundTooLarge, DatabaseError):
        return False
    return True


def test_no_payment_is_refunded_beyond_what_was_paid() -> None:
    drive = make_drive()
    settlements = [give(drive, 1_000, reference=str(number)) for number in range(PAYMENTS)]
    with ThreadPoolExecutor(RACERS) as pool:
        outcomes = list(pool.map(refund, [settlement for settlement in settlements for _ in range(RACERS)]))
        barrier = threading.Barrier(RACERS)
        list(pool.map(lambda _: (barrier.wait(20), connection.close()), range(RACERS)))
    assert sum(outcomes) == PAYMENTS
    sums = Refund.objects.values("settlement").annotate(amount=Sum("amount_minor")).values_list("amount", flat=True)
    assert set(sums) == {600}
    assert list(check()) == []
