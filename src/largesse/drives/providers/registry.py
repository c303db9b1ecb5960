"""Which providers this site has: those whose settings are given (`[fund]` in the settings), and the cash box."""

import functools
from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext_lazy

from largesse.config.sections import FundConfig
from largesse.drives.providers.bank import BankProvider
from largesse.drives.providers.base import Provider
from largesse.drives.providers.btcpay import BTCPayProvider
from largesse.drives.providers.cash import CashProvider
from largesse.drives.providers.stripe import StripeProvider
from largesse.kit.errors import NotFound, gettext_noop

LABELS = {
    "bank": gettext_lazy("Bank transfer"),
    "stripe": gettext_lazy("Card"),
    "btcpay": gettext_lazy("Bitcoin"),
    "cash": gettext_lazy("Cash or cheque"),
}
"""What each is called on pages, in the order that they are offered."""


class UnknownProvider(NotFound):
    """The site has no such provider."""

    code = "unknown_provider"
    template = gettext_noop("This site does not take gifts by “{name}”. Choose another way to pay.")


def providers() -> Mapping[str, Provider]:
    """Return every provider of this site by its name, in the order of LABELS."""
    return _made(settings.CONFIG.fund)


def provider(name: str) -> Provider:
    """
    Return the provider of this name.

    Raises:
        UnknownProvider: it is not set up here.
    """
    found = providers().get(name)
    if found is None:
        raise UnknownProvider(name=name[:40])
    return found


def offered(currency: str, *, is_monthly: bool = False) -> list[Provider]:
    """Return the providers that a visitor may give `currency` by; the treasurer alone takes cash."""
    return [
        one
        for one in providers().values()
        if one.name != "cash" and one.takes(currency) and (one.may_recur() or not is_monthly)
    ]


def online() -> list[Provider]:
    """Return the providers that a program answers for, which the sweep compares with the books."""
    return [one for one in providers().values() if one.is_online]


@functools.lru_cache(maxsize=4)
def _made(fund: FundConfig) -> Mapping[str, Provider]:
    """One object each, so that connections are kept; settings do not change while a process runs."""
    made: dict[str, Provider] = {}
    if fund.bank_iban and fund.bank_account_holder:
        made["bank"] = BankProvider(
            holder=fund.bank_account_holder, iban=fund.bank_iban, bic=fund.bank_bic, currency=fund.bank_currency
        )
    if fund.stripe_secret_key and fund.stripe_webhook_secret:
        made["stripe"] = StripeProvider(
            secret_key=fund.stripe_secret_key, webhook_secret=fund.stripe_webhook_secret, api=fund.stripe_api
        )
    if fund.btcpay_address and fund.btcpay_store and fund.btcpay_api_key:
        made["btcpay"] = BTCPayProvider(
            address=fund.btcpay_address,
            store=fund.btcpay_store,
            api_key=fund.btcpay_api_key,
            webhook_secret=fund.btcpay_webhook_secret,
        )
    made["cash"] = CashProvider()
    return made
