"""Forms of the treasurer's desk; amounts are written as people write them, times are UTC."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from largesse.drives.actions.draft_drive import DriveDraft, LineDraft, draft_of
from largesse.drives.models import BudgetLine, CarryOver, Counted, Drive, Period
from largesse.drives.providers.registry import LABELS, providers
from largesse.kit.errors import LargesseError
from largesse.kit.money import Money, currency_exponent

TIME = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


def told(error: LargesseError) -> str:
    """Return an error's sentence in the visitor's language."""
    return gettext(error.template).format_map(error.fields)


class AmountForm(forms.Form):
    """A form whose amounts are in one currency."""

    amounts: tuple[str, ...] = ("amount",)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        for name in self.amounts:
            field = self.fields[name]
            field.label = f"{field.label} ({currency})"
            field.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self) -> dict[str, Any]:
        """Read the amounts: `amount_minor` takes the place of the text in `amount`."""
        said = super().clean() or {}
        for name in self.amounts:
            if name in said:
                said[f"{name}_minor"] = self._minor(name, said.pop(name))
        return said

    def _minor(self, name: str, text: str) -> int:
        try:
            amount = Money.parse(text, currency=self.currency).amount_minor
        except LargesseError as error:
            self.add_error(name, told(error))
            return 0
        if amount <= 0:
            self.add_error(name, gettext("Write an amount above zero."))
        return amount


class DriveForm(forms.Form):
    """What a drive says of itself: its figures, its promises, its lines."""

    title = forms.CharField(label=_("Title"), max_length=120)
    slug = forms.SlugField(
        label=_("Address"), max_length=60, help_text=_("The last part of the page’s address: letters, digits, hyphens.")
    )
    lede = forms.CharField(label=_("In a sentence"), required=False, max_length=400)
    currency = forms.CharField(label=_("Currency"), max_length=3, help_text=_("A code of ISO 4217 such as EUR or USD."))
    goal = forms.CharField(label=_("Goal"), max_length=40, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    period = forms.ChoiceField(label=_("Period"), choices=Period.choices)
    carry_over = forms.ChoiceField(
        label=_("A month’s surplus"), choices=CarryOver.choices, help_text=_("For monthly drives.")
    )
    counted = forms.ChoiceField(label=_("What the meter counts"), choices=Counted.choices)
    starts_at = forms.DateTimeField(label=_("Begins (UTC)"), widget=TIME)
    ends_at = forms.DateTimeField(
        label=_("Ends (UTC)"), widget=TIME, required=False, help_text=_("Only a monthly drive may have no end.")
    )
    purpose = forms.CharField(
        label=_("What it pays"), widget=forms.Textarea(attrs={"rows": 4}), help_text=_("Markdown works.")
    )
    lines = forms.CharField(
        label=_("Lines of the budget"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("One a line, funded from the top: name; detail; cost. For example: Storage; three nodes; 12400"),
    )
    shortfall = forms.CharField(label=_("If we fall short"), max_length=1_000)
    surplus = forms.CharField(label=_("If we pass the goal"), max_length=1_000)
    settlement = forms.CharField(
        label=_("If it is settled otherwise"),
        required=False,
        max_length=1_000,
        help_text=_("For example when a case ends before the money is spent. Empty: not said."),
    )
    refund_days = forms.IntegerField(label=_("Days for a change of mind"), min_value=14, max_value=365)
    holder = forms.CharField(label=_("Who holds the money"), max_length=300)

    FIXED: tuple[str, ...] = ()
    """Fields that an open drive keeps."""

    def __init__(self, data: Any = None, *, drive: Drive | None = None) -> None:
        initial = _initial(drive) if drive else {"refund_days": 30, "counted": Counted.GROSS, "period": Period.ONCE}
        super().__init__(data, initial=initial)
        for name in self.FIXED:
            self.fields[name].disabled = True

    def clean(self) -> dict[str, Any]:
        """Read the amounts and the lines, and see that there is an end."""
        said = super().clean() or {}
        said["currency"] = said.get("currency", "").upper()
        try:
            currency_exponent(said["currency"])
        except LargesseError as error:
            self.add_error("currency", told(error))
            return said
        said["goal_minor"] = self._minor("goal", said.get("goal", ""), said["currency"])
        said["line_drafts"] = self._lines(said.get("lines", ""), said["currency"])
        ends, starts = said.get("ends_at"), said.get("starts_at")
        if ends is None and said.get("period") != Period.MONTHLY and "ends_at" not in self.errors:
            self.add_error("ends_at", gettext("Say when it ends; only a monthly drive may have no end."))
        if isinstance(ends, datetime) and isinstance(starts, datetime) and ends <= starts:
            self.add_error("ends_at", gettext("The end is before the beginning."))
        return said

    def draft(self) -> DriveDraft:
        """Return what was said; the form is valid."""
        said = self.cleaned_data
        names = [name for name in DriveDraft.__dataclass_fields__ if name not in {"lines", "goal_minor"}]
        return DriveDraft(
            **{name: said[name] for name in names}, goal_minor=said["goal_minor"], lines=tuple(said["line_drafts"])
        )

    def _minor(self, name: str, text: str, currency: str) -> int:
        try:
            amount = Money.parse(text, currency=currency).amount_minor
        except LargesseError as error:
            self.add_error(name, told(error))
            return 0
        if amount <= 0:
            self.add_error(name, gettext("Write an amount above zero."))
        return amount

    def _lines(self, text: str, currency: str) -> list[LineDraft]:
        drafts: list[LineDraft] = []
        for row in filter(None, (row.strip() for row in text.splitlines())):
            parts = [part.strip() for part in row.split(";")]
            if len(parts) not in {2, 3} or not parts[0]:
                self.add_error("lines", gettext("“%(row)s” is not name; detail; cost.") % {"row": row[:60]})
                return drafts
            if parts[0] in {draft.name for draft in drafts}:
                self.add_error("lines", gettext("“%(name)s” stands there twice.") % {"name": parts[0][:60]})
                return drafts
            cost = self._minor("lines", parts[-1], currency)
            drafts.append(LineDraft(parts[0][:120], parts[1][:300] if len(parts) == 3 else "", cost))
        return drafts


class TermsForm(DriveForm):
    """New terms for an open drive."""

    why = forms.CharField(
        label=_("Why the terms change"),
        max_length=500,
        help_text=_("It stands in the new contract, and every donor gets it by mail."),
    )
    window_days = forms.IntegerField(
        label=_("Days in which earlier gifts may go back"), min_value=14, max_value=365, initial=30
    )
    FIXED = ("slug", "currency", "period", "starts_at")


class CashForm(AmountForm):
    """A gift that the treasurer counted."""

    amount = forms.CharField(label=_("Amount"), max_length=40)
    received_at = forms.DateTimeField(label=_("Received (UTC)"), widget=TIME)
    name = forms.CharField(
        label=_("Name on the wall"), required=False, max_length=80, help_text=_("Only when the donor asks for it.")
    )
    email = forms.EmailField(label=_("Email for the receipt"), required=False)
    nonce = forms.CharField(widget=forms.HiddenInput, max_length=64)


class ExpenseForm(AmountForm):
    """What was or will be paid."""

    description = forms.CharField(
        label=_("What for"), max_length=200, help_text=_("Public, unless the detail is privileged.")
    )
    amount = forms.CharField(label=_("Amount"), max_length=40)
    incurred_at = forms.DateTimeField(label=_("When (UTC)"), widget=TIME)
    line = forms.ModelChoiceField(
        label=_("Line of the budget"), queryset=BudgetLine.objects.none(), required=False, empty_label=_("None")
    )
    is_privileged = forms.BooleanField(
        label=_("Publish the amount only"),
        required=False,
        help_text=_("For what a lawyer or a court keeps secret. No receipt is published either."),
    )
    receipt = forms.FileField(
        label=_("Redacted receipt"),
        required=False,
        help_text=_("PDF, PNG or JPEG, 5 MB at most. It becomes public: black out names and accounts first."),
    )

    def __init__(self, *args: Any, drive: Drive, **kwargs: Any) -> None:
        super().__init__(*args, currency=drive.currency, **kwargs)
        self.fields["line"].queryset = drive.lines.all()  # type: ignore[attr-defined]


class ApproveForm(forms.Form):
    """A yes to an expense."""

    paid_from = forms.ChoiceField(label=_("Paid from"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["paid_from"].choices = [(name, LABELS[name]) for name in providers()]  # type: ignore[attr-defined]


class UpdateForm(forms.Form):
    """News of a drive."""

    title = forms.CharField(label=_("Title"), max_length=160)
    text = forms.CharField(
        label=_("Text"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 8}), help_text=_("Markdown works.")
    )


class MatchingForm(AmountForm):
    """Somebody's promise to match."""

    amounts = ("cap",)
    name = forms.CharField(label=_("Who promises"), max_length=120, help_text=_("Public."))
    cap = forms.CharField(label=_("At most"), max_length=40)
    starts_at = forms.DateTimeField(label=_("Begins (UTC)"), widget=TIME)
    ends_at = forms.DateTimeField(label=_("Ends (UTC)"), widget=TIME)

    def clean(self) -> dict[str, Any]:
        """See that it ends after it begins."""
        said = super().clean()
        if said.get("starts_at") and said.get("ends_at") and said["ends_at"] <= said["starts_at"]:
            self.add_error("ends_at", gettext("The end is before the beginning."))
        return said


