"""The treasurer's desk: drives from draft to final account. Every page is a view over an action."""

import functools
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.account import account_of
from largesse.drives.actions.change_contract import change_contract
from largesse.drives.actions.draft_drive import draft_drive
from largesse.drives.actions.open_drive import open_drive
from largesse.drives.actions.pin_drive import pin_drive, unpin_drive
from largesse.drives.actions.tell import add_stretch_goal, promise_matching, publish_update
from largesse.drives.actions.wind_down import plan_of, wind_down
from largesse.drives.contract import hash_of, shown_terms, terms_json, terms_of
from largesse.drives.desk_forms import DriveForm, MatchingForm, StretchForm, TermsForm, UpdateForm, told
from largesse.drives.desk_queries import desk_drives, gate_days, recent_gifts, waiting_expenses, waiting_work
from largesse.drives.figures import figures_of
from largesse.drives.models import Alarm, BankStatement, Drive, DriveState, Refund, Settlement
from largesse.kit.errors import LargesseError

View = Callable[..., HttpResponse]


def bookkeeper(view: View) -> View:
    """Let in only those who keep the books, and hand the view their account."""

    @functools.wraps(view)
    @login_required
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        require(may_keep_books(request.user))
        return view(request, request.user, *args, **kwargs)

    return answer


def desk_context(**more: Any) -> dict[str, Any]:
    """Return what every page of the desk needs."""
    return {"PLACE": "treasury", "work": waiting_work(), **more}


def sent(request: HttpRequest) -> QueryDict | None:
    """Return what a form was sent with; None, which leaves it blank, when its page was only asked for."""
    return request.POST if request.method == "POST" else None


def form_page(request: HttpRequest, form: Any, drive: Drive, *, title: str, button: str) -> HttpResponse:
    """Show a form about one drive, with its fields one after another."""
    context = desk_context(form=form, drive=drive, title=title, button=button)
    return render(request, "drives/desk/form.html", context, status=422 if form.errors else 200)


def done(request: HttpRequest, drive: Drive, sentence: str) -> HttpResponse:
    """Go back to the drive's page of the desk, which says what was done."""
    messages.success(request, sentence)
    return redirect("drives:desk_drive", drive.slug)


@require_safe
@bookkeeper
def overview(request: HttpRequest, person: User) -> HttpResponse:
    """Show what waits, and every drive."""
    del person
    context = desk_context(
        DESK="overview",
        drives=desk_drives(),
        alarms=Alarm.objects.filter(settled_at=None),
        gates=gate_days(),
        statements=BankStatement.objects.select_related("imported_by")[:5],
    )
    return render(request, "drives/desk/overview.html", context)


