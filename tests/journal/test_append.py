"""Appending to the journal."""

import pytest
from django.db import DatabaseError, connection, transaction

from largesse.journal.actions.append import append
from largesse.journal.followers import last_serial
from largesse.journal.models import GENESIS_HASH, Row

pytestmark = pytest.mark.django_db(transaction=True)


def append_one(subject: str = "listing:a") -> Row:
    with transaction.atomic():
        return append(kind="test.happened", subject=subject, payload={"size_bytes": 1, "name": "é"})


def test_rows_are_numbered_from_one_and_chained() -> None:
    first, second = append_one(), append_one()
    assert (first.serial, second.serial) == (1, 2)
    assert first.previous_hash == GENESIS_HASH
    assert second.previous_hash == first.hash
    assert Row.objects.get(serial=2).computed_hash() == second.hash


def test_a_rolled_back_caller_leaves_no_gap() -> None:
    append_one()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        append(kind="test.happened", subject="listing:b")
        raise ZeroDivisionError
    assert append_one().serial == 2
    assert last_serial() == 2


def test_appending_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        append(kind="test.happened", subject="listing:a")


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="float"), transaction.atomic():
        append(kind="test.happened", subject="listing:a", payload={"ratio": 0.5})  # type: ignore[dict-item]


@pytest.mark.parametrize("statement", ["UPDATE journal_row SET actor = 'x'", "DELETE FROM journal_row"])
def test_the_database_refuses_to_alter_rows(statement: str) -> None:
    append_one()
    with pytest.raises(DatabaseError, match="never"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
