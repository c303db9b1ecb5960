"""What pages, feeds and the desk show of drives; every amount is recomputed from the book."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Sum

from largesse.drives.donors import opened, wall_order
from largesse.drives.figures import Figures, Window, given
from largesse.drives.models import (
    BudgetLine,
    Counted,
    Dispute,
    Donation,
    Donor,
    Drive,
    DriveState,
    MatchingPledge,
    Refund,
    Settlement,
    StretchGoal,
)
from largesse.drives.restricted import given_for, spent_on
from largesse.ledger.models import AccountKind, Entry, Posting
from largesse.ledger.queries import entry_rows

ENTRIES_ON_A_PAGE = 12
ENTRIES_IN_A_LIST = 100
NAMES_ON_A_PAGE = 42


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry with what it changed for the drive, and what was left of the drive's money after it."""

    entry: Entry
    change_minor: int
    """What came in is positive."""
    left_minor: int


@dataclass(frozen=True, slots=True)
class FundedLine:
    """A line of the budget with what of its cost is given; lines are funded from the top."""

    line: BudgetLine
    funded_minor: int
    spent_minor: int
    own_minor: int
    """What was given for it alone."""

    @property
    def missing_minor(self) -> int:
        """What is missing to its cost."""
        return self.line.cost_minor - self.funded_minor

    @property
    def percent(self) -> int:
        """The whole per cent of its cost that is given, rounded down."""
        return 100 * self.funded_minor // self.line.cost_minor


@dataclass(frozen=True, slots=True)
class Stretch:
    """A goal beyond the goal, and how far it is."""

    goal: StretchGoal
    missing_minor: int


@dataclass(frozen=True, slots=True)
class Matched:
    """A matching pledge, and what it comes to so far; a promise is not counted as money."""

    pledge: MatchingPledge
    matched_minor: int
    is_running: bool


@dataclass(frozen=True, slots=True)
class WallName:
    """One gift on the wall: a name where its donor asked for it, an amount where they asked for that."""

    name: str
    amount_minor: int | None
    message: str


def public_drives() -> QuerySet[Drive]:
    """Return the drives that were opened, newest first."""
    return Drive.objects.exclude(state=DriveState.DRAFT)


def newest_entries(drive: Drive, *, most: int = ENTRIES_ON_A_PAGE, before: int | None = None) -> list[Booked]:
    """
    Return the newest entries that touch a drive's income and expenses, with the balance after each.

    Args:
        before: only entries older than this one (its row id).
    """
    touching = _touching(drive)
    if before is not None:
        touching = touching.filter(entry_id__lt=before)
    rows = entry_rows().filter(id__in=touching.values("entry_id")).order_by("-id")
    page = [(entry, _change(drive, entry)) for entry in rows[:most]]
    if not page:
        return []
    left, shown = _left_after(drive, page[0][0]), []
    for entry, change in page:
        shown.append(Booked(entry, change, left))
        left -= change
    return shown


def funded_lines(drive: Drive, figures: Figures) -> list[FundedLine]:
    """Return the lines of the budget: each has what was given for it alone, and the rest funds them from the top."""
    lines = list(drive.lines.select_related("drive"))
    own = {line.pk: max(0, given_for(line)) for line in lines}
    rest, rows = max(0, figures.settled_minor - sum(own.values())), []
    for line in lines:
        held = min(own[line.pk], line.cost_minor)
        more = min(rest, line.cost_minor - held)
        rows.append(FundedLine(line, held + more, spent_on(line), own[line.pk]))
        rest -= more
    return rows


def stretch_goals(drive: Drive, figures: Figures) -> list[Stretch]:
    """Return the goals beyond the goal, the nearest first."""
    return [Stretch(goal, max(0, goal.amount_minor - figures.settled_minor)) for goal in drive.stretch_goals.all()]


def matching_pledges(drive: Drive, *, now: datetime) -> list[Matched]:
    """Return the matching pledges with what each comes to: what others gave in its time, up to its cap."""
    rows = []
    for pledge in drive.matching.all():
        gross, fees = given(drive, Window(pledge.starts_at, min(pledge.ends_at, now)))
        counted = gross if drive.counted == Counted.GROSS else gross - fees
        rows.append(Matched(pledge, max(0, min(counted, pledge.cap_minor)), pledge.starts_at <= now < pledge.ends_at))
    return rows


def settled_donations(drive: Drive) -> QuerySet[Donation]:
    """Return the donations that money arrived for."""
    return drive.donations.filter(settlements__isnull=False).distinct()


def wall_counts(drive: Drive) -> tuple[int, int]:
    """Return how many gave, and how many of them show no name."""
    gifts = settled_donations(drive)
    return gifts.count(), gifts.exclude(shows_name=True, donor__isnull=False).count()


def wall_of(drive: Drive, *, most: int | None = NAMES_ON_A_PAGE) -> list[WallName]:
    """
    Return the wall, in an order that tells neither when somebody gave nor which entry is theirs.

    A name stands there while its donor wants it to, and an amount the same way. What went back is taken off.
    """
    ids = sorted(settled_donations(drive).values_list("public_id", flat=True), key=wall_order)[:most]
    gifts = {gift.public_id: gift for gift in Donation.objects.filter(public_id__in=ids).select_related("donor")}
    kept = kept_minor(list(gifts.values()))
    return [_on_the_wall(gifts[public_id], kept[gifts[public_id].pk]) for public_id in ids]


def kept_minor(donations: list[Donation]) -> dict[int, int]:
    """Return what arrived of each donation, by its row id, less what went back and what a bank took."""
    mine = {"donation__in": donations}
    there = {f"settlement__{key}": value for key, value in mine.items()}
    kept = dict.fromkeys([donation.pk for donation in donations], 0)
    parts: list[tuple[int, Any]] = [
        (1, Settlement.objects.filter(**mine).values_list("donation")),
        (-1, Refund.objects.filter(**there).exclude(outcome__is_sent=False).values_list("settlement__donation")),
        (-1, Dispute.objects.filter(**there, is_won=False).values_list("settlement__donation")),
        (1, Dispute.objects.filter(**there, is_won=True).values_list("settlement__donation")),
    ]
    for sign, rows in parts:
        for pk, amount in rows.order_by().annotate(amount=Sum("amount_minor")):
            kept[pk] += sign * int(amount)
    return kept


def _on_the_wall(donation: Donation, kept: int) -> WallName:
    donor = Donor.objects.filter(donation=donation).first() if donation.shows_name else None
    identity = opened(donation, donor) if donor is not None else None
    is_named = identity is not None and bool(identity.name)
    return WallName(
        name=identity.name if identity else "",
        amount_minor=kept if donation.shows_amount and kept > 0 else None,
        message=identity.message if identity and is_named else "",
    )


def _change(drive: Drive, entry: Entry) -> int:
    return -sum(
        line.amount_minor
        for line in entry.postings.all()
        if line.account.fund == drive.public_id and line.account.kind in {AccountKind.INCOME, AccountKind.EXPENSES}
    )


def _touching(drive: Drive) -> QuerySet[Posting]:
    kinds = (AccountKind.INCOME, AccountKind.EXPENSES)
    return Posting.objects.filter(account__fund=drive.public_id, account__kind__in=kinds)


def _left_after(drive: Drive, entry: Entry) -> int:
    return -int(_touching(drive).filter(entry_id__lte=entry.pk).aggregate(amount=Sum("amount_minor"))["amount"] or 0)
