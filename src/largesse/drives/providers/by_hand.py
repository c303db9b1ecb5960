"""Providers without a program: what happened is told by a statement or by the treasurer, and nobody can be asked."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from largesse.drives.providers.base import (
    CannotRefundHere,
    Changed,
    ForgedEvent,
    Payout,
    ProviderFact,
    VerifiedEvent,
)
from largesse.kit.money import Money


class ByHand:
    """What is the same for all of them."""

    name: str
    is_online = False

    def takes(self, currency: str) -> bool:
        """Any but bitcoin."""
        return currency != "BTC"

    def verify(self, body: bytes, headers: Mapping[str, str]) -> VerifiedEvent:
        """Refuse: it sends no events."""
        del body, headers
        raise ForgedEvent

    def changed(self, body: bytes) -> Changed:
        """Nothing."""
        del body
        return Changed()

    def facts(self, reference: str) -> list[ProviderFact]:
        """Nothing."""
        del reference
        return []

    def refund(self, settlement: str, *, amount: Money, key: str) -> ProviderFact | None:
        """Refuse: the treasurer sends it, and the next statement or the desk says that it was sent."""
        del settlement, amount, key
        raise CannotRefundHere(provider=self.name)

    def recent(self, since: datetime) -> Iterator[Changed]:
        """Nothing."""
        del since
        return iter(())

    def stop(self, reference: str) -> None:
        """Nothing: a standing order is ended at the donor's bank."""
        del reference

    def payouts(self, since: datetime) -> Iterator[Payout]:
        """Nothing."""
        del since
        return iter(())

    def balances(self) -> Mapping[str, int] | None:
        """Not known."""
        return None
