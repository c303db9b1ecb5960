"""What pages show of drives."""

from dataclasses import dataclass

from largesse.drives.models import Drive
from largesse.ledger.models import AccountKind, Entry
from largesse.ledger.queries import entry_rows

ENTRIES_ON_A_PAGE = 30


@dataclass(frozen=True, slots=True)
class Booked:
    """An entry with what it changed for the drive: what came in is positive."""

    entry: Entry
    change_minor: int


def newest_entries(drive: Drive, *, most: int = ENTRIES_ON_A_PAGE) -> list[Booked]:
    """Return the newest entries that touch a drive's income and expenses."""
    shown = []
    for entry in entry_rows(fund=drive.public_id).order_by("-id")[:most]:
        change = -sum(
            line.amount_minor
            for line in entry.postings.all()
            if line.account.fund == drive.public_id and line.account.kind in {AccountKind.INCOME, AccountKind.EXPENSES}
        )
        shown.append(Booked(entry, change))
    return shown
