"""Draft a drive: make it, or change it while nobody has seen it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db import IntegrityError, transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.errors import DriveNotOpen, LineInUse, SlugTaken
from largesse.drives.models import BudgetLine, CarryOver, Counted, Drive, DriveState, Period
from largesse.kit.money import currency_exponent


@dataclass(frozen=True, slots=True)
class LineDraft:
    """A line of the budget; its cost in minor units."""

    name: str
    detail: str
    cost_minor: int


@dataclass(frozen=True, slots=True)
class DriveDraft:
    """What a drive says of itself; see `Drive` for each."""

    title: str
    slug: str
    currency: str
    goal_minor: int
    starts_at: datetime
    ends_at: datetime | None
    lede: str = ""
    purpose: str = ""
    period: str = Period.ONCE
    carry_over: str = CarryOver.CARRY
    counted: str = Counted.GROSS
    refund_days: int = 30
    holder: str = ""
    surplus: str = ""
    shortfall: str = ""
    settlement: str = ""
    lines: tuple[LineDraft, ...] = ()

    def fields(self) -> dict[str, object]:
        """Return the fields of the drive's own row."""
        return {name: value for name, value in asdict(self).items() if name != "lines"}


@transaction.atomic
def draft_drive(draft: DriveDraft, *, treasurer: User, drive: Drive | None = None) -> Drive:
    """
    Make a draft, or change one.

    Args:
        drive: the draft to change; None makes a new one.

    Raises:
        NotPermitted: only treasurers and administrators make drives.
        DriveNotOpen: it was opened: its terms change by `change_contract`.
        SlugTaken: another drive has this address.
        UnknownCurrency: not a code of ISO 4217.
    """
    require(may_keep_books(treasurer))
    currency_exponent(draft.currency)
    if drive is not None:
        drive = Drive.objects.select_for_update().get(pk=drive.pk)
        if drive.state != DriveState.DRAFT:
            raise DriveNotOpen(title=drive.title)
    made = drive or Drive()
    for name, value in draft.fields().items():
        setattr(made, name, value)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        if not Drive.objects.filter(slug=draft.slug).exclude(pk=made.pk).exists():
            raise
        raise SlugTaken(slug=draft.slug) from error
    set_lines(made, draft.lines)
    return made


def set_lines(drive: Drive, lines: Sequence[LineDraft]) -> None:
    """
    Give a drive these lines, in this order; a line keeps its row by its name, so that its expenses stay with it.

    Raises:
        LineInUse: a line that money was spent on, or given for, would go.
    """
    kept = {line.name: line for line in drive.lines.all()}
    wanted = {line.name for line in lines}
    for name, line in kept.items():
        if name in wanted:
            continue
        if drive.expenses.filter(line=line).exists() or line.donations.exists():
            raise LineInUse(name=name)
        line.delete()
    for position, draft in enumerate(lines):
        BudgetLine.objects.update_or_create(
            drive=drive,
            name=draft.name,
            defaults={"detail": draft.detail, "cost_minor": draft.cost_minor, "position": position},
        )


def draft_of(drive: Drive) -> DriveDraft:
    """Return what a drive says of itself now."""
    names = [name for name in DriveDraft.__dataclass_fields__ if name != "lines"]
    draft = DriveDraft(**{name: getattr(drive, name) for name in names})
    lines = tuple(LineDraft(line.name, line.detail, line.cost_minor) for line in drive.lines.all())
    return replace(draft, lines=lines)
