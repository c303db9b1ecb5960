"""Forms for donors: what they give and how, and what they may change afterwards."""

import secrets
from typing import Any

from django import forms
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from largesse.drives.gate import challenge_of
from largesse.drives.models import BudgetLine, Drive
from largesse.drives.providers.base import Provider
from largesse.drives.providers.registry import LABELS, offered
from largesse.drives.rules.work import Challenge
from largesse.drives.templatetags.drives import money_text
from largesse.kit.errors import LargesseError
from largesse.kit.money import Money, currency_exponent

SUGGESTED_MAJOR = (10, 25, 50, 100, 250)
CHOSEN_MAJOR = 50
OTHER = "other"


def suggested_minor(currency: str) -> list[int]:
    """Return amounts to choose from, in minor units; currencies without minor units have larger numbers."""
    exponent = currency_exponent(currency)
    factor = 100 if exponent == 0 else 10**exponent
    return [] if exponent > 3 else [amount * factor for amount in SUGGESTED_MAJOR]


class GiveForm(forms.Form):
    """A gift: an amount, a way to pay, an address for the receipt; the rest may stay as it is."""

    amount = forms.ChoiceField(label=_("Amount"), required=False, widget=forms.RadioSelect)
    other = forms.CharField(label=_("Other amount"), required=False, max_length=40)
    often = forms.ChoiceField(
        label=_("How often"),
        choices=[("once", _("Once")), ("monthly", _("Every month"))],
        required=False,
        widget=forms.RadioSelect,
    )
    by = forms.ChoiceField(label=_("How you pay"), widget=forms.RadioSelect)
    email = forms.EmailField(
        label=_("Email for the receipt"),
        required=False,
        help_text=_("No account needed. We keep it for the receipt and for nothing else; you may leave it empty."),
    )
    wall = forms.ChoiceField(
        label=_("Your name on the wall"),
        choices=[("anonymous", _("Anonymous")), ("name", _("Show a name"))],
        required=False,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(label=_("Name to show"), required=False, max_length=80)
    shows_amount = forms.BooleanField(label=_("Show the amount too"), required=False)
    message = forms.CharField(
        label=_("A word"),
        required=False,
        max_length=300,
        help_text=_("Beside your name on the wall; without a name, only the treasurer reads it."),
    )
    line = forms.ModelChoiceField(
        label=_("What it is for"),
        queryset=BudgetLine.objects.none(),
        required=False,
        empty_label=_("Where it is needed"),
        help_text=_("A gift for one line is spent on that line alone."),
    )
    contract = forms.CharField(widget=forms.HiddenInput, max_length=64)
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, data: Any = None, *, drive: Drive, contract_hash: str) -> None:
        initial = {
            "amount": str(suggested_minor(drive.currency)[2]) if suggested_minor(drive.currency) else OTHER,
            "often": "once",
            "wall": "anonymous",
            "contract": contract_hash,
            "nonce": secrets.token_urlsafe(24),
        }
        super().__init__(data, initial=initial)
        self.drive = drive
        amounts = [(str(amount), money_text(amount, drive.currency)) for amount in suggested_minor(drive.currency)]
        self.fields["amount"].choices = [*amounts, (OTHER, _("Other"))]  # type: ignore[attr-defined]
        self.fields["by"].choices = [(one.name, LABELS[one.name]) for one in self.ways]  # type: ignore[attr-defined]
        self.fields["line"].queryset = drive.lines.all()  # type: ignore[attr-defined]
        if self.ways:
            self.fields["by"].initial = self.ways[0].name

    @cached_property
    def ways(self) -> list[Provider]:
        """How a visitor may pay here."""
        return offered(self.drive.currency)

    @cached_property
    def challenge(self) -> Challenge:
        """What a browser solves before a payment is begun."""
        return challenge_of(self.drive)

    @property
    def may_recur(self) -> bool:
        """Whether any way to pay takes a monthly gift."""
        return any(one.may_recur() for one in self.ways)

    @property
    def has_lines(self) -> bool:
        """Whether a gift may be for one line of the budget."""
        return self.drive.lines.exists()

    def clean(self) -> dict[str, Any]:
        """Read the amount, and see that the parts fit each other."""
        said = super().clean() or {}
        said["amount_minor"] = self._amount_minor(said)
        said["is_monthly"] = said.get("often") == "monthly"
        way = next((one for one in self.ways if one.name == said.get("by")), None)
        if said["is_monthly"] and way is not None and not way.may_recur():
            able = ", ".join(str(LABELS[one.name]) for one in self.ways if one.may_recur())
            self.add_error(
                "often",
                gettext("A monthly gift is possible by: %(ways)s. Choose that, or give once.") % {"ways": able}
                if able
                else gettext("A monthly gift is not possible here. Give once."),
            )
        said["shows_name"] = said.get("wall") == "name"
        if said["shows_name"] and not said.get("name", "").strip():
            self.add_error("name", gettext("Write the name to show, or choose to stay anonymous."))
        return said

    def _amount_minor(self, said: dict[str, Any]) -> int:
        other = said.get("other", "").strip()
        chosen = said.get("amount", "")
        if other or chosen in {"", OTHER}:
            try:
                return Money.parse(other, currency=self.drive.currency).amount_minor
            except LargesseError as error:
                sentence = (
                    gettext(error.template).format_map(error.fields) if other else gettext("Write or choose an amount.")
                )
                self.add_error("other", sentence)
                return 0
        return int(chosen)


class NameForm(forms.Form):
    """What of a gift stands on the wall."""

    name = forms.CharField(
        label=_("Name on the wall"), required=False, max_length=80, help_text=_("Empty: you are anonymous.")
    )
    shows_amount = forms.BooleanField(label=_("Show the amount"), required=False)
    message = forms.CharField(label=_("A word"), required=False, max_length=300)
    email = forms.EmailField(label=_("Email for receipts"), required=False)


class RefundForm(forms.Form):
    """A change of mind."""

    refund_to = forms.CharField(
        label=_("Account that the money goes back to (IBAN)"),
        required=False,
        max_length=60,
        help_text=_("Only for a bank transfer or cash. It is kept sealed, for the treasurer."),
    )
    is_sure = forms.BooleanField(label=_("I want the whole gift back"))
