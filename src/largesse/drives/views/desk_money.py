"""The treasurer's desk, money: cash, statements, lines that wait, expenses, refunds, alarms."""

import base64
import binascii
import hashlib

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from largesse.accounts.models import User
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.actions.import_statement import Preview, import_statement, preview_statement
from largesse.drives.actions.record_cash import record_cash
from largesse.drives.actions.send_refund import record_refund
from largesse.drives.alarms import settle_alarm
from largesse.drives.desk_forms import ApproveForm, CashForm, ExpenseForm, SentForm, StatementForm, told
from largesse.drives.desk_queries import shown_refunds, waiting_expenses
from largesse.drives.donors import Identity, keep_identity
from largesse.drives.models import Alarm, Donation, Drive, DriveState, Expense, Refund
from largesse.drives.views.desk import bookkeeper, desk_context, done, form_page, sent
from largesse.kit.clock import utc_now
from largesse.kit.errors import LargesseError
from largesse.kit.ids import new_public_id

MOST_STATEMENT_BYTES = 4_000_000


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def cash(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Record a gift in cash or by cheque."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    form = CashForm(
        sent(request),
        currency=drive.currency,
        initial={"nonce": new_public_id(length=24), "received_at": utc_now()},
    )
    if form.is_valid():
        said = form.cleaned_data
        try:
            settlement = record_cash(
                drive,
                treasurer=person,
                amount_minor=said["amount_minor"],
                form_key=hashlib.sha256(f"cash/{said['nonce']}/{said['amount_minor']}".encode()).hexdigest(),
                occurred_at=said["received_at"],
            )
        except LargesseError as error:
            form.add_error(None, told(error))
        else:
            name = said["name"].strip()
            keep_identity(settlement.donation, Identity(name=name, email=said["email"]))
            Donation.objects.filter(pk=settlement.donation_id).update(shows_name=bool(name))
            return done(request, drive, gettext("Booked as entry %(entry)s.") % {"entry": settlement.entry.public_id})
    return form_page(request, form, drive, title=gettext("A gift in cash or by cheque"), button=gettext("Book it"))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def expense_new(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Propose an expense."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    form = ExpenseForm(
        sent(request),
        request.FILES or None,
        drive=drive,
        initial={"incurred_at": utc_now()},
    )
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = propose_expense(
                drive,
                treasurer=person,
                description=said["description"],
                amount_minor=said["amount_minor"],
                incurred_at=said["incurred_at"],
                is_privileged=said["is_privileged"],
                line=said["line"],
                receipt=said["receipt"].read() if said["receipt"] else b"",
            )
        except LargesseError as error:
            form.add_error("receipt" if error.code == "not_a_receipt" else None, told(error))
        else:
            messages.success(request, gettext("Proposed. Two people approve it, you may be one of them."))
            return redirect("drives:desk_expense", made.public_id)
    title = gettext("Propose an expense")
    return form_page(request, form, drive, title=title, button=gettext("Propose the expense"))


@require_safe
@bookkeeper
def expenses(request: HttpRequest, person: User) -> HttpResponse:
    """List the expenses that wait for approval."""
    del person
    return render(request, "drives/desk/expenses.html", desk_context(DESK="expenses", expenses=waiting_expenses()))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def expense(request: HttpRequest, person: User, public_id: str) -> HttpResponse:
    """Show an expense, and approve it."""
    found = get_object_or_404(Expense.objects.select_related("drive", "line", "entry"), public_id=public_id)
    form = ApproveForm(sent(request))
    if form.is_valid():
        try:
            booked = approve_expense(found, person=person, paid_from=form.cleaned_data["paid_from"])
        except LargesseError as error:
            form.add_error(None, told(error))
        else:
            said = gettext("Approved and booked.") if booked.entry_id else gettext("Approved. A second person has to.")
            messages.success(request, said)
            return redirect("drives:desk_expense", found.public_id)
    approvals = found.approvals.select_related("person").order_by("approved_at")
    context = desk_context(
        DESK="expenses",
        expense=found,
        drive=found.drive,
        approvals=approvals,
        may_approve=found.entry_id is None and all(one.person_id != person.pk for one in approvals),
        form=form,
    )
    return render(request, "drives/desk/expense.html", context, status=422 if form.errors else 200)


@require_safe
@bookkeeper
def refunds(request: HttpRequest, person: User) -> HttpResponse:
    """List the refunds that were claimed and have no outcome yet."""
    del person
    return render(request, "drives/desk/refunds.html", desk_context(DESK="refunds", refunds=shown_refunds()))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def refund_sent(request: HttpRequest, person: User, public_id: str) -> HttpResponse:
    """Say that a refund was sent by hand."""
    found = get_object_or_404(Refund.objects.select_related("settlement__donation__drive"), public_id=public_id)
    form = SentForm(sent(request), initial={"paid_from": found.settlement.provider})
    if form.is_valid():
        said = form.cleaned_data
        record_refund(found, treasurer=person, paid_from=said["paid_from"], reference=said["reference"].strip())
        messages.success(request, gettext("Booked: the refund was sent."))
        return redirect("drives:desk_refunds")
    drive = found.settlement.donation.drive
    context = desk_context(DESK="refunds", refund=found, drive=drive, form=form)
    return render(request, "drives/desk/refund.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def statement(request: HttpRequest, person: User) -> HttpResponse:
    """Read a bank statement and show what it would do; nothing is booked yet."""
    form = StatementForm(
        sent(request),
        request.FILES or None,
        initial={"currency": getattr(Drive.objects.filter(state=DriveState.OPEN).first(), "currency", "EUR")},
    )
    preview: Preview | None = None
    content = b""
    if form.is_valid():
        upload = form.cleaned_data["statement"]
        content = upload.read(MOST_STATEMENT_BYTES + 1)
        try:
            preview = _previewed(content, person=person, currency=form.cleaned_data["currency"])
        except LargesseError as error:
            form.add_error("statement", told(error))
    context = desk_context(
        DESK="statement",
        form=form,
        preview=preview,
        content=base64.b64encode(content).decode() if preview else "",
    )
    return render(request, "drives/desk/statement.html", context, status=422 if form.errors else 200)


@require_POST
@bookkeeper
def statement_import(request: HttpRequest, person: User) -> HttpResponse:
    """Import the statement that was shown: the preview's page carries the very bytes."""
    try:
        content = base64.b64decode(request.POST.get("content", ""), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        return redirect("drives:desk_statement")
    made = import_statement(content, treasurer=person, currency=request.POST.get("currency", "").upper())
    waiting = made.lines.filter(state="waiting").count()
    messages.success(
        request,
        gettext("Imported: %(booked)s lines are booked, %(waiting)s wait for you.")
        % {"booked": made.lines.exclude(state="waiting").count(), "waiting": waiting},
    )
    return redirect("drives:desk_lines" if waiting else "drives:desk")


@require_POST
@bookkeeper
def alarm_settled(request: HttpRequest, person: User, public_id: str) -> HttpResponse:
    """Say that a person saw to an alarm."""
    settle_alarm(get_object_or_404(Alarm, public_id=public_id), treasurer=person)
    messages.success(request, gettext("Seen to. It comes back if it is still so at the next sweep."))
    return redirect("drives:desk")


def _previewed(content: bytes, *, person: User, currency: str) -> Preview:
    return preview_statement(content[:MOST_STATEMENT_BYTES], treasurer=person, currency=currency.upper())
