"""
Money: whole minor units with their currency (ISO 4217), never a float.

How many digits the minor unit has depends on the currency, and for some currencies on the provider that moves it; a
provider that differs passes its own exponent.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Self

from babel.core import get_global
from babel.numbers import get_currency_precision

from largesse.kit.errors import BadInput, gettext_noop

ISO_4217_EXPONENTS = {"HUF": 2, "ISK": 0, "UGX": 0, "COP": 2, "IDR": 2, "PKR": 2, "IRR": 2, "KRW": 0, "CLP": 0, "LAK": 2, "MMK": 2,
                      "RSD": 2, "ALL": 2, "AFN": 2, "SOS": 2, "SYP": 2, "YER": 2, "LBP": 2, "IQD": 3, "MGA": 2, "MRU": 2,
                      "SLL": 2, "TZS": 2, "TWD": 2, "AMD": 2, "CRC": 2, "GYD": 2, "KPW": 2, "MNT": 2, "MUR": 2, "NOK": 2,
                      "SEK": 2, "CZK": 2, "UZS": 2, "BIF": 0, "DJF": 0, "GNF": 0, "KMF": 0, "PYG": 0, "RWF": 0, "VND": 0,
                      "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0, "ZMK": 2, "BTC": 8}  # fmt: skip
"""Where ISO 4217's minor unit differs from CLDR's display digits, and bitcoin, which ISO does not list."""


class NotAnAmount(BadInput):
    """The text is not an amount of this currency."""

    code = "not_an_amount"
    template = gettext_noop("“{text}” is not an amount in {currency}. Write it like {example}.")


class UnknownCurrency(BadInput):
    """The code is not a currency that we know."""

    code = "unknown_currency"
    template = gettext_noop("“{currency}” is not a currency code of ISO 4217, such as EUR or USD.")


def currency_exponent(currency: str) -> int:
    """Return how many decimal digits the minor unit of `currency` has (EUR 2, JPY 0, BHD 3)."""
    if currency in ISO_4217_EXPONENTS:
        return ISO_4217_EXPONENTS[currency]
    if currency not in get_global("all_currencies"):
        raise UnknownCurrency(currency=currency)
    return get_currency_precision(currency)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An exact amount: `amount_minor` whole minor units of `currency`."""

    amount_minor: int
    currency: str

    @classmethod
    def parse(cls, text: str, *, currency: str) -> Self:
        """
        Read an amount as a person writes it, with a point or a comma before the decimals.

        Raises:
            NotAnAmount: not a number, or more decimals than the currency has.
            UnknownCurrency: not a code of ISO 4217.
        """
        exponent = currency_exponent(currency)
        example = str(Decimal(1234).scaleb(0)) + ("." + "5".ljust(exponent, "0") if exponent else "")
        cleaned = "".join(text.split()).replace("\u2212", "-").replace(",", ".")
        try:
            scaled = Decimal(cleaned).scaleb(exponent)
        except InvalidOperation as error:
            raise NotAnAmount(text=text[:40], currency=currency, example=example) from error
        if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) > 10**17:
            raise NotAnAmount(text=text[:40], currency=currency, example=example)
        return cls(int(scaled), currency)

    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.amount_minor).scaleb(-currency_exponent(self.currency))
