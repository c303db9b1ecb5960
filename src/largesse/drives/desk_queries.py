"""What the treasurer's desk has to do: what waits for a person, and what the gate before payments counted."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from largesse.drives.donors import Identity, opened
from largesse.drives.figures import Figures, figures_of
from largesse.drives.gate import counts
from largesse.drives.models import (
    Alarm,
    BankLine,
    Donation,
    Donor,
    Drive,
    DriveState,
    Expense,
    LineState,
    Refund,
)

RECENT_GIFTS = 20
GATE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Work:
    """How much waits for the treasurer."""

    lines: int
    refunds: int
    expenses: int
    alarms: int


@dataclass(frozen=True, slots=True)
class ShownDrive:
    """A drive with its figures, as the desk lists it."""

    drive: Drive
    figures: Figures


@dataclass(frozen=True, slots=True)
class ShownGift:
    """A gift with what its donor told."""

    donation: Donation
    identity: Identity | None
    settled_minor: int


@dataclass(frozen=True, slots=True)
class ShownRefund:
    """A refund that waits, with the account that the donor named."""

    refund: Refund
    refund_to: str


@dataclass(frozen=True, slots=True)
class GateDay:
    """What the gate before payments did for one drive in the last days."""

    drive: Drive
    outcomes: list[tuple[str, int]]


def waiting_work() -> Work:
    """Return how much waits."""
    return Work(
        lines=waiting_lines().count(),
        refunds=waiting_refunds().count(),
        expenses=waiting_expenses().count(),
        alarms=Alarm.objects.filter(settled_at=None).count(),
    )


def waiting_lines() -> QuerySet[BankLine]:
    """Return the lines of statements that wait for a person, the oldest first."""
    return BankLine.objects.filter(state=LineState.WAITING).order_by("booked_on", "key")


def waiting_refunds() -> QuerySet[Refund]:
    """Return the refunds without an outcome, the oldest first."""
    rows = Refund.objects.filter(outcome__isnull=True).order_by("claimed_at", "id")
    return rows.select_related("settlement__donation__drive", "entry")


def waiting_expenses() -> QuerySet[Expense]:
    """Return the expenses that are not booked yet, the oldest first."""
    rows = Expense.objects.filter(entry__isnull=True).order_by("proposed_at", "id")
    return rows.select_related("drive", "line", "proposed_by").annotate(approvals_so_far=Count("approvals"))


def shown_refunds() -> list[ShownRefund]:
    """Return the refunds that wait, each with where its donor wants it."""
    rows = list(waiting_refunds())
    donors = {
        donor.donation_id: donor
        for donor in Donor.objects.filter(donation__in=[r.settlement.donation_id for r in rows])
    }
    shown = []
    for refund in rows:
        donation = refund.settlement.donation
        donor = donors.get(donation.pk)
        identity = opened(donation, donor) if donor else None
        shown.append(ShownRefund(refund, identity.refund_to if identity else ""))
    return shown


def desk_drives() -> list[ShownDrive]:
    """Return every drive: open ones first, then drafts, then what is over."""
    order = {DriveState.OPEN: 0, DriveState.CLOSING: 1, DriveState.DRAFT: 2, DriveState.CLOSED: 3}
    drives = sorted(Drive.objects.all(), key=lambda drive: order[DriveState(drive.state)])
    return [ShownDrive(drive, figures_of(drive)) for drive in drives]


def recent_gifts(drive: Drive) -> list[ShownGift]:
    """Return the newest gifts with what their donors told: for the treasurer alone."""
    rows = list(drive.donations.annotate(settled=Sum("settlements__amount_minor")).order_by("-id")[:RECENT_GIFTS])
    donors = {donor.donation_id: donor for donor in Donor.objects.filter(donation__in=rows)}
    return [
        ShownGift(gift, opened(gift, donors[gift.pk]) if gift.pk in donors else None, int(gift.settled or 0))
        for gift in rows
    ]


def gate_days() -> list[GateDay]:
    """Return what the gate counted for each drive in the last days, by outcome."""
    shown = []
    for drive in Drive.objects.exclude(state=DriveState.DRAFT):
        outcomes = counts(drive, days=GATE_DAYS)
        if outcomes:
            shown.append(GateDay(drive, sorted(outcomes.items())))
    return shown
