"""How pages write money and the sentence of a meter."""

from decimal import Decimal

from babel.numbers import get_currency_symbol
from django import template
from django.utils.translation import get_language, gettext, ngettext

from largesse.drives.actions.approve_expense import AMOUNT_ONLY
from largesse.drives.figures import Figures
from largesse.drives.providers.bank import printed, reference_of
from largesse.kit.money import currency_exponent
from largesse.ledger.models import Entry

register = template.Library()

NO_BREAK = "\u00a0"


def money_text(amount_minor: int, currency: str, *, is_exact: bool = False) -> str:
    """Write an amount as LOOK.md says: `20 640 $`; decimals only where there are any, or with `is_exact`."""
    exponent = currency_exponent(currency)
    value = Decimal(amount_minor).scaleb(-exponent)
    digits = exponent if is_exact or value != value.to_integral_value() else 0
    language = get_language() or "en"
    text = f"{value:,.{digits}f}".replace(",", NO_BREAK).replace("-", "\u2212")
    if language.startswith("fr"):
        text = text.replace(".", ",")
    return f"{text}{NO_BREAK}{get_currency_symbol(currency, locale='en')}"


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """Write an amount of minor units."""
    return money_text(amount_minor, currency)


@register.filter
def exact_money(amount_minor: int, currency: str) -> str:
    """Write an amount with all its decimals."""
    return money_text(amount_minor, currency, is_exact=True)


@register.filter
def signed_money(amount_minor: int, currency: str) -> str:
    """Write what changed, with its sign: `+310 $`, `−48.25 $`."""
    return ("+" if amount_minor > 0 else "") + money_text(amount_minor, currency)


@register.filter
def gate_words(outcome: str) -> str:
    """Say what the gate before payments decided."""
    words = {
        "proof": gettext("let through with a proof"),
        "no_script": gettext("let through without a script"),
        "by_hand": gettext("by transfer"),
        "wrong": gettext("wrong or old form"),
        "too_soon": gettext("too soon"),
        "address_limit": gettext("held back, too many from one address"),
        "drive_limit": gettext("held back, too many for the drive"),
    }
    return words.get(outcome, outcome)


@register.filter
def refund_reference(public_id: str) -> str:
    """Write the reference that a refund's transfer carries."""
    return printed(reference_of(public_id))


@register.filter
def minus(amount_minor: int, currency: str) -> str:
    """Write what goes off, exactly: `−48.25 $`."""
    return money_text(-amount_minor, currency, is_exact=True)


@register.filter
def entry_words(entry: Entry) -> str:
    """Say what an entry is in the visitor's language; an expense says it itself."""
    ways = {"bank": gettext("by transfer"), "stripe": gettext("by card"), "btcpay": gettext("in bitcoin")}
    words = {
        "gift": gettext("Gift %(way)s") % {"way": ways.get(entry.source, gettext("in cash or by cheque"))},
        "refund": gettext("Refund asked or due"),
        "refund_sent": gettext("Refund sent"),
        "refund_failed": gettext("Refund not possible, the gift stays"),
        "dispute": gettext("A gift was taken back by the payer’s bank"),
        "dispute_won": gettext("A disputed gift came back"),
        "fee": gettext("Fee of the payment service"),
        "refund_returned": gettext("A refund came back"),
        "refund_resent": gettext("Refund sent again"),
    }
    if entry.kind == "expense" and entry.description == AMOUNT_ONLY:
        return gettext("Expense, amount only")
    return words.get(entry.kind, entry.description)


@register.simple_tag
def meter_sentence(figures: Figures) -> str:
    """Write the sentence that follows every meter: `20 640 $ of 30 000 $ · 69 % · 9 360 $ missing · 11 days left`."""
    given, goal = money_text(figures.settled_minor, figures.currency), money_text(figures.goal_minor, figures.currency)
    percent = f"{figures.percent}{NO_BREAK}%"
    if figures.beyond_minor:
        beyond = money_text(figures.beyond_minor, figures.currency)
        parts = [
            gettext("%(given)s, goal of %(goal)s passed") % {"given": given, "goal": goal},
            percent,
            gettext("%(amount)s beyond") % {"amount": beyond},
        ]
    elif figures.is_met:
        parts = [gettext("%(given)s of %(goal)s") % {"given": given, "goal": goal}, gettext("100 %, goal reached")]
    else:
        missing = money_text(figures.missing_minor, figures.currency)
        parts = [
            gettext("%(given)s of %(goal)s") % {"given": given, "goal": goal},
            percent,
            gettext("%(amount)s missing") % {"amount": missing},
        ]
    if figures.is_open and figures.days_left is not None:
        left = ngettext("%(count)s day left", "%(count)s days left", figures.days_left)
        parts.append(left % {"count": figures.days_left})
    return " · ".join(parts)
