"""Spend: an expense is proposed, approved by two different people, and booked with the second approval."""

import hashlib
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.settle import money_at
from largesse.drives.errors import ApprovedByYou, FundTooSmall, GoalNotMet, NotAReceipt
from largesse.drives.figures import figures_of
from largesse.drives.models import Approval, BudgetLine, Drive, Expense, Period
from largesse.drives.restricted import available_minor
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money
from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.models import AccountKind

APPROVALS = 2
AMOUNT_ONLY = "Expense, amount only"
"""What the book says of an expense whose detail is privileged."""
MOST_RECEIPT_BYTES = 5_000_000
RECEIPT_KINDS = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
)
"""How each kind begins, its media type and how its file ends."""


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
    receipt: bytes = b"",
    clock: Clock = utc_now,
) -> Expense:
    """
    Propose an expense; it is not public before it is booked.

    Args:
        is_privileged: only the amount becomes public, for what a court or a lawyer keeps secret.
        receipt: a redacted PDF, PNG or JPEG file, which becomes public with the booking; empty for none.

    Raises:
        NotPermitted: only treasurers and administrators propose expenses.
        NotAReceipt: the file is of another kind, or too large.
    """
    require(may_keep_books(treasurer))
    receipt_name, receipt_type = _kept_receipt(receipt) if receipt and not is_privileged else ("", "")
    return Expense.objects.create(
        drive=drive,
        line=line,
        description=description,
        is_privileged=is_privileged,
        amount_minor=amount_minor,
        incurred_at=incurred_at,
        receipt=receipt_name,
        receipt_type=receipt_type,
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
        FundTooSmall: less is there for it: other drives’ money, and what was given for other lines, is not.
        GoalNotMet: all or nothing, and it is not all yet.
    """
    require(may_keep_books(person))
    expense = Expense.objects.select_for_update(of=("self",)).select_related("drive").get(pk=expense.pk)
    if expense.entry_id is not None or expense.approvals.filter(person=person).exists():
        raise ApprovedByYou
    Approval.objects.create(expense=expense, person=person, approved_at=clock())
    if expense.approvals.count() < APPROVALS:
        return expense
    drive = Drive.objects.select_for_update().get(pk=expense.drive_id)
    left = available_minor(drive, expense.line)
    if left < expense.amount_minor:
        raise FundTooSmall(left=f"{Money(left, drive.currency).decimal():f} {drive.currency}")
    if drive.period == Period.ALL_OR_NOTHING and not figures_of(drive, clock=clock).is_met:
        raise GoalNotMet
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


def _kept_receipt(content: bytes) -> tuple[str, str]:
    """Keep a receipt among the stored files, named by what it holds; return its name and media type."""
    found = next((kind for kind in RECEIPT_KINDS if content.startswith(kind[0])), None)
    if found is None or len(content) > MOST_RECEIPT_BYTES:
        raise NotAReceipt(most=MOST_RECEIPT_BYTES // 1_000_000)
    _, media_type, ending = found
    name = f"receipts/{hashlib.sha256(content).hexdigest()[:40]}.{ending}"
    if not default_storage.exists(name):
        name = default_storage.save(name, ContentFile(content))
    return name, media_type
