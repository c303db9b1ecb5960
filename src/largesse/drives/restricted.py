"""
Money that is restricted: a drive's is for the drive alone, and a gift may be for one line of its budget alone.

A gift for a line is booked on an account of its own (`Income:Gifts:D-…:L-…`), so the book itself tells what is held for the line;
what other lines spend never touches it.
"""

from django.db.models import Sum

from largesse.drives.actions.settle import line_part
from largesse.drives.actions.wind_down import unspent_minor
from largesse.drives.models import BudgetLine, Drive
from largesse.ledger.models import AccountKind
from largesse.ledger.queries import moved


def given_for(line: BudgetLine) -> int:
    """Return what was given for one line alone, less what went back."""
    drive = line.drive
    part = f"Gifts:{drive.fund_part}:{line_part(line.pk)}"
    return -moved(fund=drive.public_id, kind=AccountKind.INCOME, part=part, currency=drive.currency)


def spent_on(line: BudgetLine) -> int:
    """Return what was spent on one line."""
    spent = line.drive.expenses.filter(line=line, entry__isnull=False).aggregate(amount=Sum("amount_minor"))["amount"]
    return int(spent or 0)


def held_for(line: BudgetLine) -> int:
    """Return what was given for one line alone and is not spent on it yet."""
    return max(0, given_for(line) - spent_on(line))


def available_minor(drive: Drive, line: BudgetLine | None) -> int:
    """Return what may be spent on a line (None: on no line in particular): all that is left and not held for other lines."""
    others = sum(held_for(one) for one in drive.lines.all() if line is None or one.pk != line.pk)
    return unspent_minor(drive) - others
