"""
Send a claimed refund: ask its provider, then book how it ended.

Asked again after a crash between the two, the provider answers with the refund that it made for the same key.
"""

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.refund import conclude, send_again
from largesse.drives.alarms import raise_alarm, told
from largesse.drives.models import AlarmCode, Refund, RefundOutcome
from largesse.drives.providers.base import CannotRefundHere, RefundRefused
from largesse.drives.providers.registry import provider
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money


def send_refund(refund: Refund, *, clock: Clock = utc_now) -> RefundOutcome | None:
    """
    Ask the provider to send the money back; return the outcome, or None while there is none.

    A refund that the provider cannot send waits for the treasurer (`record_refund`).

    Raises:
        ProviderUnavailable: whether it was sent is not known yet; the sweep asks again.
    """
    refund = Refund.objects.select_related("settlement__donation__drive").get(pk=refund.pk)
    known = RefundOutcome.objects.filter(refund=refund).first()
    if known is not None:
        return known
    settlement = refund.settlement
    donation = settlement.donation
    amount = Money(refund.amount_minor, donation.drive.currency)
    try:
        sent = provider(settlement.provider).refund(settlement.reference, amount=amount, key=refund.public_id)
    except CannotRefundHere:
        return None
    except RefundRefused as error:
        reason = str(error.fields.get("reason", ""))
        raise_alarm(
            AlarmCode.REFUND_REFUSED,
            provider=settlement.provider,
            subject=donation.subject,
            clock=clock,
            ours=told(amount),
            reason=reason,
        )
        return conclude(
            refund,
            provider=settlement.provider,
            reference=f"refused-{refund.public_id}",
            is_sent=False,
            occurred_at=clock(),
            clock=clock,
        )
    if sent is None:
        return None
    return conclude(
        refund,
        provider=settlement.provider,
        reference=sent.reference,
        is_sent=True,
        occurred_at=sent.occurred_at,
        clock=clock,
    )


def record_refund(
    refund: Refund, *, treasurer: User, paid_from: str, reference: str = "", clock: Clock = utc_now
) -> RefundOutcome:
    """
    Say that a refund was sent by hand, also one that came back from the provider.

    Args:
        paid_from: the provider whose account the money left: `bank`, `cash`, …
        reference: what the bank or the receipt calls it; never public.

    Raises:
        NotPermitted: only treasurers and administrators do.
    """
    require(may_keep_books(treasurer))
    known = RefundOutcome.objects.filter(refund=refund, is_sent=True).first()
    if known is not None:
        send_again(known, paid_from=paid_from, actor=treasurer.actor, clock=clock)
        return known
    return conclude(
        refund,
        provider=paid_from,
        reference=reference or f"by-hand-{refund.public_id}",
        is_sent=True,
        occurred_at=clock(),
        actor=treasurer.actor,
        clock=clock,
    )
