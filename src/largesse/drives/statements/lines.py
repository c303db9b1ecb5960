"""What a bank statement says, whatever format it came in."""

import hashlib
from dataclasses import dataclass
from datetime import date

from largesse.kit.errors import BadInput, gettext_noop
from largesse.kit.money import Money

MAXIMUM_BYTES = 20_000_000
"""Largest statement file that is read."""
MAXIMUM_LINES = 50_000


class UnreadableStatement(BadInput):
    """The file is not a statement that we can read; nothing of it was booked."""

    code = "unreadable_statement"
    template = gettext_noop(
        "This file cannot be read as {format}: {reason}. Nothing was booked. Export it again from your bank, or choose another format."
    )


@dataclass(frozen=True, slots=True)
class StatementLine:
    """
    One booked movement on the account.

    `amount` is positive for money that came in and negative for money that went out. `entry_index` and `detail_index` count
    from 0 within the statement; a batch booking has one entry with many details.
    """

    account: str
    statement_id: str
    entry_index: int
    detail_index: int
    booked_on: date
    amount: Money
    remittance: str
    counterparty_name: str
    counterparty_account: str
    bank_reference: str
    is_reversal: bool = False

    @property
    def key(self) -> str:
        """The line's identity: SHA-256, in hex, of its place."""
        place = "\x1f".join((self.account, self.statement_id, str(self.entry_index), str(self.detail_index)))
        return hashlib.sha256(place.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """All lines of one file, in the order that the file has them."""

    format: str
    sha256: str
    lines: tuple[StatementLine, ...]
    pending_left_out: int = 0
    """How many movements the bank has announced but not booked; they are left for the next statement."""
