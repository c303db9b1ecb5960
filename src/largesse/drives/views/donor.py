"""
A donor's own pages, opened by the private link of a gift: what became of it, its receipts, and what may be changed.

Nobody is signed in here, and nothing joins a gift to an account: whoever holds the link is the donor. The pages are kept by no
cache, tell no other site where the visitor came from, and are in no index.
"""

import functools
import hmac
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from largesse.drives.actions.change_mind import change_mind, returnable
from largesse.drives.actions.stop_monthly import stop_monthly
from largesse.drives.documents import (
    receipt_context,
    receipt_pdf,
    statement_context,
    statement_pdf,
    years_of,
)
from largesse.drives.donors import (
    change_identity,
    donation_of_link,
    forget,
    identity_of,
    private_path,
    statement_token,
)
from largesse.drives.forms import NameForm, RefundForm
from largesse.drives.models import Donation, Refund
from largesse.drives.providers.base import PaymentStart
from largesse.drives.providers.registry import LABELS, provider
from largesse.drives.views.giving import leaving, start_of
from largesse.jobs.registry import enqueue
from largesse.kit.clock import utc_now
from largesse.kit.errors import LargesseError

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """Answer so that nothing of the page is kept or told elsewhere."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return answer


@private
@require_safe
def gift(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Show what became of a gift, or how to pay it."""
    donation = donation_of_link(public_id, token)
    settlements = list(donation.settlements.select_related("entry").order_by("id"))
    identity = identity_of(donation)
    context = {
        "PLACE": "fund",
        "donation": donation,
        "drive": donation.drive,
        "contract": donation.contract,
        "identity": identity,
        "settlements": settlements,
        "refunds": Refund.objects.filter(settlement__donation=donation).select_related("outcome", "entry"),
        "returnable": returnable(donation),
        "years": years_of(donation) if identity and identity.email else [],
        "way": LABELS.get(donation.provider, donation.provider),
        "link": private_path(donation),
        "may_stop": donation.is_monthly and donation.stopped_at is None and _is_online(donation),
    }
    if not settlements:
        context |= _payment(donation)
        if _is_online(donation) and donation.reference:  # The webhook may be late, or lost.
            enqueue("drives.look_again", unique=f"look:{donation.public_id}", donation=donation.public_id)
    return render(request, "drives/gift.html", context)