@require_safe
@bookkeeper
def drive_desk(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Show one drive with all that can be done about it."""
    del person
    drive = get_object_or_404(Drive, slug=slug)
    context = desk_context(
        drive=drive,
        figures=figures_of(drive),
        account=account_of(drive),
        terms=shown_terms(terms_of(drive)),
        contracts=drive.contracts.order_by("-version"),
        expenses=waiting_expenses().filter(drive=drive),
        gifts=recent_gifts(drive),
        refunds=Refund.objects.filter(settlement__donation__drive=drive).select_related("outcome")[:20],
    )
    return render(request, "drives/desk/drive.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def draft(request: HttpRequest, person: User, slug: str | None = None) -> HttpResponse:
    """Make a draft, or change one."""
    drive = None if slug is None else get_object_or_404(Drive, slug=slug, state=DriveState.DRAFT)
    form = DriveForm(sent(request), drive=drive)
    if form.is_valid():
        try:
            saved = draft_drive(form.draft(), treasurer=person, drive=drive)
        except LargesseError as error:
            form.add_error("slug" if error.code == "slug_taken" else None, told(error))
        else:
            return done(request, saved, gettext("Saved. Nobody else sees the draft."))
    context = desk_context(form=form, drive=drive)
    return render(request, "drives/desk/draft.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def open_confirm(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Show the contract as it will be frozen, then open the drive."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.DRAFT)
    failure = ""
    if request.method == "POST":
        try:
            open_drive(drive, treasurer=person)
        except LargesseError as error:
            failure = told(error)
        else:
            return done(request, drive, gettext("Open. The contract is frozen, and gifts may come."))
    text = terms_json(drive, version=1)
    context = desk_context(drive=drive, terms=shown_terms(terms_of(drive)), hash=hash_of(text), failure=failure)
    return render(request, "drives/desk/open.html", context, status=422 if failure else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def terms(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Change the terms of an open drive."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    form = TermsForm(sent(request), drive=drive)
    if form.is_valid():
        said = form.cleaned_data
        try:
            change_contract(drive, form.draft(), treasurer=person, why=said["why"], window_days=said["window_days"])
        except LargesseError as error:
            form.add_error(None, told(error))
        else:
            return done(request, drive, gettext("Changed. Donors are told by mail and may have their gifts back."))
    context = desk_context(form=form, drive=drive)
    return render(request, "drives/desk/terms.html", context, status=422 if form.errors else 200)


@require_POST
@bookkeeper
def pin(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Show a drive in the strip, or take it off."""
    drive = get_object_or_404(Drive, slug=slug)
    if request.POST.get("pinned") == "yes":
        pin_drive(drive, treasurer=person)
        return done(request, drive, gettext("Pinned: the strip shows this drive."))
    unpin_drive(drive, treasurer=person)
    return done(request, drive, gettext("Taken off the strip."))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def update(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Write an update."""
    drive = get_object_or_404(Drive.objects.exclude(state=DriveState.DRAFT), slug=slug)
    form = UpdateForm(sent(request))
    if form.is_valid():
        publish_update(drive, author=person, **form.cleaned_data)
        return done(request, drive, gettext("Published on the drive’s page and in its feed."))
    return form_page(request, form, drive, title=gettext("Write an update"), button=gettext("Publish the update"))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def matching(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Publish somebody's promise to match."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    form = MatchingForm(sent(request), currency=drive.currency)
    if form.is_valid():
        promise_matching(drive, treasurer=person, **form.cleaned_data)
        return done(request, drive, gettext("Published. It is told apart from money until the money has arrived."))
    return form_page(request, form, drive, title=gettext("A matching pledge"), button=gettext("Publish the pledge"))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def stretch(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Publish a goal beyond the goal."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    form = StretchForm(sent(request), currency=drive.currency)
    if form.is_valid():
        add_stretch_goal(drive, treasurer=person, **form.cleaned_data)
        return done(request, drive, gettext("Published on the drive’s page."))
    return form_page(request, form, drive, title=gettext("A goal beyond the goal"), button=gettext("Publish the goal"))


@require_http_methods(["GET", "HEAD", "POST"])
@bookkeeper
def close(request: HttpRequest, person: User, slug: str) -> HttpResponse:
    """Show each share that goes back, then close the drive by wind-down."""
    drive = get_object_or_404(Drive, slug=slug, state=DriveState.OPEN)
    if request.method == "POST":
        refunds = wind_down(drive, treasurer=person)
        messages.success(
            request,
            gettext("Closing: %(number)s shares are on their way back. The final account shows them.")
            % {"number": len(refunds)},
        )
        return redirect("drives:desk_refunds")
    plan = plan_of(drive)
    settlements = Settlement.objects.filter(donation__drive=drive).select_related("donation", "entry").order_by("id")
    context = desk_context(
        drive=drive,
        account=account_of(drive),
        plan=plan,
        shares=[(settlement, plan.shares[settlement.public_id]) for settlement in settlements],
        open_expenses=waiting_expenses().filter(drive=drive),
    )
    return render(request, "drives/desk/close.html", context)
