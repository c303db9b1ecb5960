"""A change of mind: a donor has a gift back, as its contract says."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from largesse.drives.actions.refund import claim, refundable_minor
from largesse.drives.contract import frozen_terms
from largesse.drives.errors import RefundTooLate
from largesse.drives.models import Donation, DriveState, Refund, RefundReason, Settlement
from largesse.jobs.registry import enqueue
from largesse.kit.clock import Clock, utc_now


@dataclass(frozen=True, slots=True)
class Returnable:
    """A settlement that may go back now, and why."""

    settlement: Settlement
    amount_minor: int
    until: datetime
    reason: RefundReason


def returnable(donation: Donation, *, clock: Clock = utc_now) -> list[Returnable]:
    """
    Return what a donor may have back now: what arrived within the days that the contract gives, or all of it while a change
    of the terms gives time. A drive that closes has sent back what it had.
    """
    now, rows = clock(), []
    if donation.drive.state != DriveState.OPEN:
        return []
    days = int(frozen_terms(donation.contract)["refund_days"])
    changed = donation.drive.contracts.filter(version__gt=donation.contract.version, refund_until__gt=now)
    until_change = max((one.refund_until for one in changed if one.refund_until), default=None)
    for settlement in donation.settlements.order_by("id"):
        left = refundable_minor(settlement)
        until = settlement.occurred_at + timedelta(days=days)
        if left and until_change is not None and until_change > until:
            rows.append(Returnable(settlement, left, until_change, RefundReason.TERMS_CHANGED))
        elif left and now < until:
            rows.append(Returnable(settlement, left, until, RefundReason.CHANGE_OF_MIND))
    return rows


@transaction.atomic
def change_mind(donation: Donation, *, clock: Clock = utc_now) -> list[Refund]:
    """
    Claim a refund of all that the contract still gives back; sending it is the work of `send_refund`.

    Raises:
        RefundTooLate: nothing may go back any more, or all of it did.
    """
    donation = Donation.objects.select_for_update(of=("self",)).select_related("drive", "contract").get(pk=donation.pk)
    rows = returnable(donation, clock=clock)
    if not rows:
        raise RefundTooLate
    refunds = [claim(row.settlement, amount_minor=row.amount_minor, reason=row.reason, clock=clock) for row in rows]
    for refund in refunds:
        enqueue("drives.send_refund_note", refund=refund.public_id)
    return refunds
