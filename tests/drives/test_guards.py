"""What the database itself refuses about payments, tried by raw SQL: invariants 1, 2, 4, 5 and 8 of the fund."""

import pytest
from django.db import DatabaseError, connection, transaction

from drive_factories import give, make_drive
from largesse.drives.actions.refund import claim, conclude
from largesse.drives.actions.settle import dispute
from largesse.drives.actions.sweep import book_payout
from largesse.drives.checks import check
from largesse.drives.models import ProviderEvent, RefundReason, Settlement
from largesse.kit.clock import utc_now
from largesse.kit.money import Money
from largesse.ledger.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)
NOW = "'2004-12-14 12:00:00+00:00'"


def run(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def spare_entry() -> int:
    """Return an entry that no payment has."""
    book_payout("cash", reference="spare", amount=Money(5, "USD"), at=utc_now())
    return int(Entry.objects.get(reference="spare").pk)


@pytest.fixture
def paid() -> Settlement:
    settlement = give(make_drive(), 1_000)
    refund = claim(settlement, amount_minor=600, reason=RefundReason.CHANGE_OF_MIND)
    conclude(refund, provider="cash", reference="r1", is_sent=True, occurred_at=utc_now())
    dispute(settlement, reference="d1", amount_minor=100, occurred_at=utc_now(), is_won=False)
    ProviderEvent.objects.create(id="stripe/evt_1", kind="x", body=b"x", received_at=utc_now())
    return settlement


def test_an_events_id_is_its_key(paid: Settlement) -> None:
    with pytest.raises(DatabaseError):
        run(f"INSERT INTO drives_providerevent (id, kind, body, received_at) VALUES ('stripe/evt_1', 'y', 'y', {NOW})")
    assert ProviderEvent.objects.count() == 1


def test_an_event_can_be_emptied_and_nothing_else(paid: Settlement) -> None:
    with pytest.raises(DatabaseError, match="only grow"):
        run("UPDATE drives_providerevent SET id = 'stripe/evt_2', body = ''")
    ProviderEvent.objects.update(body=b"")
    assert bytes(ProviderEvent.objects.get().body) == b""
    with pytest.raises(DatabaseError, match="only grow"):
        run("UPDATE drives_providerevent SET body = 'other'")


TWICE = {
    "drives_settlement": "INSERT INTO drives_settlement (public_id, donation_id, provider, reference, amount_minor,"
    " fee_minor, occurred_at, entry_id) SELECT 'other', donation_id, provider, reference, amount_minor, fee_minor,"
    " occurred_at, {entry} FROM drives_settlement",
    "drives_refundoutcome": "INSERT INTO drives_refundoutcome (refund_id, provider, reference, is_sent, occurred_at,"
    " entry_id) SELECT refund_id, provider, reference, is_sent, occurred_at, {entry} FROM drives_refundoutcome",
    "drives_dispute": "INSERT INTO drives_dispute (settlement_id, provider, reference, amount_minor, is_won,"
    " occurred_at, entry_id) SELECT settlement_id, provider, reference, amount_minor, is_won, occurred_at, {entry}"
    " FROM drives_dispute",
}


@pytest.mark.parametrize("table", TWICE)
def test_provider_reference_and_kind_are_booked_once(paid: Settlement, table: str) -> None:
    spare = spare_entry()
    with pytest.raises(DatabaseError):
        run(TWICE[table].format(entry=spare))
    assert list(check()) == []


@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("drives_settlement", "amount_minor"),
        ("drives_refund", "amount_minor"),
        ("drives_refundoutcome", "is_sent"),
        ("drives_dispute", "amount_minor"),
        ("drives_providerevent", "kind"),
        ("drives_contract", "hash"),
    ],
)
def test_payments_and_contracts_only_grow(paid: Settlement, table: str, column: str, verb: str) -> None:
    statement = f"UPDATE {table} SET {column} = {column}" if verb == "UPDATE" else f"DELETE FROM {table}"
    with pytest.raises(DatabaseError, match="only grow"):
        run(statement)


def raw_refund(amount_minor: int, entry: int) -> str:
    return (
        "INSERT INTO drives_refund (public_id, settlement_id, amount_minor, reason, claimed_at, entry_id)"
        f" SELECT 'raw', id, {amount_minor}, 'mistake', {NOW}, {entry} FROM drives_settlement WHERE amount_minor = 1000"
    )


def test_refunds_are_at_most_what_was_paid(paid: Settlement) -> None:
    spare = spare_entry()
    with pytest.raises(DatabaseError, match="at most what was paid"):
        run(raw_refund(401, spare))
    for wrong in (0, -1):
        with pytest.raises(DatabaseError):
            run(raw_refund(wrong, spare))
    run(raw_refund(400, spare))  # The control: the same statement, within what was paid.


@pytest.mark.parametrize("table", ["drives_drive", "drives_donation", "ledger_entry", "ledger_account"])
def test_nothing_cascades(paid: Settlement, table: str) -> None:
    with pytest.raises(DatabaseError):
        run(f"DELETE FROM {table}")
    assert Settlement.objects.filter(pk=paid.pk).exists()
    assert list(check()) == []


@pytest.mark.parametrize(("table", "column"), [("drives_donation", "amount_minor"), ("drives_drive", "goal_minor")])
def test_amounts_are_above_zero(paid: Settlement, table: str, column: str) -> None:
    with pytest.raises(DatabaseError):
        run(f"UPDATE {table} SET {column} = 0")


def test_a_hand_made_change_is_found_by_the_check(paid: Settlement) -> None:
    """Whoever drops the guards and alters a payment is seen: two roads lead to each sum."""
    name = "drives_settlement_no_update" if connection.vendor == "sqlite" else "drives_settlement_no_change"
    on = "" if connection.vendor == "sqlite" else " ON drives_settlement"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sql FROM sqlite_master WHERE name = %s", [name]
        ) if connection.vendor == "sqlite" else None
        made = (
            cursor.fetchone()[0]
            if connection.vendor == "sqlite"
            else (
                "CREATE TRIGGER drives_settlement_no_change BEFORE UPDATE OR DELETE ON drives_settlement"
                " FOR EACH ROW EXECUTE FUNCTION drives_refuse()"
            )
        )
        cursor.execute(f"DROP TRIGGER {name}{on}")
        cursor.execute("UPDATE drives_settlement SET amount_minor = 9000")
        try:
            breaks = [found.where for found in check()]
        finally:
            cursor.execute("UPDATE drives_settlement SET amount_minor = 1000")
            cursor.execute(made)
    assert f"gift {paid.public_id}" in breaks
    assert any(where.startswith("drive ") for where in breaks)
    assert list(check()) == []
