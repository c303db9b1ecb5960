"""A gift for one line of the budget is held for that line, in the book itself."""

import pytest
from django.test import Client

from drive_factories import give, make_drive
from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.actions.give import give as give_by_form
from largesse.drives.actions.refund import claim
from largesse.drives.actions.settle import settle
from largesse.drives.donors import Identity
from largesse.drives.errors import FundTooSmall
from largesse.drives.figures import figures_of
from largesse.drives.models import BudgetLine, Drive, RefundReason, Settlement
from largesse.drives.queries import funded_lines
from largesse.drives.restricted import available_minor, given_for, held_for
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check
from largesse.ledger.exports import FORMATS

pytestmark = pytest.mark.django_db


@pytest.fixture
def drive() -> Drive:
    made = make_drive()
    for position, name in enumerate(("Counsel", "Court fees")):
        BudgetLine.objects.create(drive=made, position=position, name=name, cost_minor=100_000)
    return made


def give_for(line: BudgetLine, amount_minor: int) -> Settlement:
    donation = give_by_form(
        line.drive,
        provider="cash",
        amount_minor=amount_minor,
        contract_hash=line.drive.contracts.get().hash,
        identity=Identity(),
        nonce=f"{line.pk}/{amount_minor}",
        line=line,
    )
    return settle(
        donation,
        provider="cash",
        reference=donation.public_id,
        amount_minor=amount_minor,
        occurred_at=utc_now(),
    )


def spend(drive: Drive, line: BudgetLine | None, amount_minor: int) -> None:
    people = [make_user(f"{name}-{line}-{amount_minor}", role=Role.TREASURER) for name in ("a", "b")]
    expense = propose_expense(
        drive, treasurer=people[0], description="x", amount_minor=amount_minor, incurred_at=utc_now(), line=line
    )
    for person in people:
        approve_expense(expense, person=person, paid_from="cash")


def test_what_is_given_for_a_line_is_spent_on_it_alone(drive: Drive) -> None:
    counsel, fees = drive.lines.all()
    give(drive, 10_000)
    give_for(fees, 30_000)
    assert figures_of(drive).settled_minor == 40_000
    assert (available_minor(drive, counsel), available_minor(drive, fees), available_minor(drive, None)) == (
        10_000,
        40_000,
        10_000,
    )
    with pytest.raises(FundTooSmall, match=r"100\.00 USD"):
        spend(drive, counsel, 10_001)
    spend(drive, counsel, 10_000)
    spend(drive, fees, 25_000)
    assert held_for(fees) == 5_000
    assert list(check()) == []


def test_a_refund_leaves_the_line_it_was_for(drive: Drive) -> None:
    fees = drive.lines.get(name="Court fees")
    claim(give_for(fees, 30_000), amount_minor=30_000, reason=RefundReason.CHANGE_OF_MIND)
    assert given_for(fees) == 0
    assert figures_of(drive).settled_minor == 0


def test_lines_show_what_is_theirs_and_the_rest_flows_from_the_top(drive: Drive, client: Client) -> None:
    fees = drive.lines.get(name="Court fees")
    give_for(fees, 30_000)
    give(drive, 120_000)
    rows = funded_lines(drive, figures_of(drive))
    assert [(row.line.name, row.funded_minor, row.own_minor) for row in rows] == [
        ("Counsel", 100_000, 0),
        ("Court fees", 50_000, 30_000),
    ]
    assert "300 $ given for it alone" in client.get(drive.path).content.decode().replace("\u00a0", " ")
    assert f":L-{fees.pk}:USD" in "".join(FORMATS["csv"]())
