"""
What a line of a statement is: a gift, a refund that was sent, or something that a person has to look at.

Only a reference decides, and only where nothing speaks against it: one reference, of a gift or refund that is here, in its
currency, for a drive that is not closed. An amount other than the one that was meant is still that gift. A line that looks like
one from another statement may be the same money told twice (a bank's CSV after its CAMT.053), so a person decides.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from largesse.drives.models import BankLine, Donation, DriveState, LineState, Refund, WaitsFor
from largesse.drives.providers.bank import ids_in
from largesse.drives.sealing import keyed_hash
from largesse.drives.statements.lines import StatementLine


@dataclass(frozen=True, slots=True)
class Matched:
    """A line with what an import makes of it."""

    line: StatementLine
    is_known: bool = False
    """It was imported before, and nothing happens."""
    has_changed: bool = False
    """It was imported before, and said something else."""
    donation: Donation | None = None
    refund: Refund | None = None
    waits_for: WaitsFor = WaitsFor.NOTHING


def look_of(line: StatementLine) -> str:
    """Return the keyed hash of what the line says; two genuine twins have the same look."""
    said = (
        line.booked_on.isoformat(),
        str(line.amount.amount_minor),
        line.amount.currency,
        "".join(line.remittance.split()).upper(),
    )
    return keyed_hash("\x1f".join(said), purpose="look")


def matched(lines: Iterable[StatementLine]) -> Iterator[Matched]:
    """Yield what an import makes of each line, reading only; within a transaction it stays true until the commit."""
    here: Counter[str] = Counter()
    for line in lines:
        look = look_of(line)
        here[look] += 1
        known = BankLine.objects.filter(key=line.key).first()
        if known is not None:
            yield Matched(line, is_known=True, has_changed=known.look != look)
            continue
        elsewhere = BankLine.objects.filter(look=look).exclude(state=LineState.SET_ASIDE).count()
        found = _decided(line)
        if elsewhere >= here[look]:
            found = Matched(line, donation=found.donation, refund=found.refund, waits_for=WaitsFor.MAYBE_KNOWN)
        yield found


def _decided(line: StatementLine) -> Matched:
    if line.is_reversal:
        return Matched(line, waits_for=WaitsFor.RETURN)
    ids = ids_in(line.remittance)
    if line.amount.amount_minor <= 0:
        return _outgoing(line, ids)
    gifts = Donation.objects.select_related("drive").filter(public_id__in=ids, provider="bank")
    found = {donation.public_id: donation for donation in gifts}
    if len(ids) != 1:
        return Matched(line, waits_for=WaitsFor.MANY_REFERENCES if ids else WaitsFor.NO_REFERENCE)
    if not found:
        return Matched(line, waits_for=WaitsFor.UNKNOWN_REFERENCE)
    donation = found[ids[0]]
    if donation.drive.currency != line.amount.currency:
        return Matched(line, donation=donation, waits_for=WaitsFor.OTHER_CURRENCY)
    if donation.drive.state in {DriveState.CLOSING, DriveState.CLOSED}:
        return Matched(line, donation=donation, waits_for=WaitsFor.DRIVE_CLOSED)
    return Matched(line, donation=donation)


def _outgoing(line: StatementLine, ids: list[str]) -> Matched:
    refunds = Refund.objects.filter(
        public_id__in=ids,
        outcome__isnull=True,
        amount_minor=-line.amount.amount_minor,
        settlement__donation__drive__currency=line.amount.currency,
    )
    refund = refunds.first() if len(ids) == 1 else None
    return Matched(line, refund=refund, waits_for=WaitsFor.NOTHING if refund else WaitsFor.OUTGOING)
