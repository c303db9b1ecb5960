"""
How each provider writes an amount: its minor unit is not always that of ISO 4217.

Stripe takes ISK and UGX in hundredths although neither has a minor unit, MGA as whole units, and three-decimal currencies
only in steps of ten (https://docs.stripe.com/currencies). BTCPay takes decimal text.
"""

from largesse.kit.errors import BadInput, gettext_noop
from largesse.kit.money import Money, currency_exponent

STRIPE_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    "HUF": 2,
    "ISK": 2,
    "TWD": 2,
    "UGX": 2,
}
EXPONENTS: dict[str, dict[str, int]] = {"stripe": STRIPE_EXPONENTS}
"""Where a provider differs from ISO 4217; the pair (provider, currency) decides."""

STEPS: dict[tuple[str, str], int] = {
    **{("stripe", currency): 10 for currency in ("BHD", "JOD", "KWD", "OMR", "TND")},
    **{("stripe", currency): 100 for currency in ("ISK", "UGX")},
}
"""Amounts, in the provider's units, that must be a multiple of this."""


class AmountNotPossible(BadInput):
    """The provider cannot move this exact amount."""

    code = "amount_not_possible"
    template = gettext_noop("{provider} cannot move exactly {amount} {currency}. Choose a rounder amount.")


def provider_exponent(provider: str, currency: str) -> int:
    """Return how many decimals the provider's integers have for `currency`."""
    return EXPONENTS.get(provider, {}).get(currency, currency_exponent(currency))


def to_provider(provider: str, money: Money) -> int:
    """
    Return the amount as the provider's integer.

    Raises:
        AmountNotPossible: it would have to be rounded.
    """
    difference = provider_exponent(provider, money.currency) - currency_exponent(money.currency)
    units, rest = _scaled(money.amount_minor, difference)
    if rest or units % STEPS.get((provider, money.currency), 1):
        raise AmountNotPossible(provider=provider, amount=money.decimal(), currency=money.currency)
    return units


def from_provider(provider: str, units: int, currency: str) -> Money:
    """
    Return the exact amount behind the provider's integer.

    Raises:
        AmountNotPossible: it has decimals that the currency has not.
    """
    difference = currency_exponent(currency) - provider_exponent(provider, currency)
    minor, rest = _scaled(units, difference)
    if rest:
        raise AmountNotPossible(provider=provider, amount=units, currency=currency)
    return Money(minor, currency)


def _scaled(amount: int, difference: int) -> tuple[int, int]:
    """Return `amount` moved by so many decimals, and what is lost by that."""
    up: int = 10 ** max(difference, 0)
    down: int = 10 ** max(-difference, 0)
    return divmod(amount * up, down)
