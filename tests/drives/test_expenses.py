"""Spending takes two people, and what is privileged shows its amount only."""

import pytest
from django.db import DatabaseError, transaction

from drive_factories import give, make_drive
from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.errors import ApprovedByYou
from largesse.drives.models import Expense
from largesse.kit.clock import utc_now
from largesse.kit.errors import NotPermitted
from largesse.ledger.checks import check
from largesse.ledger.exports import FORMATS
from largesse.ledger.models import Entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def expense() -> Expense:
    drive = make_drive()
    give(drive, 500_000)
    ines = make_user("ines", role=Role.TREASURER)
    return propose_expense(
        drive,
        treasurer=ines,
        description="Opinion on the Rivemont case",
        amount_minor=120_000,
        incurred_at=utc_now(),
        is_privileged=True,
    )


def test_an_expense_is_booked_by_the_second_person(expense: Expense) -> None:
    ines, paul = expense.proposed_by, make_user("paul", role=Role.TREASURER)
    assert approve_expense(expense, person=ines).entry is None
    with pytest.raises(ApprovedByYou):
        approve_expense(expense, person=ines)
    booked = approve_expense(expense, person=paul)
    assert booked.entry is not None
    for export in FORMATS.values():
        text = "".join(export())
        assert "Rivemont" not in text
        assert "Expense, amount only" in text
    assert list(check()) == []


def test_only_who_keeps_books_approves(expense: Expense) -> None:
    with pytest.raises(NotPermitted):
        approve_expense(expense, person=make_user("eve", role=Role.MODERATOR))


def test_the_database_refuses_an_expense_that_one_person_approved(expense: Expense) -> None:
    approve_expense(expense, person=expense.proposed_by)
    with pytest.raises(DatabaseError, match="two people"), transaction.atomic():
        Expense.objects.filter(pk=expense.pk).update(entry=Entry.objects.first())
