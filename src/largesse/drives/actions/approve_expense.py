"""Spend: an expense is proposed, approved by two different people, and booked with the second approval."""

from datetime import datetime

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.settle import money_at
from largesse.drives.errors import ApprovedByYou
from largesse.drives.models import Approval, BudgetLine, Drive, Expense
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.models import AccountKind

APPROVALS = 2
AMOUNT_ONLY = "Expense, amount only"
"""What the book says of an expense whose detail is privileged."""


@transaction.atomic
def propose_expense(
    drive: Drive,
    *,
    treasurer: User,
    description: str,
    amount_minor: int,
    incurred_at: datetime,
    is_privileged: bool = False,
    line: BudgetLine | None = None,
    clock: Clock = utc_now,
) -> Expense:
    """
    Propose an expense; it is not public before it is booked.

    Args:
        is_privileged: only the amount becomes public, for what a court or a lawyer keeps secret.

    Raises:
        NotPermitted: only treasurers and administrators propose expenses.
    """
    require(may_keep_books(treasurer))
    return Expense.objects.create(
        drive=drive,
        line=line,
        description=description,
        is_privileged=is_privileged,
        amount_minor=amount_minor,
        incurred_at=incurred_at,
        proposed_by=treasurer,
        proposed_at=clock(),
    )


@transaction.atomic
def approve_expense(expense: Expense, *, person: User, paid_from: str = "bank", clock: Clock = utc_now) -> Expense:
    """
    Approve an expense; the second person's approval books it.

    Args:
        paid_from: the provider whose account the money leaves.

    Raises:
        NotPermitted: only treasurers and administrators approve.
        ApprovedByYou: the same person approved before, or it is booked already.
    """
    require(may_keep_books(person))
    expense = Expense.objects.select_for_update(of=("self",)).select_related("drive").get(pk=expense.pk)
    if expense.entry_id is not None or expense.approvals.filter(person=person).exists():
        raise ApprovedByYou
    Approval.objects.create(expense=expense, person=person, approved_at=clock())
    if expense.approvals.count() < APPROVALS:
        return expense
    drive = expense.drive
    spent = account(AccountKind.EXPENSES, "Spent", drive.fund_part, currency=drive.currency, fund=drive.public_id)
    facts = Facts(
        kind="expense",
        source="desk",
        reference=expense.public_id,
        subject=expense.subject,
        description=expense.public_description or AMOUNT_ONLY,
        occurred_at=expense.incurred_at,
    )
    lines = [Line(spent, expense.amount_minor), Line(money_at(paid_from, drive.currency), -expense.amount_minor)]
    expense.entry = post(facts, lines, actor=person.actor, clock=clock)
    expense.save(update_fields=("entry",))
    payload = {"drive": drive.slug, "amount_minor": expense.amount_minor, "entry": expense.entry.public_id}
    append(kind="drives.expense_booked", subject=expense.subject, actor=person.actor, payload=payload, clock=clock)
    return expense
