"""Decide about a line that waits: it is this gift, a gift without reference, this refund, a return, or none of ours."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.import_statement import book_sent, noon
from largesse.drives.actions.settle import dispute, settle
from largesse.drives.contract import contract_in_force
from largesse.drives.errors import LineDecided, LineDoesNotFit
from largesse.drives.models import BankLine, Donation, Drive, LineState, Refund, Settlement, WaitsFor
from largesse.kit.clock import Clock, utc_now


@transaction.atomic
def take_as_gift(line: BankLine, donation: Donation, *, treasurer: User, clock: Clock = utc_now) -> Settlement:
    """
    Book a line as the money of a donation.

    Raises:
        NotPermitted: only treasurers and administrators decide.
        LineDecided: somebody decided before.
        LineDoesNotFit: money that went out, or another currency than the drive's.
    """
    line = _waiting(line, treasurer=treasurer)
    if line.amount_minor <= 0 or line.currency != donation.drive.currency:
        raise LineDoesNotFit
    settlement = settle(
        donation,
        provider="bank",
        reference=line.key,
        amount_minor=line.amount_minor,
        occurred_at=noon(line),
        actor=treasurer.actor,
        clock=clock,
    )
    line.settlement = settlement
    _decide(line, LineState.GIFT, treasurer=treasurer, clock=clock)
    return settlement


@transaction.atomic
def take_as_new_gift(line: BankLine, drive: Drive, *, treasurer: User, clock: Clock = utc_now) -> Settlement:
    """
    Book a line without a reference as an anonymous gift to a drive, under the contract in force.

    Raises:
        NotPermitted, LineDecided, LineDoesNotFit: as for `take_as_gift`; also a drive that was never opened.
    """
    require(may_keep_books(treasurer))
    contract = contract_in_force(drive)
    if contract is None or line.amount_minor <= 0:
        raise LineDoesNotFit
    donation = Donation.objects.create(
        drive=drive, contract=contract, provider="bank", amount_minor=line.amount_minor, made_at=clock()
    )
    return take_as_gift(line, donation, treasurer=treasurer, clock=clock)


@transaction.atomic
def take_as_refund(line: BankLine, refund: Refund, *, treasurer: User, clock: Clock = utc_now) -> None:
    """
    Book a line as the sending of a refund.

    Raises:
        NotPermitted, LineDecided: as for `take_as_gift`.
        LineDoesNotFit: another amount or currency, or the refund has an outcome already.
    """
    line = _waiting(line, treasurer=treasurer)
    refund = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
    currency = refund.settlement.donation.drive.currency
    is_done = hasattr(refund, "outcome")
    if is_done or (-line.amount_minor, line.currency) != (refund.amount_minor, currency):
        raise LineDoesNotFit
    line.outcome = book_sent(line.key, line, refund, actor=treasurer.actor, clock=clock)
    _decide(line, LineState.REFUND, treasurer=treasurer, clock=clock)


@transaction.atomic
def take_as_return(line: BankLine, settlement: Settlement, *, treasurer: User, clock: Clock = utc_now) -> None:
    """
    Book that the bank took a gift back.

    Raises:
        NotPermitted, LineDecided: as for `take_as_gift`.
        LineDoesNotFit: money that came in, more than the gift, or another currency.
    """
    line = _waiting(line, treasurer=treasurer)
    currency = settlement.donation.drive.currency
    if not 0 < -line.amount_minor <= settlement.amount_minor or line.currency != currency:
        raise LineDoesNotFit
    dispute(
        settlement,
        reference=line.key,
        amount_minor=-line.amount_minor,
        occurred_at=noon(line),
        is_won=False,
        clock=clock,
    )
    _decide(line, LineState.RETURNED, treasurer=treasurer, clock=clock)


@transaction.atomic
def set_aside(line: BankLine, *, treasurer: User, note: str, clock: Clock = utc_now) -> None:
    """
    Say that a line is none of the fund's, and why.

    Raises:
        NotPermitted, LineDecided: as for `take_as_gift`.
    """
    line = _waiting(line, treasurer=treasurer)
    line.note = note[:200]
    _decide(line, LineState.SET_ASIDE, treasurer=treasurer, clock=clock)


def _waiting(line: BankLine, *, treasurer: User) -> BankLine:
    require(may_keep_books(treasurer))
    line = BankLine.objects.select_for_update(of=("self",)).get(pk=line.pk)
    if line.state not in {LineState.WAITING, LineState.SET_ASIDE}:
        raise LineDecided
    return line


def _decide(line: BankLine, state: LineState, *, treasurer: User, clock: Clock) -> None:
    line.state, line.waits_for = state, WaitsFor.NOTHING
    line.decided_by, line.decided_at = treasurer, clock()
    line.save(update_fields=("state", "waits_for", "note", "settlement", "outcome", "decided_by", "decided_at"))
