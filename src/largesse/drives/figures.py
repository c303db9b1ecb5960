"""
Figures of a drive: every published one is made here, from the postings of the ledger.

The page, the API, the badge, the widget, the strip and the feed all show what `figures_of` returns. A refund or a dispute counts
against the time in which it happened.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from largesse.drives.models import CarryOver, Counted, Drive, DriveState, Period
from largesse.kit.clock import Clock, utc_now
from largesse.ledger.models import AccountKind
from largesse.ledger.queries import moved


@dataclass(frozen=True, slots=True)
class Window:
    """A time that a goal is for: from `since`, before `until` (None: no end)."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is published of a drive; amounts are minor units of its currency."""

    currency: str
    goal_minor: int
    settled_minor: int
    """What the meter counts: gross or net, as `counted` says, with what was carried over."""
    gross_minor: int
    fees_minor: int
    carried_minor: int
    pending_minor: int
    donors: int
    window: Window
    counted: str
    is_open: bool
    days_left: int | None

    @property
    def net_minor(self) -> int:
        """What arrived: gross less the fees of payment services."""
        return self.gross_minor - self.fees_minor

    @property
    def missing_minor(self) -> int:
        """What is missing to the goal, never below zero."""
        return max(0, self.goal_minor - self.settled_minor)

    @property
    def beyond_minor(self) -> int:
        """What came beyond the goal."""
        return max(0, self.settled_minor - self.goal_minor)

    @property
    def is_met(self) -> bool:
        """Whether the goal is met."""
        return self.settled_minor >= self.goal_minor

    @property
    def percent(self) -> int:
        """The whole per cent of the goal (`percent_of`)."""
        return percent_of(self.settled_minor, self.goal_minor)

    @property
    def meter_value(self) -> int:
        """Value of the `progress` element: beyond the goal it is the goal, of `meter_max`."""
        return max(0, min(self.settled_minor, self.goal_minor))

    @property
    def meter_max(self) -> int:
        """Maximum of the `progress` element."""
        return max(self.goal_minor, self.settled_minor)


def percent_of(settled_minor: int, goal_minor: int) -> int:
    """Return the whole per cent, rounded half up, but never 100 before the goal is met; nothing is below zero."""
    if settled_minor <= 0:
        return 0
    rounded = (200 * settled_minor + goal_minor) // (2 * goal_minor)
    return min(rounded, 99) if settled_minor < goal_minor else rounded


def figures_of(drive: Drive, *, clock: Clock = utc_now) -> Figures:
    """Return the figures of a drive now: of its whole time, or of the present month for a monthly drive."""
    now = clock()
    window = window_at(drive, now)
    gross, fees = given(drive, window)
    carried = carried_into(drive, window)
    pending = drive.donations.aggregate(amount=Sum("pending_minor"))["amount"] or 0
    is_open = (
        drive.state == DriveState.OPEN and drive.starts_at <= now and (drive.ends_at is None or now < drive.ends_at)
    )
    return Figures(
        currency=drive.currency,
        goal_minor=drive.goal_minor,
        settled_minor=(gross if drive.counted == Counted.GROSS else gross - fees) + carried,
        gross_minor=gross,
        fees_minor=fees,
        carried_minor=carried,
        pending_minor=int(pending),
        donors=drive.donations.filter(settlements__isnull=False).distinct().count(),
        window=window,
        counted=drive.counted,
        is_open=is_open,
        days_left=days_between(now, window.until) if is_open else 0,
    )


def given(drive: Drive, window: Window) -> tuple[int, int]:
    """Return what was given in a time, less what went back, and the fees of payment services; both from the ledger."""
    gifts = moved(
        fund=drive.public_id,
        kind=AccountKind.INCOME,
        part="Gifts",
        currency=drive.currency,
        since=window.since,
        until=window.until,
    )
    fees = moved(
        fund=drive.public_id,
        kind=AccountKind.EXPENSES,
        part="Fees",
        currency=drive.currency,
        since=window.since,
        until=window.until,
    )
    return -gifts, fees


def carried_into(drive: Drive, window: Window) -> int:
    """Return what earlier months carry into this one: the surplus of each over its goal, month after month."""
    if drive.period != Period.MONTHLY or drive.carry_over != CarryOver.CARRY:
        return 0
    carried, month = 0, Window(drive.starts_at, _month_after(drive.starts_at, 1))
    number = 1
    while month.since < window.since and month.until is not None:
        gross, fees = given(drive, month)
        counted = gross if drive.counted == Counted.GROSS else gross - fees
        carried = max(0, carried + counted - drive.goal_minor)
        number += 1
        month = Window(month.until, _month_after(drive.starts_at, number))
    return carried


def window_at(drive: Drive, now: datetime) -> Window:
    """Return the time that the goal is for at `now`: the drive's own, or the present month counted from its beginning."""
    if drive.period != Period.MONTHLY:
        return Window(
            datetime(1970, 1, 1, tzinfo=drive.starts_at.tzinfo), None if drive.ends_at is None else drive.ends_at
        )
    number = 0
    moment = min(now, drive.ends_at - timedelta(microseconds=1)) if drive.ends_at else now
    while _month_after(drive.starts_at, number + 1) <= moment:
        number += 1
    until = _month_after(drive.starts_at, number + 1)
    return Window(_month_after(drive.starts_at, number), min(until, drive.ends_at) if drive.ends_at else until)


def days_between(now: datetime, until: datetime | None) -> int | None:
    """Return how many days are left, a begun one counted; None when there is no end."""
    if until is None:
        return None
    return max(0, -((now - until) // timedelta(days=1)))


def _month_after(start: datetime, months: int) -> datetime:
    """Return the same day and time some months later, or the month's last day where there is none such."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    return start.replace(year=year, month=month + 1, day=min(start.day, monthrange(year, month + 1)[1]))
