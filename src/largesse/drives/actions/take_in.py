"""
Take in what a provider says of a payment: fetch it again, and book every fact that is not booked.

It may run as often as one likes, for the same payment at once, and after a crash anywhere: each booking locks the row it changes
and is unique in the database. A fact that disagrees with what is booked changes nothing and raises an alarm.
"""

from collections.abc import Iterable

from django.db import transaction

from largesse.drives.actions.refund import claim_made, conclude, give_back
from largesse.drives.actions.settle import add_fee, dispute, note_failed, note_pending, settle
from largesse.drives.actions.start_payment import keep_reference
from largesse.drives.alarms import end_alarm, raise_alarm, told
from largesse.drives.errors import RefundTooLarge
from largesse.drives.models import AlarmCode, Donation, DriveState, Refund, RefundOutcome, Settlement
from largesse.drives.providers.base import Changed, FactKind, Provider, ProviderFact, UnknownPayment
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money


def donation_of(provider: str, changed: Changed) -> Donation | None:
    """Return the donation that a change leads to."""
    ours = Donation.objects.select_related("drive").filter(provider=provider)
    if changed.donation_id and (found := ours.filter(public_id=changed.donation_id).first()):
        return found
    if changed.reference and (found := ours.filter(reference=changed.reference).first()):
        return found
    if changed.settlement:
        return ours.filter(settlements__provider=provider, settlements__reference=changed.settlement).first()
    return None


def take_in(provider: Provider, changed: Changed, *, clock: Clock = utc_now) -> Donation | None:
    """
    Fetch the payment that changed and book what did happen; return its donation, None when it is not one of ours.

    Raises:
        ProviderUnavailable: nothing was booked that is not true; try again.
    """
    donation = donation_of(provider.name, changed)
    if donation is None:
        if changed.donation_id:  # It carries an id of ours, so it was made here.
            raise_alarm(
                AlarmCode.UNKNOWN_DONATION,
                provider=provider.name,
                subject=changed.reference or changed.donation_id,
                clock=clock,
            )
        return None
    if donation.reference is None and changed.reference:
        keep_reference(donation, changed.reference)
    references = {reference for reference in (changed.reference, donation.reference) if reference}
    for reference in sorted(references):
        try:
            facts = provider.facts(reference)
        except UnknownPayment:
            if donation.settlements.filter(provider=provider.name).exists():
                _alarm(AlarmCode.NOT_AT_PROVIDER, donation, clock=clock)
            continue
        end_alarm(AlarmCode.NOT_AT_PROVIDER, provider=provider.name, subject=donation.subject, clock=clock)
        book_facts(donation, facts, clock=clock)
    return donation


def book_facts(donation: Donation, facts: Iterable[ProviderFact], *, clock: Clock = utc_now) -> None:
    """Book what is not booked, money that arrived before what takes from it."""
    for fact in sorted(facts, key=lambda fact: ORDER.index(fact.kind)):
        if fact.amount.currency != donation.drive.currency:
            _alarm(AlarmCode.CURRENCY, donation, clock=clock, theirs=told(fact.amount))
            continue
        match fact.kind:
            case FactKind.SETTLED:
                _settled(donation, fact, clock=clock)
            case FactKind.PENDING:
                note_pending(donation, amount_minor=fact.amount.amount_minor)
            case FactKind.FAILED:
                note_failed(donation, clock=clock)
            case FactKind.REFUNDED:
                _refunded(donation, fact, clock=clock)
            case FactKind.REFUND_FAILED:
                _refund_failed(donation, fact, clock=clock)
            case FactKind.DISPUTED | FactKind.DISPUTE_WON:
                _disputed(donation, fact, clock=clock)


ORDER = (
    FactKind.FAILED,
    FactKind.PENDING,
    FactKind.SETTLED,
    FactKind.REFUNDED,
    FactKind.REFUND_FAILED,
    FactKind.DISPUTED,
    FactKind.DISPUTE_WON,
)


def _settled(donation: Donation, fact: ProviderFact, *, clock: Clock) -> None:
    known = Settlement.objects.filter(provider=donation.provider, reference=fact.reference).first()
    booked = known or settle(
        donation,
        provider=donation.provider,
        reference=fact.reference,
        amount_minor=fact.amount.amount_minor,
        fee_minor=fact.fee.amount_minor,
        occurred_at=fact.occurred_at,
        clock=clock,
    )
    ours = Money(booked.amount_minor, donation.drive.currency)
    if ours != fact.amount:
        _alarm(AlarmCode.AMOUNT, donation, clock=clock, theirs=told(fact.amount), ours=told(ours))
    elif booked.fee_minor == 0 and fact.fee.amount_minor:
        add_fee(booked, fee_minor=fact.fee.amount_minor, clock=clock)
    if known is None:
        meant = Money(donation.amount_minor, donation.drive.currency)
        if fact.amount != meant:
            _alarm(AlarmCode.OTHER_AMOUNT, donation, clock=clock, theirs=told(fact.amount), ours=told(meant))
        if donation.drive.state in {DriveState.CLOSING, DriveState.CLOSED}:
            _alarm(AlarmCode.CLOSED, donation, clock=clock, theirs=told(fact.amount))


