"""Public pages of the fund: the drives, one drive, its contract, its wall, and the book to take away."""

from datetime import timedelta
from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from largesse.drives.account import account_of
from largesse.drives.contract import changed_terms, contract_in_force, frozen_terms, shown_terms
from largesse.drives.figures import figures_of
from largesse.drives.forms import GiveForm
from largesse.drives.models import Drive, DriveState, Expense
from largesse.drives.queries import (
    ENTRIES_IN_A_LIST,
    funded_lines,
    matching_pledges,
    newest_entries,
    public_drives,
    stretch_goals,
    wall_counts,
    wall_of,
)
from largesse.drives.strip import cookie_of
from largesse.kit.clock import utc_now
from largesse.ledger.exports import FORMATS, MEDIA_TYPES
from largesse.ledger.queries import entry_rows

YEAR_SECONDS = 365 * 86_400
ENDINGS = {"beancount": "beancount", "hledger": "journal", "csv": "csv", "json": "json"}
"""How the file of each format ends."""
FORMS = [("csv", "CSV"), ("json", "JSON"), ("hledger", "hledger"), ("beancount", "beancount")]
NEW_FOR = timedelta(days=60)
"""How long the page says that the terms were changed."""


@require_safe
def drives(request: HttpRequest) -> HttpResponse:
    """List the drives that were opened."""
    shown = [{"drive": drive, "figures": figures_of(drive)} for drive in public_drives()]
    return render(request, "drives/drives.html", {"PLACE": "fund", "drives": shown, "forms": FORMS})


@require_safe
def drive(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a drive with its figures, contract, lines, book, updates and wall, and the form to give."""
    found = public_drive(slug)
    figures = figures_of(found)
    context = drive_context(found) | {
        "form": None,
        "account": account_of(found) if found.state in {DriveState.CLOSING, DriveState.CLOSED} else None,
        "lines": funded_lines(found, figures),
        "stretch": stretch_goals(found, figures),
        "matching": matching_pledges(found, now=utc_now()),
        "expenses": found.expenses.filter(entry__isnull=False).select_related("line", "entry"),
        "entries": newest_entries(found),
        "updates": found.updates.all()[:10],
        "wall": wall_of(found),
        "wall_counts": wall_counts(found),
        "forms": FORMS,
    }
    contract = context["contract"]
    if figures.is_open and contract is not None:
        context["form"] = GiveForm(drive=found, contract_hash=contract.hash)
    until = contract.refund_until if contract is not None else None
    context["is_new_contract"] = until is not None and utc_now() < max(until, contract.frozen_at + NEW_FOR)
    return render(request, "drives/drive.html", context)


@require_safe
def contract(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """Show one version of the contract, byte for byte, and what it changed."""
    found = public_drive(slug)
    frozen = get_object_or_404(found.contracts, version=version)
    earlier = found.contracts.filter(version=version - 1).first()
    context = {
        "PLACE": "fund",
        "drive": found,
        "contract": frozen,
        "terms": shown_terms(frozen_terms(frozen)),
        "changed": changed_terms(frozen_terms(earlier), frozen_terms(frozen)) if earlier else [],
        "versions": found.contracts.order_by("version"),
    }
    return render(request, "drives/contract.html", context)


@require_safe
def account(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what came in, what was spent, what went back and what is left: the final account once a drive is closed."""
    found = public_drive(slug)
    context = drive_context(found) | {
        "account": account_of(found),
        "expenses": found.expenses.filter(entry__isnull=False).select_related("line", "entry"),
        "forms": FORMS,
    }
    return render(request, "drives/account.html", context)


@require_safe
def ledger(request: HttpRequest, slug: str) -> HttpResponse:
    """List a drive's entries, a hundred to a page."""
    found = public_drive(slug)
    given = request.GET.get("before", "")
    before = int(given) if given.isascii() and given.isdecimal() and len(given) < 18 else None
    rows = newest_entries(found, most=ENTRIES_IN_A_LIST, before=before)
    context = {
        "PLACE": "fund",
        "drive": found,
        "entries": rows,
        "older": rows[-1].entry.pk if len(rows) == ENTRIES_IN_A_LIST else None,
        "before": before,
        "forms": FORMS,
    }
    return render(request, "drives/ledger.html", context)


@require_safe
def entry(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show one entry of the book with its postings: where a receipt leads to."""
    found = get_object_or_404(entry_rows(), public_id=public_id)
    funds = {posting.account.fund for posting in found.postings.all()} - {""}
    context = {
        "PLACE": "fund",
        "entry": found,
        "drives": public_drives().filter(public_id__in=funds),
        "forms": FORMS,
    }
    return render(request, "drives/entry.html", context)


@require_safe
def find_entry(request: HttpRequest) -> HttpResponse:
    """Go to the entry whose id was typed in."""
    wanted = request.GET.get("entry", "").strip().lower()
    found = get_object_or_404(entry_rows(), public_id=wanted)
    return HttpResponseRedirect(f"/ledger/entry/{found.public_id}/")


@require_safe
def wall(request: HttpRequest, slug: str) -> HttpResponse:
    """Show everybody who gave."""
    found = public_drive(slug)
    context = {"PLACE": "fund", "drive": found, "wall": wall_of(found, most=None), "wall_counts": wall_counts(found)}
    return render(request, "drives/wall.html", context)


@require_safe
def receipt_file(request: HttpRequest, public_id: str) -> HttpResponse | FileResponse:
    """Hand out the redacted receipt of an expense that is booked; privileged detail has none."""
    del request
    found = get_object_or_404(
        Expense.objects.exclude(receipt=""), public_id=public_id, entry__isnull=False, is_privileged=False
    )
    if not default_storage.exists(found.receipt):
        raise Http404
    response = FileResponse(default_storage.open(found.receipt), content_type=found.receipt_type)
    ending = found.receipt.rpartition(".")[2]
    response.headers["Content-Disposition"] = f'inline; filename="receipt-{found.public_id}.{ending}"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_safe
def export(request: HttpRequest, form: str, slug: str | None = None) -> StreamingHttpResponse:
    """Hand out the book, or the entries that touch one drive."""
    del request
    if form not in FORMATS:
        raise Http404
    fund = None if slug is None else public_drive(slug).public_id
    response = StreamingHttpResponse(FORMATS[form](fund=fund), content_type=MEDIA_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{slug or "ledger"}.{ENDINGS[form]}"'
    return response


@require_POST
def dismiss(request: HttpRequest, slug: str) -> HttpResponse:
    """Hide the strip for this drive, for a year, by a cookie."""
    found = public_drive(slug)
    wanted = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    response = HttpResponseRedirect(wanted if is_ours else "/")
    hide_strip(response, found)
    return response


def hide_strip(response: HttpResponse, drive: Drive) -> None:
    """Keep in a cookie that this visitor has seen the drive's strip, or gave."""
    response.set_cookie(cookie_of(drive), "hidden", max_age=YEAR_SECONDS, httponly=True, samesite="Lax")


def public_drive(slug: str) -> Drive:
    """Return a drive that was opened, or answer that there is none."""
    return get_object_or_404(public_drives(), slug=slug)


def drive_context(drive: Drive) -> dict[str, Any]:
    """Return what every page that shows a drive's figures and terms needs."""
    contract = contract_in_force(drive)
    return {
        "PLACE": "fund",
        "drive": drive,
        "figures": figures_of(drive),
        "contract": contract,
        "terms": shown_terms(frozen_terms(contract)) if contract else None,
    }
