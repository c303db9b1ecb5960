"""The treasurer's desk, review: each line of a statement that no reference decides is decided by a person."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from largesse.accounts.models import User
from largesse.drives.actions.decide_line import (
    set_aside,
    take_as_gift,
    take_as_new_gift,
    take_as_refund,
    take_as_return,
)
from largesse.drives.actions.import_statement import line_facts
from largesse.drives.desk_forms import told
from largesse.drives.desk_queries import waiting_lines, waiting_refunds
from largesse.drives.models import BankLine, Donation, Drive, DriveState, Refund, Settlement
from largesse.drives.providers.bank import ids_in
from largesse.drives.views.desk import bookkeeper, desk_context, sent
from largesse.kit.errors import LargesseError

CHOICES = [
    ("gift", _("The money of this gift")),
    ("new", _("A gift without a reference, anonymous, to this drive")),
    ("refund", _("The sending of this refund")),
    ("return", _("A gift that the bank took back")),
    ("aside", _("None of the fund’s")),
]


class LineForm(forms.Form):
    """What a line is."""

    what = forms.ChoiceField(label=_("This line is"), choices=CHOICES, widget=forms.RadioSelect)
    gift = forms.CharField(
        label=_("Gift"), required=False, max_length=60, help_text=_("Its id, or the reference of its transfer (RF…).")
    )
    drive = forms.ModelChoiceField(
        label=_("Drive"), queryset=Drive.objects.none(), required=False, empty_label=_("None")
    )
    refund = forms.ModelChoiceField(
        label=_("Refund"), queryset=Refund.objects.none(), required=False, empty_label=_("None")
    )
    entry = forms.CharField(label=_("Entry of the gift that was taken back"), required=False, max_length=20)
    note = forms.CharField(
        label=_("Note"), required=False, max_length=200, help_text=_("For a line that is set aside.")
    )

    def __init__(self, *args: object, line: BankLine, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.line = line
        self.fields["drive"].queryset = Drive.objects.filter(  # type: ignore[attr-defined]
            state=DriveState.OPEN, currency=line.currency
        )
        self.fields["refund"].queryset = waiting_refunds().filter(  # type: ignore[attr-defined]
            amount_minor=-line.amount_minor
        )


@require_safe
@bookkeeper
def lines(request: HttpRequest, person: User) -> HttpResponse:
    """List the lines that wait."""
    del person
    rows = [(line, line_facts(line)) for line in waiting_lines()[:200]]
    return render(request, "drives/desk/lines.html", desk_context(DESK="lines", rows=rows))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def line(request: HttpRequest, person: User, key: str) -> HttpResponse:
    """Show a line, and decide what it is."""
    found = get_object_or_404(BankLine.objects.select_related("statement", "settlement__entry"), key=key)
    facts = line_facts(found)
    form = LineForm(
        sent(request),
        line=found,
        initial={"gift": next(iter(ids_in(facts.get("remittance", ""))), ""), "what": _guess(found)},
    )
    if form.is_valid():
        try:
            _decide(form, found, person)
        except LargesseError as error:
            form.add_error(None, told(error))
        except (Donation.DoesNotExist, Drive.DoesNotExist, Refund.DoesNotExist, Settlement.DoesNotExist):
            form.add_error(None, gettext("There is no such gift, refund, drive or entry. Check what you wrote."))
        else:
            messages.success(request, gettext("Decided."))
            return redirect("drives:desk_lines")
    context = desk_context(DESK="lines", line=found, facts=facts, form=form)
    return render(request, "drives/desk/line.html", context, status=422 if form.errors else 200)


def _guess(line: BankLine) -> str:
    if line.waits_for == "return":
        return "return"
    if line.amount_minor < 0:
        return "refund"
    return "new" if line.waits_for == "no_reference" else "gift"


def _decide(form: LineForm, line: BankLine, person: User) -> None:
    said = form.cleaned_data
    what = said["what"]
    if what == "gift":
        typed = said["gift"].strip()
        public_id = next(iter(ids_in(typed)), typed.lower())
        take_as_gift(line, Donation.objects.select_related("drive").get(public_id=public_id), treasurer=person)
    elif what == "new":
        take_as_new_gift(line, said["drive"] or Drive.objects.none().get(), treasurer=person)
    elif what == "refund":
        take_as_refund(line, said["refund"] or Refund.objects.none().get(), treasurer=person)
    elif what == "return":
        settlement = Settlement.objects.select_related("donation__drive").get(
            entry__public_id=said["entry"].strip().lower()
        )
        take_as_return(line, settlement, treasurer=person)
    else:
        set_aside(line, treasurer=person, note=said["note"])
