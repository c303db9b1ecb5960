"""Each invariant of the book, attacked by raw SQL: the database itself refuses, on SQLite and PostgreSQL alike."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.actions.reverse import reverse
from largesse.ledger.checks import check
from largesse.ledger.errors import BookedBefore, ReversedBefore, Unbalanced
from largesse.ledger.models import Account, AccountKind, Entry, Posting

pytestmark = pytest.mark.django_db(transaction=True)
WHEN = datetime(2004, 12, 14, 12, tzinfo=UTC)


def facts(reference: str = "1", kind: str = "gift") -> Facts:
    return Facts(kind, "desk", reference, f"donation:{reference}", "A gift", WHEN)


def gift(reference: str = "1", amount: int = 2_500) -> Entry:
    with transaction.atomic():
        cash = account(AccountKind.ASSETS, "Cash", currency="USD")
        gifts = account(AccountKind.INCOME, "Gifts", "D-x", currency="USD", fund="x")
        return post(facts(reference), [Line(cash, amount), Line(gifts, -amount)])


def run(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


NOW = "'2004-12-14 12:00:00+00:00'"


def raw_entry(public_id: str = "raw", reference: str = "raw", seal: str | None = None) -> str:
    return (
        "INSERT INTO ledger_entry (public_id, kind, source, reference, subject, description, occurred_at, posted_at, seal_id)"
        f" VALUES ('{public_id}', 'gift', 'desk', '{reference}', 's', 'd', {NOW}, {NOW}, '{seal or public_id}')"
    )


def raw_posting(amount: object, *, name: str = "Assets:Cash:USD", currency: str = "USD", of: str = "raw") -> str:
    return (
        "INSERT INTO ledger_posting (entry_id, account_id, amount_minor, currency) VALUES ("
        f"(SELECT id FROM ledger_entry WHERE public_id = '{of}'),"
        f" (SELECT id FROM ledger_account WHERE name = '{name}'), {amount}, '{currency}')"
    )


def raw_seal(postings: int, of: str = "raw") -> str:
    return f"INSERT INTO ledger_seal (public_id, postings, digest) VALUES ('{of}', {postings}, 'x')"


GIFTS = "Income:Gifts:D-x:USD"
BREAKING = {
    "an entry without postings and seal": [raw_entry()],
    "an entry with postings but no seal": [raw_entry(), raw_posting(5), raw_posting(-5, name=GIFTS)],
    "a seal without postings": [raw_entry(), raw_seal(0)],
    "a seal that claims postings": [raw_entry(), raw_seal(2)],
    "one posting": [raw_entry(), raw_posting(5), raw_seal(1)],
    "postings that do not sum to zero": [raw_entry(), raw_posting(5), raw_posting(-4, name=GIFTS), raw_seal(2)],
    "a seal that counts wrongly": [raw_entry(), raw_posting(5), raw_posting(-5, name=GIFTS), raw_seal(3)],
    "another entry's seal": [raw_entry(seal="other"), raw_posting(5), raw_posting(-5, name=GIFTS), raw_seal(2)],
    "a posting of nothing": [raw_entry(), raw_posting(0), raw_posting(0, name=GIFTS), raw_seal(2)],
    "a posting in another currency": [
        raw_entry(),
        raw_posting(5, currency="EUR"),
        raw_posting(-5, name=GIFTS, currency="EUR"),
        raw_seal(2),
    ],
    "zero over two currencies only": [
        "INSERT INTO ledger_account (name, kind, currency, fund) VALUES ('Assets:Cash:EUR', 'Assets', 'EUR', '')",
        raw_entry(),
        raw_posting(5),
        raw_posting(-5, name="Assets:Cash:EUR", currency="EUR"),
        raw_seal(2),
    ],
    "a fact booked twice": [
        raw_entry(reference="1"),
        raw_posting(5),
        raw_posting(-5, name=GIFTS),
        raw_seal(2),
    ],
    "a posting without entry": [raw_posting(5, of="nobody")],
    "an account of an unknown kind": [
        "INSERT INTO ledger_account (name, kind, currency, fund) VALUES ('Other:X', 'Other', 'USD', '')"
    ],
    "an account without a currency": [
        "INSERT INTO ledger_account (name, kind, currency, fund) VALUES ('Assets:X', 'Assets', 'usd', '')"
    ],
}


@pytest.mark.parametrize("statements", BREAKING.values(), ids=BREAKING.keys())
def test_raw_sql_cannot_book_what_is_not_an_entry(statements: list[str]) -> None:
    gift()
    with pytest.raises(DatabaseError):
        run(*statements)
    assert Entry.objects.count() == 1
    assert list(check()) == []


def test_raw_sql_can_book_a_whole_entry() -> None:
    """The control of the test above: the same statements pass when they are right."""
    gift()
    run(raw_entry(), raw_posting(5), raw_posting(-5, name=GIFTS), raw_seal(2))
    assert Posting.objects.filter(entry__public_id="raw").count() == 2


@pytest.mark.parametrize("table", ["ledger_account", "ledger_entry", "ledger_posting", "ledger_seal"])
@pytest.mark.parametrize("verb", ["update", "delete"])
def test_the_book_only_grows(table: str, verb: str) -> None:
    gift()
    column = {"ledger_account": "fund", "ledger_entry": "description", "ledger_posting": "currency"}.get(
        table, "digest"
    )
    statement = f"UPDATE {table} SET {column} = {column}" if verb == "update" else f"DELETE FROM {table}"
    with pytest.raises(DatabaseError, match="only grows"):
        run(statement)
    assert list(check()) == []


def test_a_sealed_entry_takes_no_more_postings() -> None:
    entry = gift()
    with pytest.raises(DatabaseError, match="no more postings"):
        run(raw_posting(5, of=entry.public_id), raw_posting(-5, of=entry.public_id))


def test_a_reversal_undoes_all_of_an_entry_once() -> None:
    entry = gift()
    with transaction.atomic():
        undone = reverse(entry, description="Booked by mistake")
    assert undone.reverses == entry
    for wrong in (entry, undone):
        with pytest.raises(ReversedBefore), transaction.atomic():
            reverse(wrong, description="Again")
    assert list(check()) == []


def test_a_reversal_of_a_part_is_refused_by_the_database() -> None:
    entry = gift()
    reversing = raw_entry().replace("seal_id)", "seal_id, reverses_id)").replace("'raw')", f"'raw', {entry.pk})")
    with pytest.raises(DatabaseError, match="undoes the whole entry"):
        run(reversing, raw_posting(-5), raw_posting(5, name=GIFTS), raw_seal(2))


def test_the_same_fact_is_booked_once() -> None:
    first = gift()
    with pytest.raises(BookedBefore, match=first.public_id):
        gift()
    assert Entry.objects.count() == 1


def test_an_entry_that_does_not_balance_is_refused_with_its_sums() -> None:
    cash = account(AccountKind.ASSETS, "Cash", currency="USD")
    with pytest.raises(Unbalanced, match="5 USD"), transaction.atomic():
        post(facts(), [Line(cash, 4), Line(cash, 1)])
    with pytest.raises(RuntimeError):
        post(facts(), [])
    assert not Entry.objects.exists()


def test_nothing_cascades() -> None:
    gift()
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        Account.objects.all().delete()
    assert Posting.objects.count() == 2
