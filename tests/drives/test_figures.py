"""The figures of a drive, from the book: the canonical case of December 2004, and what the database refuses."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from drive_factories import give, make_drive
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.refund import claim, conclude
from largesse.drives.actions.settle import dispute, settle
from largesse.drives.contract import hash_of
from largesse.drives.errors import ContractChanged, RefundTooLarge
from largesse.drives.figures import figures_of, percent_of
from largesse.drives.models import Contract, Refund, RefundReason, Settlement
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check
from largesse.ledger.queries import balances

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("settled", "percent"),
    [(20_640, 69), (29_999, 99), (30_000, 100), (13_955, 47), (33_001, 110), (0, 0), (-5, 0), (149, 0), (150, 1)],
)
def test_percent_is_rounded_half_up_but_never_100_before_the_goal(settled: int, percent: int) -> None:
    assert percent_of(settled, 30_000) == percent


@given(st.integers(0, 10**12), st.integers(1, 10**12))
def test_100_percent_means_that_the_goal_is_met(settled: int, goal: int) -> None:
    assert (percent_of(settled, goal) >= 100) == (settled >= goal)


def test_the_canonical_case_in_the_api(client: Client) -> None:
    drive = make_drive()
    give(drive, 2_064_000, fee_minor=1_000)
    told = client.get("/api/v1/drives/december").json()
    assert {name: told[name] for name in ("currency", "goal_minor", "settled_minor", "pending_minor")} == {
        "currency": "USD",
        "goal_minor": 3_000_000,
        "settled_minor": 2_064_000,
        "pending_minor": 0,
    }
    assert (told["missing_minor"], told["percent"], told["days_left"], told["net_minor"]) == (
        936_000,
        69,
        11,
        2_063_000,
    )


def test_a_drive_may_count_what_arrived() -> None:
    drive = make_drive(counted="net")
    give(drive, 3_000_000, fee_minor=1)
    assert (figures_of(drive).percent, figures_of(drive).missing_minor) == (99, 1)


def test_a_month_carries_its_surplus_into_the_next_when_the_terms_say_so() -> None:
    start = datetime(2004, 10, 31, tzinfo=UTC)
    for rule, carried in (("carry", 500_000), ("reserve", 0)):
        drive = make_drive(slug=rule, period="monthly", carry_over=rule, starts_at=start, ends_at=None)
        contract = drive.contracts.get()
        donation = pledge(drive, provider="cash", amount_minor=3_500_000, contract_hash=contract.hash)
        settle(donation, provider="cash", reference=rule, amount_minor=3_500_000, occurred_at=start)
        figures = figures_of(drive, clock=lambda: datetime(2004, 12, 14, tzinfo=UTC))
        assert figures.window.since == datetime(2004, 11, 30, tzinfo=UTC)
        assert (figures.carried_minor, figures.settled_minor, figures.days_left) == (carried, carried, 17)


def test_a_settlement_told_twice_is_booked_once() -> None:
    drive = make_drive()
    first = give(drive, 5_000)
    again = settle(
        first.donation, provider="cash", reference="1", amount_minor=5_000, fee_minor=0, occurred_at=utc_now()
    )
    assert again == first
    assert figures_of(drive).settled_minor == 5_000


def test_a_refund_is_claimed_then_sent_or_undone() -> None:
    drive = make_drive()
    settlement = give(drive, 5_000)
    sent = claim(settlement, amount_minor=3_000, reason=RefundReason.CHANGE_OF_MIND)
    with pytest.raises(RefundTooLarge, match="2000"):
        claim(settlement, amount_minor=2_001, reason=RefundReason.CHANGE_OF_MIND)
    failed = claim(settlement, amount_minor=2_000, reason=RefundReason.CHANGE_OF_MIND)
    assert figures_of(drive).settled_minor == 0
    for _ in range(2):
        conclude(sent, provider="cash", reference="a", is_sent=True, occurred_at=utc_now())
        conclude(failed, provider="cash", reference="b", is_sent=False, occurred_at=utc_now())
    held = {line.account.split(":")[0]: line.amount_minor for line in balances()}
    assert held == {"Assets": 2_000, "Income": -2_000, "Liabilities": 0}
    assert list(check()) == []


def test_a_dispute_takes_money_back_and_may_be_won() -> None:
    drive = make_drive()
    settlement = give(drive, 5_000)
    for _ in range(2):
        dispute(settlement, reference="d", amount_minor=5_000, occurred_at=utc_now(), is_won=False)
    assert figures_of(drive).settled_minor == 0
    with pytest.raises(RefundTooLarge):
        claim(settlement, amount_minor=1, reason=RefundReason.MISTAKE)
    dispute(settlement, reference="d", amount_minor=5_000, occurred_at=utc_now(), is_won=True)
    assert figures_of(drive).settled_minor == 5_000


def test_the_contract_is_frozen_by_its_hash() -> None:
    drive = make_drive()
    contract = drive.contracts.get()
    assert contract.hash == hash_of(contract.terms_json)
    with pytest.raises(ContractChanged):
        pledge(drive, provider="cash", amount_minor=500, contract_hash="0" * 64)
    with pytest.raises(DatabaseError), transaction.atomic():
        Contract.objects.filter(pk=contract.pk).update(terms_json="{}")


def test_raw_sql_cannot_refund_more_than_was_paid() -> None:
    settlement = give(make_drive(), 5_000)
    refund = claim(settlement, amount_minor=4_999, reason=RefundReason.MISTAKE)
    with (
        pytest.raises(DatabaseError, match="at most what was paid"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO drives_refund (public_id, settlement_id, amount_minor, reason, claimed_at, entry_id)"
            " SELECT 'raw', settlement_id, 2, reason, claimed_at, (SELECT entry_id FROM drives_settlement)"
            f" FROM drives_refund WHERE id = {refund.pk}"
        )
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("model", [Contract, Settlement, Refund])
def test_payments_and_contracts_only_grow(model: type) -> None:
    claim(give(make_drive(), 5_000), amount_minor=1, reason=RefundReason.MISTAKE)
    with pytest.raises(DatabaseError, match="only grow"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET id = id")
