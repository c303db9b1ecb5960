"""
Sweep: compare a provider with the books and book what was missed, so that no lost webhook or crash loses money.

Everything that was made or changed at the provider since then is taken in, payments that were begun and not finished are asked
for again, refunds without an outcome are sent, payouts are booked, and last what the provider holds is compared with the books.
"""

import contextlib
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction

from largesse.drives.actions.send_refund import send_refund
from largesse.drives.actions.settle import money_at
from largesse.drives.actions.take_in import take_in
from largesse.drives.actions.wind_down import close_when_sent
from largesse.drives.alarms import end_alarm, raise_alarm, told
from largesse.drives.models import AlarmCode, Donation, Drive, DriveState, Refund, Settlement
from largesse.drives.providers.base import Changed, Provider, ProviderUnavailable
from largesse.drives.providers.registry import online
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money
from largesse.ledger.actions.post import Facts, Line, post
from largesse.ledger.errors import BookedBefore
from largesse.ledger.queries import balance

OVERLAP = timedelta(days=3)
"""How far an hourly sweep looks back."""
REACH = timedelta(days=35)
"""How far the daily one does, and how long a payment that was begun is asked for."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Swept:
    """What a sweep did."""

    looked_at: int = 0
    booked: int = 0
    """Settlements that no webhook had brought."""
    refunds_sent: int = 0
    unanswered: list[str] = field(default_factory=list)
    """Payments that the provider did not answer for; the next sweep asks again."""


def sweep_all(*, reach: timedelta, clock: Clock = utc_now) -> dict[str, Swept]:
    """Sweep every provider that answers; an alarm lasts while one does not. Close the drives whose refunds are all sent."""
    done = {}
    for provider in online():
        try:
            done[provider.name] = sweep(provider, since=clock() - reach, clock=clock)
        except ProviderUnavailable as error:
            reason = str(error.fields.get("reason", ""))
            raise_alarm(AlarmCode.SILENT, provider=provider.name, subject=provider.name, clock=clock, reason=reason)
        else:
            end_alarm(AlarmCode.SILENT, provider=provider.name, subject=provider.name, clock=clock)
    for drive in Drive.objects.filter(state=DriveState.CLOSING):
        close_when_sent(drive, clock=clock)
    return done


def sweep(provider: Provider, *, since: datetime, clock: Clock = utc_now) -> Swept:
    """
    Compare one provider with the books from `since` on.

    Raises:
        ProviderUnavailable: it does not answer at all; what was taken in until then stays.
    """
    swept = Swept()
    before = Settlement.objects.filter(provider=provider.name).count()
    seen: set[str] = set()
    for changed in provider.recent(since):
        swept.looked_at += 1
        _take_in(provider, changed, swept, seen, clock=clock)
    for donation in unfinished(provider.name, since=clock() - REACH):
        _take_in(provider, Changed(donation.reference, donation.public_id), swept, seen, clock=clock)
    for refund in Refund.objects.filter(settlement__provider=provider.name, outcome__isnull=True):
        with contextlib.suppress(ProviderUnavailable):
            swept.refunds_sent += send_refund(refund, clock=clock) is not None
    for payout in provider.payouts(since):
        book_payout(provider.name, reference=payout.reference, amount=payout.amount, at=payout.occurred_at, clock=clock)
    if not swept.unanswered:
        compare_balances(provider, clock=clock)
    swept.booked = Settlement.objects.filter(provider=provider.name).count() - before
    return swept


def unfinished(provider: str, *, since: datetime) -> list[Donation]:
    """Return the donations that were begun at a provider and have no money yet."""
    return list(
        Donation.objects.filter(
            provider=provider, reference__isnull=False, settlements__isnull=True, failed_at=None, made_at__gte=since
        )
    )


def compare_balances(provider: Provider, *, clock: Clock = utc_now) -> None:
    """Raise an alarm for each currency of ours in which the provider holds something else than the books say."""
    held = provider.balances()
    if held is None:
        return
    currencies = Settlement.objects.filter(provider=provider.name).values_list("donation__drive__currency", flat=True)
    for currency in sorted(set(currencies)):
        with transaction.atomic():
            ours = balance(money_at(provider.name, currency))
        theirs = held.get(currency, 0)
        if ours == theirs:
            end_alarm(AlarmCode.BALANCE, provider=provider.name, subject=currency, clock=clock)
        else:
            raise_alarm(
                AlarmCode.BALANCE,
                provider=provider.name,
                subject=currency,
                clock=clock,
                theirs=told(Money(theirs, currency)),
                ours=told(Money(ours, currency)),
            )


@transaction.atomic
def book_payout(
    provider: str, *, reference: str, amount: Money, at: datetime, to: str = "bank", clock: Clock = utc_now
) -> bool:
    """Book that money went from a provider to the bank (or from the cash box, to the bank); return whether it is new."""
    facts = Facts(
        kind="payout",
        source=provider,
        reference=reference,
        subject=f"provider:{provider}",
        description=f"Moved from {provider} to {to}",
        occurred_at=at,
    )
    lines = [
        Line(money_at(to, amount.currency), amount.amount_minor),
        Line(money_at(provider, amount.currency), -amount.amount_minor),
    ]
    try:
        with transaction.atomic():
            post(facts, lines, clock=clock)
    except BookedBefore:
        return False
    return True


def _take_in(provider: Provider, changed: Changed, swept: Swept, seen: set[str], *, clock: Clock) -> None:
    """Take in each payment once a sweep; one that is not answered for does not keep the others waiting."""
    name = changed.reference or changed.donation_id or changed.settlement
    if name is None or name in seen:
        return
    seen.add(name)
    try:
        take_in(provider, changed, clock=clock)
    except ProviderUnavailable as error:
        swept.unanswered.append(name)
        logger.warning("%s does not answer for a payment: %s", provider.name, error.message)