@private
@require_POST
def pay(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Go on to the provider with a gift that was not paid yet."""
    donation = donation_of_link(public_id, token)
    if donation.settlements.exists():
        return redirect(private_path(donation))
    start = start_of(donation)
    return leaving(request, donation, start.redirect_url) if start.redirect_url else redirect(private_path(donation))


@private
@require_safe
def receipt(request: HttpRequest, public_id: str, token: str, settlement: str, form: str) -> HttpResponse:
    """Show the receipt of money that arrived, as a page or as a PDF."""
    donation = donation_of_link(public_id, token)
    found = get_object_or_404(
        donation.settlements.select_related("donation__drive", "donation__contract", "entry"), public_id=settlement
    )
    if form == "pdf":
        return _pdf(receipt_pdf(found, language=_language()), name=f"receipt-{found.public_id}")
    context = receipt_context(found) | {"PLACE": "fund", "link": private_path(donation)}
    return render(request, "drives/receipt.html", context)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Change what stands on the wall, and the address for receipts."""
    donation = donation_of_link(public_id, token)
    identity = identity_of(donation)
    initial = {
        "name": identity.name if identity else "",
        "message": identity.message if identity else "",
        "email": identity.email if identity else "",
        "shows_amount": donation.shows_amount,
    }
    form = NameForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        change_identity(
            donation,
            name=said["name"].strip(),
            message=said["message"].strip(),
            email=said["email"],
            language=_language(),
        )
        Donation.objects.filter(pk=donation.pk).update(
            shows_name=bool(said["name"].strip()), shows_amount=said["shows_amount"]
        )
        messages.success(request, gettext("Changed. The wall shows it from now on."))
        return redirect(private_path(donation))
    context = {"PLACE": "fund", "donation": donation, "form": form, "link": private_path(donation)}
    return render(request, "drives/gift_change.html", context, status=422 if form.errors else 200)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def refund(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Have a gift back, as the contract says."""
    donation = donation_of_link(public_id, token)
    identity = identity_of(donation)
    initial = {"refund_to": identity.refund_to if identity else ""}
    form = RefundForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        if form.cleaned_data["refund_to"]:
            change_identity(donation, refund_to=form.cleaned_data["refund_to"], language=_language())
        try:
            change_mind(donation)
        except LargesseError as error:
            form.add_error(None, gettext(error.template).format_map(error.fields))
        else:
            messages.success(request, gettext("Asked. The money goes back the way it came, and stands in the ledger."))
            return redirect(private_path(donation))
    rows = returnable(donation)
    context = {
        "PLACE": "fund",
        "donation": donation,
        "drive": donation.drive,
        "rows": rows,
        "total": sum(row.amount_minor for row in rows),
        "until": min((row.until for row in rows), default=None),
        "is_by_hand": not _is_online(donation),
        "form": form,
        "link": private_path(donation),
    }
    return render(request, "drives/gift_refund.html", context, status=422 if form.errors else 200)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Stop a monthly gift."""
    donation = donation_of_link(public_id, token)
    if request.method == "POST":
        stop_monthly(donation)
        messages.success(request, gettext("Stopped. Nothing more is taken; what you gave stays given."))
        return redirect(private_path(donation))
    context = {"PLACE": "fund", "donation": donation, "drive": donation.drive, "link": private_path(donation)}
    return render(request, "drives/gift_stop.html", context)


@private
@require_http_methods(["GET", "HEAD", "POST"])
def forget_me(request: HttpRequest, public_id: str, token: str) -> HttpResponse:
    """Delete who gave; the gift stays in the book as it is."""
    donation = donation_of_link(public_id, token)
    if request.method == "POST":
        forget(donation)
        messages.success(request, gettext("Forgotten. Nothing here says who made this gift any more."))
        return redirect(private_path(donation))
    return render(request, "drives/gift_forget.html", {"donation": donation, "link": private_path(donation)})


@private
@require_POST
def mail_statement(request: HttpRequest, public_id: str, token: str, year: int) -> HttpResponse:
    """Send the yearly statement by mail: to the address alone, since it tells of other gifts, too."""
    donation = donation_of_link(public_id, token)
    identity = identity_of(donation)
    if identity is None or not identity.email or year not in years_of(donation):
        raise Http404
    key = utc_now().date().isoformat()
    enqueue(
        "drives.send_statement",
        unique=f"statement:{donation.public_id}:{year}:{key}",
        donation=donation.public_id,
        year=year,
        key=key,
    )
    messages.success(request, gettext("The statement is on its way to your address."))
    return redirect(private_path(donation))


@private
@require_safe
def statement(request: HttpRequest, index: str, year: int, token: str, form: str = "html") -> HttpResponse:
    """Show a yearly statement; its link left by mail alone."""
    if not hmac.compare_digest(statement_token(index, year).encode(), token.encode()):
        raise Http404
    if form == "pdf":
        return _pdf(statement_pdf(index, year, language=_language()), name=f"gifts-{year}")
    return render(request, "drives/statement.html", statement_context(index, year) | {"PLACE": "fund"})


def _payment(donation: Donation) -> dict[str, Any]:
    """Return how a gift that did not arrive yet is paid."""
    if not _is_online(donation) and donation.provider != "cash":
        start: PaymentStart = start_of(donation)
        svg = start.instructions.get("epc_svg", "")
        return {"bank": start.instructions, "qr": mark_safe(svg)}  # noqa: S308 - our own drawing of a QR code.
    return {"may_pay": donation.provider != "cash" and not donation.pending_minor}


def _is_online(donation: Donation) -> bool:
    try:
        return provider(donation.provider).is_online
    except LargesseError:
        return False


def _language() -> str:
    return (get_language() or "en")[:2]


def _pdf(content: bytes, *, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)
