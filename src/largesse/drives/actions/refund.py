"""
Send money back, in three steps that may each be the last before a crash.

1. `claim`: under a lock on the settlement, what is left is checked and the amount moves from the gifts to what is owed.
2. The provider is asked, with the refund's public id as idempotency key: asked again, it answers the same.
3. `conclude`: it was sent, or it failed and the claim is undone; once.

A refund without outcome is asked for again by the sweep. One that comes back after it was sent is owed again.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from largesse.drives.actions.settle import gifts_of, money_at
from largesse.drives.errors import RefundTooLarge
from largesse.drives.models import Donation, DriveState, Refund, RefundOutcome, RefundReason, Settlement
from largesse.jobs.registry import enqueue
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.kit.ids import new_public_id
from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.errors import BookedBefore
from largesse.ledger.models import Account, AccountKind, Entry

RETURNED = "refund_returned"
RESENT = "refund_resent"
"""Kinds of entries for a refund that came back, and for sending it another way."""


def owed_to_donors(donation: Donation) -> Account:
    """Return the account of refunds that were claimed and not sent yet."""
    drive = donation.drive
    return account(AccountKind.LIABILITIES, "Refunds", drive.fund_part, currency=drive.currency, fund=drive.public_id)


def refundable_minor(settlement: Settlement) -> int:
    """Return what is left of a payment: less refunds that were not undone, and what a dispute holds."""
    refunded = settlement.refunds.exclude(outcome__is_sent=False).aggregate(amount=Sum("amount_minor"))["amount"] or 0
    taken = settlement.disputes.filter(is_won=False).aggregate(amount=Sum("amount_minor"))["amount"] or 0
    back = settlement.disputes.filter(is_won=True).aggregate(amount=Sum("amount_minor"))["amount"] or 0
    return max(0, settlement.amount_minor - int(refunded) - int(taken) + int(back))


@transaction.atomic
def claim(
    settlement: Settlement,
    *,
    amount_minor: int,
    reason: RefundReason,
    actor: str = "system",
    clock: Clock = utc_now,
) -> Refund:
    """
    Claim a refund; a job asks the provider once the caller's transaction is committed.

    Raises:
        RefundTooLarge: more than is left of the payment; carries what is left.
    """
    refund = _claimed(settlement, amount_minor=amount_minor, reason=reason, actor=actor, clock=clock)
    enqueue("drives.send_refund", refund=refund.public_id, clock=clock)
    return refund


@transaction.atomic
def claim_made(settlement: Settlement, *, amount_minor: int, clock: Clock = utc_now) -> Refund:
    """
    Claim a refund that was made at the provider already.

    Raises:
        RefundTooLarge: more than is left of the payment; carries what is left.
    """
    return _claimed(settlement, amount_minor=amount_minor, reason=RefundReason.AT_PROVIDER, actor="system", clock=clock)


def _claimed(settlement: Settlement, *, amount_minor: int, reason: RefundReason, actor: str, clock: Clock) -> Refund:
    settlement = (
        Settlement.objects.select_for_update(of=("self",)).select_related("donation__drive").get(pk=settlement.pk)
    )
    left = refundable_minor(settlement)
    if not 0 < amount_minor <= left:
        raise RefundTooLarge(left_minor=left)
    donation, now, public_id = settlement.donation, clock(), new_public_id()
    facts = Facts(
        kind="refund",
        source="desk",
        reference=public_id,
        subject=donation.subject,
        description=f"Refund from {donation.drive.title}",
        occurred_at=now,
    )
    lines = [Line(gifts_of(donation), amount_minor), Line(owed_to_donors(donation), -amount_minor)]
    entry = post(facts, lines, actor=actor, clock=clock)
    refund = Refund.objects.create(
        public_id=public_id,
        settlement=settlement,
        amount_minor=amount_minor,
        reason=reason,
        claimed_at=now,
        entry=entry,
    )
    payload = {
        "drive": donation.drive.slug,
        "amount_minor": amount_minor,
        "reason": str(reason),
        "entry": entry.public_id,
    }
    append(kind="drives.refund_claimed", subject=donation.subject, actor=actor, payload=payload, clock=clock)
    return refund


@transaction.atomic
def conclude(
    refund: Refund,
    *,
    provider: str,
    reference: str,
    is_sent: bool,
    occurred_at: datetime,
    actor: str = "system",
    clock: Clock = utc_now,
) -> RefundOutcome:
    """Book how a refund ended; told again, the first outcome is returned."""
    refund = (
        Refund.objects.select_for_update(of=("self",))
        .select_related("settlement__donation__drive", "entry")
        .get(pk=refund.pk)
    )
    known = RefundOutcome.objects.filter(refund=refund).first()
    if known is not None:
        return known
    donation = refund.settlement.donation
    other = money_at(provider, donation.drive.currency) if is_sent else gifts_of(donation)
    facts = Facts(
        kind="refund_sent" if is_sent else "refund_failed",
        source=provider,
        reference=reference,
        subject=donation.subject,
        description=f"Refund from {donation.drive.title}: {'sent' if is_sent else 'not possible'}",
        occurred_at=occurred_at,
    )
    lines = [Line(owed_to_donors(donation), refund.amount_minor), Line(other, -refund.amount_minor)]
    entry = post(facts, lines, actor=actor, clock=clock)
    outcome = RefundOutcome.objects.create(
        refund=refund, provider=provider, reference=reference, is_sent=is_sent, occurred_at=occurred_at, entry=entry
    )
    payload = {"drive": donation.drive.slug, "amount_minor": refund.amount_minor, "entry": entry.public_id}
    append(kind=f"drives.{facts.kind}", subject=donation.subject, actor=actor, payload=payload, clock=clock)
    if donation.drive.state == DriveState.CLOSING:
        enqueue("drives.close_drive", unique=f"close:{donation.drive.public_id}", drive=donation.drive.public_id)
    return outcome


@transaction.atomic
def give_back(outcome: RefundOutcome, *, occurred_at: datetime, clock: Clock = utc_now) -> bool:
    """Book that a refund came back after it was sent: the donor is owed it again; return whether that is news."""
    donation = outcome.refund.settlement.donation
    facts = Facts(
        kind=RETURNED,
        source=outcome.provider,
        reference=outcome.reference,
        subject=donation.subject,
        description=f"Refund from {donation.drive.title}: came back",
        occurred_at=occurred_at,
    )
    amount_minor = outcome.refund.amount_minor
    lines = [
        Line(money_at(outcome.provider, donation.drive.currency), amount_minor),
        Line(owed_to_donors(donation), -amount_minor),
    ]
    try:
        post(facts, lines, clock=clock)
    except BookedBefore:
        return False
    return True


@transaction.atomic
def send_again(outcome: RefundOutcome, *, paid_from: str, actor: str, clock: Clock = utc_now) -> bool:
    """Book that a refund that came back was sent another way; return whether that was still to be done."""
    if not Entry.objects.filter(source=outcome.provider, reference=outcome.reference, kind=RETURNED).exists():
        return False
    donation = outcome.refund.settlement.donation
    facts = Facts(
        kind=RESENT,
        source="desk",
        reference=outcome.refund.public_id,
        subject=donation.subject,
        description=f"Refund from {donation.drive.title}: sent again",
        occurred_at=clock(),
    )
    amount_minor = outcome.refund.amount_minor
    lines = [
        Line(owed_to_donors(donation), amount_minor),
        Line(money_at(paid_from, donation.drive.currency), -amount_minor),
    ]
    try:
        post(facts, lines, actor=actor, clock=clock)
    except BookedBefore:
        return False
    return True
