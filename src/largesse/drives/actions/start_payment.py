"""
Start a payment: a redirect to the provider, or what the donor writes into a transfer.

The provider is asked outside of any transaction, with the donation's id as idempotency key: a double click, or a retry after a
lost answer, starts one payment. A crash before the reference is kept loses nothing, since the provider's payment carries the
donation's id and the sweep finds it by that.
"""

from django.db import transaction

from largesse.drives.models import Donation
from largesse.drives.providers.base import PaymentRequest, PaymentStart
from largesse.drives.providers.registry import provider
from largesse.kit.money import Money


def start_payment(donation: Donation, *, return_url: str, cancel_url: str, language: str = "en") -> PaymentStart:
    """
    Start the payment of a donation at its provider, or return the one that was started.

    Args:
        return_url: where the donor comes back to after paying; absolute.
        cancel_url: where the donor comes back to without; absolute.
        language: two letters.

    Returns:
        `redirect_url` for an online provider; for a bank transfer `instructions` with `holder`, `iban`, `iban_printed`, `bic`,
        `reference`, `reference_printed`, `amount`, `currency` and, in euros, `epc` (the QR code's text) with `epc_svg` (the
        code itself).

    Raises:
        UnknownProvider: it is not set up here.
        ProviderUnavailable: it does not answer.
        PaymentRefused: it takes no such payment.
        AmountNotPossible: it cannot move this exact amount.
    """
    drive = donation.drive
    started = provider(donation.provider).start(
        PaymentRequest(
            donation_id=donation.public_id,
            amount=Money(donation.amount_minor, drive.currency),
            description=drive.title,
            return_url=return_url,
            cancel_url=cancel_url,
            language=language,
            is_monthly=donation.is_monthly,
        )
    )
    keep_reference(donation, started.reference)
    return started


@transaction.atomic
def keep_reference(donation: Donation, reference: str) -> None:
    """Keep the provider's newest id of the payment."""
    if donation.reference != reference:
        Donation.objects.filter(pk=donation.pk).update(reference=reference)
        donation.reference = reference