@transaction.atomic
def _refunded(donation: Donation, fact: ProviderFact, *, clock: Clock) -> None:
    settlement = _locked_settlement(donation, fact)
    outcome = RefundOutcome.objects.filter(provider=donation.provider, reference=fact.reference).first()
    if outcome is not None:
        ours = Money(outcome.refund.amount_minor, donation.drive.currency)
        if ours != fact.amount:
            _alarm(AlarmCode.AMOUNT, donation, clock=clock, theirs=told(fact.amount), ours=told(ours))
        return
    if settlement is None:
        _alarm(AlarmCode.REFUND_TOO_LARGE, donation, clock=clock, theirs=told(fact.amount))
        return
    refund = Refund.objects.filter(public_id=fact.key or "", settlement=settlement, outcome__isnull=True).first()
    if refund is None or refund.amount_minor != fact.amount.amount_minor:
        try:
            refund = claim_made(settlement, amount_minor=fact.amount.amount_minor, clock=clock)
        except RefundTooLarge:
            _alarm(AlarmCode.REFUND_TOO_LARGE, donation, clock=clock, theirs=told(fact.amount))
            return
    conclude(
        refund,
        provider=donation.provider,
        reference=fact.reference,
        is_sent=True,
        occurred_at=fact.occurred_at,
        clock=clock,
    )


@transaction.atomic
def _refund_failed(donation: Donation, fact: ProviderFact, *, clock: Clock) -> None:
    _locked_settlement(donation, fact)
    outcome = RefundOutcome.objects.filter(provider=donation.provider, reference=fact.reference, is_sent=True).first()
    waiting = Refund.objects.filter(public_id=fact.key or "", outcome__isnull=True).first()
    if outcome is not None:
        if give_back(outcome, occurred_at=fact.occurred_at, clock=clock):
            _alarm(AlarmCode.REFUND_RETURNED, donation, clock=clock, theirs=told(fact.amount))
    elif waiting is not None:
        conclude(
            waiting,
            provider=donation.provider,
            reference=fact.reference,
            is_sent=False,
            occurred_at=fact.occurred_at,
            clock=clock,
        )
        _alarm(AlarmCode.REFUND_REFUSED, donation, clock=clock, ours=told(fact.amount), reason=str(fact.kind))


def _disputed(donation: Donation, fact: ProviderFact, *, clock: Clock) -> None:
    settlement = Settlement.objects.filter(provider=donation.provider, reference=fact.of_reference).first()
    if settlement is None:
        _alarm(AlarmCode.NOT_AT_PROVIDER, donation, clock=clock)
        return
    is_won = fact.kind is FactKind.DISPUTE_WON
    known = settlement.disputes.filter(reference=fact.reference, is_won=is_won).first()
    booked = known or dispute(
        settlement,
        reference=fact.reference,
        amount_minor=fact.amount.amount_minor,
        fee_minor=fact.fee.amount_minor,
        occurred_at=fact.occurred_at,
        is_won=is_won,
        clock=clock,
    )
    if booked.amount_minor != fact.amount.amount_minor:
        ours = Money(booked.amount_minor, donation.drive.currency)
        _alarm(AlarmCode.AMOUNT, donation, clock=clock, theirs=told(fact.amount), ours=told(ours))
    if known is None and not is_won:
        _alarm(AlarmCode.DISPUTED, donation, clock=clock, theirs=told(fact.amount))
    if is_won:
        end_alarm(AlarmCode.DISPUTED, provider=donation.provider, subject=donation.subject, clock=clock)


def _locked_settlement(donation: Donation, fact: ProviderFact) -> Settlement | None:
    """Lock the settlement that a refund takes from, so that what is read next stays true until the commit."""
    return (
        Settlement.objects.select_for_update(of=("self",))
        .filter(provider=donation.provider, reference=fact.of_reference)
        .first()
    )


def _alarm(code: AlarmCode, donation: Donation, *, clock: Clock, **fields: str) -> None:
    raise_alarm(code, provider=donation.provider, subject=donation.subject, clock=clock, **fields)