class StretchForm(AmountForm):
    """A goal beyond the goal."""

    name = forms.CharField(label=_("What for"), max_length=200)
    amount = forms.CharField(label=_("At"), max_length=40)


class SentForm(forms.Form):
    """A refund that was sent by hand."""

    paid_from = forms.ChoiceField(label=_("Sent from"))
    reference = forms.CharField(
        label=_("What the bank calls it"), required=False, max_length=120, help_text=_("Never public.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["paid_from"].choices = [(name, LABELS[name]) for name in providers()]  # type: ignore[attr-defined]


class StatementForm(forms.Form):
    """A bank statement to read."""

    statement = forms.FileField(
        label=_("Statement"),
        help_text=_("CAMT.053, MT940, OFX or CSV. It is read and shown first; nothing is booked yet."),
    )
    currency = forms.CharField(
        label=_("Currency of the account"), max_length=3, help_text=_("For CSV files that do not say it.")
    )


def _initial(drive: Drive) -> dict[str, Any]:
    draft = draft_of(drive)
    currency = draft.currency
    rows = [f"{line.name}; {line.detail}; {Money(line.cost_minor, currency).decimal():f}" for line in draft.lines]
    return {
        **draft.fields(),
        "goal": f"{Money(draft.goal_minor, currency).decimal():f}",
        "lines": "\n".join(rows),
    }
