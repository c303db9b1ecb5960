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

from largesse.kit.errors import BadInput, NotPermitted, Unavailable, gettext_noop
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
    """A webhook whose signature is right: a hint that `reference` changed."""

    event_id: str
    kind: str
    reference: str | None
    """The payment to fetch again; None for events that tell us nothing."""


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
    """For a refund or a dispute: the settlement that it takes from; None where the payment has one only."""


class Provider(Protocol):
    """A way to pay."""

    name: str
    """Short stable name, the first part of every key in the books."""

    def currencies(self) -> frozenset[str] | None:
        """Which currencies it takes; None for any."""

    def may_recur(self) -> bool:
        """Return whether it can take a monthly donation."""

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Make the payment at the provider, once for each donation id. Raises ProviderUnavailable."""

    def verify(self, body: bytes, headers: Mapping[str, str]) -> VerifiedEvent:
        """Check a webhook's signature. Raises ForgedEvent."""

    def facts(self, reference: str) -> list[ProviderFact]:
        """Fetch the payment again and return all that did happen to it. Raises ProviderUnavailable."""

    def refund(self, reference: str, *, amount: Money, key: str) -> ProviderFact:
        """Send money back, once for each `key`. Raises ProviderUnavailable, CannotRefundHere."""

    def recent_references(self, since: datetime) -> Iterator[str]:
        """Return the payments that changed since then, for the daily sweep. Raises ProviderUnavailable."""
