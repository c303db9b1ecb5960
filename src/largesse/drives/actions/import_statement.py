"""Import a bank statement: every line once, gifts with our reference booked, the others kept for a person."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.refund import conclude
from largesse.drives.actions.settle import settle
from largesse.drives.alarms import raise_alarm, told
from largesse.drives.models import (
    AlarmCode,
    BankLine,
    BankStatement,
    Drive,
    LineState,
    Refund,
    RefundOutcome,
    Settlement,
    WaitsFor,
)
from largesse.drives.sealing import seal, unseal
from largesse.drives.statements.lines import StatementLine
from largesse.drives.statements.match import Matched, look_of, matched
from largesse.drives.statements.read import read_statement
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do; nothing was done."""

    format: str
    sha256: str
    lines: tuple[Matched, ...]
    pending_left_out: int
    was_imported: bool
    """This very file was imported before."""

    def count(self, what: str) -> int:
        """Return how many lines are `gift`, `refund`, `known` or `waiting`."""
        return sum(1 for line in self.lines if fate_of(line) == what)


def fate_of(line: Matched) -> str:
    """Return what becomes of a line: `known`, `waiting`, `gift` or `refund`."""
    if line.is_known:
        return "known"
    if line.waits_for:
        return "waiting"
    return "refund" if line.refund else "gift"


def preview_statement(content: bytes, *, treasurer: User, currency: str) -> Preview:
    """
    Return what an import of this file would do.

    Args:
        currency: of the account, for CSV files that do not say it.

    Raises:
        NotPermitted: only treasurers and administrators see statements.
        UnreadableStatement: the file cannot be read.
    """
    require(may_keep_books(treasurer))
    statement = read_statement(content, currency=currency)
    return Preview(
        format=statement.format,
        sha256=statement.sha256,
        lines=tuple(matched(statement.lines)),
        pending_left_out=statement.pending_left_out,
        was_imported=BankStatement.objects.filter(sha256=statement.sha256).exists(),
    )


@transaction.atomic
def import_statement(content: bytes, *, treasurer: User, currency: str, clock: Clock = utc_now) -> BankStatement:
    """
    Import a statement: all of its lines or none; what was imported before is passed over.

    Raises:
        NotPermitted: only treasurers and administrators import statements.
        UnreadableStatement: the file cannot be read.
    """
    require(may_keep_books(treasurer))
    # One import at a time, so that two of overlapping files see each other's lines, and no drive closes meanwhile.
    list(Drive.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    sha256 = hashlib.sha256(content).hexdigest()
    imported = BankStatement.objects.filter(sha256=sha256).first()
    if imported is not None:
        return imported
    read = read_statement(content, currency=currency)
    statement = BankStatement.objects.create(
        sha256=sha256,
        format=read.format,
        pending_left_out=read.pending_left_out,
        imported_by=treasurer,
        imported_at=clock(),
    )
    for position, found in enumerate(list(matched(read.lines))):
        if found.has_changed:
            raise_alarm(AlarmCode.LINE_CHANGED, provider="bank", subject=found.line.key, clock=clock)
        if not found.is_known:
            _keep(statement, position, found, treasurer=treasurer, clock=clock)
    return statement


def line_facts(line: BankLine) -> dict[str, Any]:
    """Return what a line said of its sender (`remittance`, `counterparty_name`, …); empty once its time is over."""
    return dict(unseal(bytes(line.sealed), bound_to=f"line:{line.key}")) if line.sealed else {}


def forget_lines(*, clock: Clock = utc_now) -> int:
    """Empty what lines say of people whose time is over; amounts and bookings stay. Return how many."""
    return BankLine.objects.filter(forget_at__lte=clock()).exclude(sealed=b"").update(sealed=b"")


def _keep(statement: BankStatement, position: int, found: Matched, *, treasurer: User, clock: Clock) -> None:
    line = found.line
    settlement: Settlement | None = None
    outcome: RefundOutcome | None = None
    state = LineState.WAITING
    if not found.waits_for and found.refund is not None:
        state, outcome = LineState.REFUND, book_sent(line.key, line, found.refund, actor=treasurer.actor, clock=clock)
    elif not found.waits_for and found.donation is not None:
        state = LineState.GIFT
        settlement = settle(
            found.donation,
            provider="bank",
            reference=line.key,
            amount_minor=line.amount.amount_minor,
            occurred_at=noon(line),
            actor=treasurer.actor,
            clock=clock,
        )
        meant = Money(found.donation.amount_minor, line.amount.currency)
        if meant != line.amount:
            raise_alarm(
                AlarmCode.OTHER_AMOUNT,
                provider="bank",
                subject=found.donation.subject,
                clock=clock,
                theirs=told(line.amount),
                ours=told(meant),
            )
    BankLine.objects.create(
        key=line.key,
        statement=statement,
        position=position,
        booked_on=line.booked_on,
        amount_minor=line.amount.amount_minor,
        currency=line.amount.currency,
        look=look_of(line),
        sealed=seal(_sealed_facts(line), bound_to=f"line:{line.key}"),
        forget_at=clock() + timedelta(days=settings.CONFIG.fund.donor_retention_days),
        state=state,
        waits_for=found.waits_for if state == LineState.WAITING else WaitsFor.NOTHING,
        settlement=settlement,
        outcome=outcome,
        decided_at=None if state == LineState.WAITING else clock(),
    )


def book_sent(key: str, line: StatementLine | BankLine, refund: Refund, *, actor: str, clock: Clock) -> RefundOutcome:
    """Book that a line sent a refund."""
    return conclude(
        refund,
        provider="bank",
        reference=key,
        is_sent=True,
        occurred_at=noon(line),
        actor=actor,
        clock=clock,
    )


def noon(line: StatementLine | BankLine) -> datetime:
    """Return when a line counts: a bank knows a day and no hour, and noon in UTC is that day nearly everywhere."""
    return datetime.combine(line.booked_on, time(12), UTC)


def _sealed_facts(line: StatementLine) -> dict[str, str]:
    names = ("account", "remittance", "counterparty_name", "counterparty_account", "bank_reference")
    return {name: value for name, value in asdict(line).items() if name in names}
