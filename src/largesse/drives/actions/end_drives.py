"""What happens at the end of a drive by itself: all or nothing gives everything back, and a closing drive is closed."""

from django.db import transaction

from largesse.drives.actions.refund import claim, refundable_minor
from largesse.drives.actions.stop_monthly import stop_all_monthly
from largesse.drives.actions.wind_down import close_when_sent
from largesse.drives.figures import figures_of
from largesse.drives.models import Drive, DriveState, Period, Refund, RefundReason, Settlement
from largesse.jobs.registry import enqueue
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now


def end_drives(*, clock: Clock = utc_now) -> None:
    """Give back what missed its goal, stop monthly gifts to what is over, and close what has sent every share."""
    missed = Drive.objects.filter(state=DriveState.OPEN, period=Period.ALL_OR_NOTHING, ends_at__lte=clock())
    for drive in missed:
        give_back_missed(drive, clock=clock)
    for drive in Drive.objects.filter(state=DriveState.OPEN, ends_at__lte=clock()):
        stop_all_monthly(drive)
    for drive in Drive.objects.filter(state=DriveState.CLOSING):
        close_when_sent(drive, clock=clock)


@transaction.atomic
def give_back_missed(drive: Drive, *, clock: Clock = utc_now) -> list[Refund]:
    """
    Claim everything back for everybody when an all-or-nothing drive ended below its goal; told again, nothing happens.

    What payment services kept is the operator's loss: the donors get what they gave.
    """
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    is_over = drive.ends_at is not None and drive.ends_at <= clock()
    if drive.state != DriveState.OPEN or drive.period != Period.ALL_OR_NOTHING or not is_over:
        return []
    if figures_of(drive, clock=clock).is_met:
        return []
    drive.state, drive.is_pinned = DriveState.CLOSING, False
    drive.save(update_fields=("state", "is_pinned"))
    refunds = [
        claim(settlement, amount_minor=left, reason=RefundReason.GOAL_MISSED, clock=clock)
        for settlement in Settlement.objects.filter(donation__drive=drive).order_by("id")
        if (left := refundable_minor(settlement))
    ]
    payload = {"slug": drive.slug, "refunds": len(refunds)}
    append(kind="drives.goal_missed", subject=drive.subject, payload=payload, clock=clock)
    stop_all_monthly(drive)
    for refund in refunds:
        enqueue("drives.send_refund_note", refund=refund.public_id)
    return refunds
