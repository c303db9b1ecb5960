"""Every pair of provider and currency keeps its minor units."""

import pytest
from babel.core import get_global
from hypothesis import given
from hypothesis import strategies as st

from largesse.drives.providers.exponents import (
    EXPONENTS,
    STEPS,
    AmountNotPossible,
    from_provider,
    provider_exponent,
    to_provider,
)
from largesse.drives.providers.registry import LABELS
from largesse.kit.money import Money, currency_exponent

CURRENCIES = sorted([*get_global("all_currencies"), "BTC"])
PAIRS = [(provider, currency) for provider in LABELS for currency in CURRENCIES]


@given(st.sampled_from(PAIRS), st.integers(-(10**12), 10**12))
def test_an_amount_comes_back_as_it_was_or_is_refused(pair: tuple[str, str], amount_minor: int) -> None:
    provider, currency = pair
    money = Money(amount_minor, currency)
    try:
        units = to_provider(provider, money)
    except AmountNotPossible:
        assert pair in STEPS or provider_exponent(provider, currency) < currency_exponent(currency)
        return
    assert from_provider(provider, units, currency) == money
    scale = provider_exponent(provider, currency) - currency_exponent(currency)
    assert units * 10 ** max(0, -scale) == amount_minor * 10 ** max(0, scale)


@pytest.mark.parametrize(("provider", "currency"), PAIRS)
def test_every_pair_moves_a_round_amount(provider: str, currency: str) -> None:
    money = Money(1_000 * 10 ** currency_exponent(currency), currency)
    assert from_provider(provider, to_provider(provider, money), currency) == money


@pytest.mark.parametrize(
    ("currency", "amount_minor", "units"),
    [
        ("USD", 2_064_000, 2_064_000),
        ("JPY", 500, 500),
        ("ISK", 500, 50_000),
        ("UGX", 500, 50_000),
        ("HUF", 12_300, 12_300),
        ("MGA", 500, 5),
        ("BHD", 1_230, 1_230),
        ("KWD", 10, 10),
        ("CLP", 990, 990),
        ("TWD", 80_000, 80_000),
    ],
)
def test_stripe_writes_what_its_documentation_says(currency: str, amount_minor: int, units: int) -> None:
    """https://docs.stripe.com/currencies: zero-decimal, special-case and three-decimal currencies."""
    assert to_provider("stripe", Money(amount_minor, currency)) == units


@pytest.mark.parametrize(("currency", "amount_minor"), [("BHD", 1_234), ("MGA", 501)])
def test_what_stripe_cannot_move_exactly_is_refused(currency: str, amount_minor: int) -> None:
    with pytest.raises(AmountNotPossible):
        to_provider("stripe", Money(amount_minor, currency))


def test_an_amount_with_decimals_that_the_currency_has_not_is_not_guessed() -> None:
    with pytest.raises(AmountNotPossible):
        from_provider("stripe", 50_050, "ISK")


def test_the_table_names_only_providers_that_exist() -> None:
    assert EXPONENTS.keys() <= LABELS.keys()
