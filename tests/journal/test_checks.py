"""The check of the journal finds whatever was altered, and says where."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction

from largesse.journal.actions.append import append
from largesse.journal.checks import BATCH_ROWS, check, heard_by
from largesse.journal.followers import Following
from largesse.journal.models import Acknowledgement

pytestmark = pytest.mark.django_db(transaction=True)

UPDATE, DELETE, HEAD = "journal_row_no_update", "journal_row_no_delete", "journal_head_forward"


def grow(number: int = 5) -> None:
    with transaction.atomic():
        for position in range(number):
            append(kind="test.happened", subject=f"listing:{position}", payload={"size_bytes": position})


def damage(guard: str, statement: str) -> None:
    """Alter the table past its guard, as someone with the file in an editor could."""
    table = "journal_head" if guard == HEAD else "journal_row"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {guard}" + ("" if connection.vendor == "sqlite" else f" ON {table}"))
        cursor.execute(statement)


DAMAGES: list[tuple[str, str, str, str]] = [
    (UPDATE, "UPDATE journal_row SET actor = 'mallory' WHERE serial = 3", "journal row 3", "was altered"),
    (UPDATE, """UPDATE journal_row SET payload_json = '{"size_bytes":9}' WHERE serial = 2""", "row 2", "was altered"),
    (UPDATE, f"UPDATE journal_row SET previous_hash = '{'f' * 64}' WHERE serial = 4", "row 4", "row before it"),
    (DELETE, "DELETE FROM journal_row WHERE serial = 3", "journal row 4", "Row 3 is missing"),
    (DELETE, "DELETE FROM journal_row WHERE serial IN (2, 3)", "journal row 4", "Rows 2 to 3 are missing"),
    (DELETE, "DELETE FROM journal_row WHERE serial = 5", "journal head", "the last is row 4"),
    (HEAD, "UPDATE journal_head SET serial = 9", "journal head", "It says that row 9 is the last"),
]


def test_a_sound_journal_has_no_break() -> None:
    assert list(check()) == []
    grow()
    assert list(check()) == []


@pytest.mark.parametrize(("guard", "statement", "where", "sentence"), DAMAGES)
def test_whatever_is_altered_is_found_first_where_it_was_altered(
    guard: str, statement: str, where: str, sentence: str
) -> None:
    grow()
    with transaction.atomic():
        damage(guard, statement)
        first = next(check())
        transaction.set_rollback(True)  # The guards come back.
    assert where in first.where
    assert sentence in first.sentence


def test_a_journal_that_was_set_back_is_known_by_its_followers() -> None:
    grow(1)
    Following(_Idle(), node="a").catch_up()
    Acknowledgement.objects.update(serial=7)
    found = list(check())
    assert [brk.where for brk in found] == ["follower idle@a"]


def test_long_checks_say_how_far_they_are() -> None:
    grow(BATCH_ROWS + 1)
    heard: list[tuple[int, int]] = []
    with heard_by(lambda done, total: heard.append((done, total))):
        assert list(check()) == []
    assert heard == [(BATCH_ROWS, BATCH_ROWS + 1)]


class _Idle:
    name = "idle"
    restore: Callable[[], int] = staticmethod(lambda: 0)
    apply: Callable[[object], None] = staticmethod(lambda _rows: None)
