"""Close a drive by wind-down: every gift's part of what is not spent goes back, exact to the minor unit."""

from dataclasses import dataclass

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.refund import claim, refundable_minor
from largesse.drives.actions.stop_monthly import stop_all_monthly
from largesse.drives.errors import DriveNotOpen
from largesse.drives.figures import figures_of
from largesse.drives.models import Drive, DriveState, Period, Refund, RefundReason, Settlement
from largesse.drives.shares import shares_of
from largesse.jobs.registry import enqueue
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.ledger.models import AccountKind
from largesse.ledger.queries import moved


@dataclass(frozen=True, slots=True)
class Plan:
    """What a wind-down sends back; amounts in minor units of the drive's currency."""

    unspent_minor: int
    shares: dict[str, int]
    """By public id of the settlement."""


def unspent_minor(drive: Drive) -> int:
    """Return what was given and neither spent, kept as a fee, nor sent back: from the ledger."""
    parts = ((AccountKind.INCOME, "Gifts"), (AccountKind.EXPENSES, "Fees"), (AccountKind.EXPENSES, "Spent"))
    return -sum(moved(fund=drive.public_id, kind=kind, part=part, currency=drive.currency) for kind, part in parts)


def plan_of(drive: Drive) -> Plan:
    """Return what a wind-down would send back now."""
    settlements = Settlement.objects.filter(donation__drive=drive)
    weights = {settlement.public_id: refundable_minor(settlement) for settlement in settlements}
    unspent = min(unspent_minor(drive), sum(weights.values()))
    return Plan(unspent_minor=max(0, unspent), shares=shares_of(unspent, weights))


@transaction.atomic
def wind_down(drive: Drive, *, treasurer: User, clock: Clock = utc_now) -> list[Refund]:
    """
    Stop taking gifts and claim every share of what is not spent; sending them is the sweep's work.

    Raises:
        NotPermitted: only treasurers and administrators close drives.
        DriveNotOpen: it is closing or closed already, or was never opened.
    """
    require(may_keep_books(treasurer))
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    if drive.state != DriveState.OPEN:
        raise DriveNotOpen(title=drive.title)
    plan = plan_of(drive)
    drive.state = DriveState.CLOSING
    drive.is_pinned = False
    drive.save(update_fields=("state", "is_pinned"))
    is_missed = drive.period == Period.ALL_OR_NOTHING and not figures_of(drive, clock=clock).is_met
    reason = RefundReason.GOAL_MISSED if is_missed else RefundReason.WIND_DOWN
    refunds = [
        claim(settlement, amount_minor=plan.shares[settlement.public_id], reason=reason, clock=clock)
        for settlement in Settlement.objects.filter(donation__drive=drive)
        if plan.shares[settlement.public_id]
    ]
    stop_all_monthly(drive)
    for refund in refunds:
        enqueue("drives.send_refund_note", refund=refund.public_id)
    payload = {"slug": drive.slug, "unspent_minor": plan.unspent_minor, "refunds": len(refunds)}
    append(kind="drives.wound_down", subject=drive.subject, actor=treasurer.actor, payload=payload, clock=clock)
    return refunds


@transaction.atomic
def close_when_sent(drive: Drive, *, clock: Clock = utc_now) -> bool:
    """Close a drive whose refunds all have an outcome; return whether it is closed now."""
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    waits = Refund.objects.filter(settlement__donation__drive=drive, outcome__isnull=True).exists()
    if drive.state == DriveState.CLOSING and not waits:
        drive.state, drive.closed_at = DriveState.CLOSED, clock()
        drive.save(update_fields=("state", "closed_at"))
        append(kind="drives.closed", subject=drive.subject, payload={"slug": drive.slug}, clock=clock)
    return drive.state == DriveState.CLOSED
