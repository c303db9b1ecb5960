"""
What every payment provider can do, and the facts it reports.

A webhook is a hint: it is verified, its raw event stored, and the payment fetched again from the provider; only what `facts`
returns is ever booked. Each fact carries the provider's own id, and (provider, reference, kind) is unique in the books, so
facts may be fetched as often as one likes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from largesse.kit.errors import BadInput, Conflict, NotFound, NotPermitted, Unavailable, gettext_noop
from largesse.kit.money import Money


class ProviderUnavailable(Unavailable):
    """The provider does not answer, or answers something that makes no sense; nothing was booked."""

    code = "provider_unavailable"
    template = gettext_noop(
        "{provider} does not answer ({reason}). No money was moved. Try again in a minute, or give by bank transfer."
    )


class ForgedEvent(NotPermitted):
    """An event whose signature is missing, wrong or too old."""

    code = "forged_event"
    status = 400
    template = gettext_noop("The signature of this event is not valid.")


class PaymentRefused(BadInput):
    """The provider will not take this payment: its amount or its currency."""

    code = "payment_refused"
    template = gettext_noop("{provider} does not take this payment ({reason}). Choose another amount, or another way.")


class UnknownPayment(NotFound):
    """The provider knows no payment of this reference."""

    code = "unknown_payment"
    template = gettext_noop("{provider} knows no payment {reference}.")


class RefundRefused(Conflict):
    """The provider says that this refund will never be made; asking again changes nothing."""

    code = "refund_refused"
    template = gettext_noop("{provider} refuses this refund ({reason}).")


class CannotRefundHere(BadInput):
    """The provider cannot send the money back by itself."""

    code = "cannot_refund_here"
    template = gettext_noop(
        "{provider} cannot send money back by itself. Refund it by hand and record that at the desk."
    )


class FactKind(StrEnum):
    """What can happen to a payment."""

    SETTLED = "settled"
    PENDING = "pending"
    FAILED = "failed"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    """A refund that was made came back, or never left."""
    DISPUTED = "disputed"
    """The payer's bank took the money back, perhaps for a while."""
    DISPUTE_WON = "dispute_won"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A donation that is about to be paid."""

    donation_id: str
    """Public id; also the idempotency key, so that a double click starts one payment."""
    amount: Money
    description: str
    return_url: str
    cancel_url: str
    language: str = "en"
    is_monthly: bool = False


@dataclass(frozen=True, slots=True)
class PaymentStart:
    """How the donor goes on: by a redirect, or by following instructions on our own page."""

    reference: str
    """The provider's id of the payment."""
    redirect_url: str | None = None
    instructions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """A webhook whose signature is right: a hint that something changed."""

    event_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A payment that changed, by whatever the provider says of it; any of the three leads to the donation."""

    reference: str | None = None
    """The provider's id of the payment, as `start` gave it."""
    donation_id: str | None = None
    """Public id of the donation, which was sent along when the payment was made."""
    settlement: str | None = None
    """The provider's id of money that arrived, for a refund or a dispute of it."""


@dataclass(frozen=True, slots=True)
class ProviderFact:
    """One thing that did happen to a payment, as the provider's own object tells it."""

    kind: FactKind
    reference: str
    """Id of the charge, refund or dispute: unique for its kind."""
    amount: Money
    fee: Money
    """What the provider kept; zero where it keeps nothing or does not say."""
    occurred_at: datetime
    of_reference: str | None = None
    """For a refund or a dispute: the settlement that it takes from."""
    key: str | None = None
    """For a refund: the key it was asked for with, when we asked."""


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that the provider sent to the bank account."""

    reference: str
    amount: Money
    occurred_at: datetime


class Provider(Protocol):
    """A way to pay."""

    name: str
    """Short stable name, the first part of every key in the books."""
    is_online: bool
    """Whether a program answers for it; the others are told by a statement or by the treasurer."""

    def takes(self, currency: str) -> bool:
        """Return whether it takes this currency."""

    def may_recur(self) -> bool:
        """Return whether it can take a monthly donation."""

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Make the payment, once for each donation id. Raises ProviderUnavailable, PaymentRefused, AmountNotPossible."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> VerifiedEvent:
        """Check a webhook's signature, without asking anybody. Raises ForgedEvent."""

    def changed(self, body: bytes) -> Changed:
        """Return which payment a verified webhook is about, without asking anybody."""

    def facts(self, reference: str) -> list[ProviderFact]:
        """Fetch the payment again and return all that did happen to it. Raises ProviderUnavailable, UnknownPayment."""

    def refund(self, settlement: str, *, amount: Money, key: str) -> ProviderFact | None:
        """
        Send money of one settlement back, once for each `key`.

        Returns:
            The refund once it was sent; None while the provider works on it: ask again with the same key.

        Raises:
            ProviderUnavailable: whether it was made is not known; ask again with the same key.
            RefundRefused: it will never be made.
            CannotRefundHere: a person has to.
        """

    def recent(self, since: datetime) -> Iterator[Changed]:
        """Yield every payment that was made or changed since then, for the sweep. Raises ProviderUnavailable."""

    def stop(self, reference: str) -> None:
        """Take nothing more for a monthly gift; told again, nothing happens. Raises ProviderUnavailable."""

    def payouts(self, since: datetime) -> Iterator[Payout]:
        """Yield what was sent to the bank account since then. Raises ProviderUnavailable."""

    def balances(self) -> Mapping[str, int] | None:
        """Return what lies there, minor units by currency; None when it does not say. Raises ProviderUnavailable."""
