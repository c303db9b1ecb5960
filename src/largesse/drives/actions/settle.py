"""Book what did happen to a payment: money that arrived, is under way, failed, or was taken back and won again."""

import contextlib
from datetime import datetime

from django.db import transaction

from largesse.drives.models import Dispute, Donation, Settlement
from largesse.jobs.registry import enqueue
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.errors import BookedBefore
from largesse.ledger.models import Account, AccountKind


def money_at(provider: str, currency: str) -> Account:
    """Return the account of the money that lies at a provider."""
    return account(AccountKind.ASSETS, provider.capitalize(), currency=currency)


def gifts_of(donation: Donation) -> Account:
    """Return the account of the gifts to the donation's drive, or to the one line that it is for."""
    drive = donation.drive
    parts = ("Gifts", drive.fund_part, *([line_part(donation.line_id)] if donation.line_id else []))
    return account(AccountKind.INCOME, *parts, currency=drive.currency, fund=drive.public_id)


def line_part(line_id: int) -> str:
    """Return a budget line's part of account names in the ledger."""
    return f"L-{line_id}"


def fees_of(donation: Donation) -> Account:
    """Return the account of what payment services kept of gifts to the donation's drive."""
    drive = donation.drive
    return account(AccountKind.EXPENSES, "Fees", drive.fund_part, currency=drive.currency, fund=drive.public_id)


@transaction.atomic
def settle(
    donation: Donation,
    *,
    provider: str,
    reference: str,
    amount_minor: int,
    fee_minor: int = 0,
    occurred_at: datetime,
    actor: str = "system",
    clock: Clock = utc_now,
) -> Settlement:
    """
    Book money that arrived, once for each (provider, reference); told again, the first booking is returned.

    Args:
        amount_minor: what the donor paid, in minor units of the drive's currency.
        fee_minor: what the provider kept of it.
        reference: the provider's own id of the charge or of the line of the statement; never public.
    """
    donation = Donation.objects.select_for_update(of=("self",)).select_related("drive").get(pk=donation.pk)
    booked = Settlement.objects.filter(provider=provider, reference=reference).first()
    if booked is not None:
        return booked
    facts = Facts(
        kind="gift",
        source=provider,
        reference=reference,
        subject=donation.subject,
        description=f"Gift to {donation.drive.title}",
        occurred_at=occurred_at,
    )
    lines = [
        Line(money_at(provider, donation.drive.currency), amount_minor - fee_minor),
        Line(fees_of(donation), fee_minor),
        Line(gifts_of(donation), -amount_minor),
    ]
    entry = post(facts, lines, actor=actor, clock=clock)
    settlement = Settlement.objects.create(
        donation=donation,
        provider=provider,
        reference=reference,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        occurred_at=occurred_at,
        entry=entry,
    )
    Donation.objects.filter(pk=donation.pk).update(pending_minor=0, failed_at=None)
    payload = {
        "drive": donation.drive.slug,
        "amount_minor": amount_minor,
        "currency": donation.drive.currency,
        "entry": entry.public_id,
    }
    append(kind="drives.settled", subject=donation.subject, actor=actor, payload=payload, clock=clock)
    enqueue("drives.send_receipt", settlement=settlement.public_id)
    return settlement


@transaction.atomic
def dispute(
    settlement: Settlement,
    *,
    reference: str,
    amount_minor: int,
    fee_minor: int = 0,
    occurred_at: datetime,
    is_won: bool,
    clock: Clock = utc_now,
) -> Dispute:
    """
    Book that the payer's bank took money back, or, with `is_won`, that it returned; once for each reference.

    Args:
        fee_minor: what the provider kept for its trouble.
    """
    settlement = (
        Settlement.objects.select_for_update(of=("self",)).select_related("donation__drive").get(pk=settlement.pk)
    )
    provider, donation = settlement.provider, settlement.donation
    booked = Dispute.objects.filter(provider=provider, reference=reference, is_won=is_won).first()
    if booked is not None:
        return booked
    sign = 1 if is_won else -1
    facts = Facts(
        kind="dispute_won" if is_won else "dispute",
        source=provider,
        reference=reference,
        subject=donation.subject,
        description="A disputed gift came back" if is_won else "A gift was taken back by the payer’s bank",
        occurred_at=occurred_at,
    )
    lines = [
        Line(money_at(provider, donation.drive.currency), sign * amount_minor - fee_minor),
        Line(fees_of(donation), fee_minor),
        Line(gifts_of(donation), -sign * amount_minor),
    ]
    entry = post(facts, lines, clock=clock)
    made = Dispute.objects.create(
        settlement=settlement,
        provider=provider,
        reference=reference,
        amount_minor=amount_minor,
        is_won=is_won,
        occurred_at=occurred_at,
        entry=entry,
    )
    payload = {"drive": donation.drive.slug, "amount_minor": amount_minor, "entry": entry.public_id}
    append(kind=f"drives.{facts.kind}", subject=donation.subject, payload=payload, clock=clock)
    return made


@transaction.atomic
def add_fee(settlement: Settlement, *, fee_minor: int, clock: Clock = utc_now) -> None:
    """Book a fee that the provider told after the money arrived; once for each settlement."""
    donation = settlement.donation
    facts = Facts(
        kind="fee",
        source=settlement.provider,
        reference=settlement.reference,
        subject=donation.subject,
        description=f"Fee on a gift to {donation.drive.title}",
        occurred_at=settlement.occurred_at,
    )
    lines = [
        Line(fees_of(donation), fee_minor),
        Line(money_at(settlement.provider, donation.drive.currency), -fee_minor),
    ]
    with contextlib.suppress(BookedBefore):
        post(facts, lines, clock=clock)


@transaction.atomic
def note_pending(donation: Donation, *, amount_minor: int) -> None:
    """Keep what the provider says is under way; money that arrived is not pending any more."""
    Donation.objects.filter(pk=donation.pk, settlements__isnull=True).update(pending_minor=amount_minor)


@transaction.atomic
def note_failed(donation: Donation, *, clock: Clock = utc_now) -> None:
    """Keep that the payment failed, unless money arrived."""
    Donation.objects.filter(pk=donation.pk, settlements__isnull=True).update(pending_minor=0, failed_at=clock())
