"""Public pages of the fund: the drives, one drive, its contract, and the book to take away."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from largesse.drives.contract import contract_in_force
from largesse.drives.figures import figures_of
from largesse.drives.models import Drive, DriveState
from largesse.drives.queries import newest_entries
from largesse.drives.strip import cookie_of
from largesse.ledger.exports import FORMATS, MEDIA_TYPES

YEAR_SECONDS = 365 * 86_400
ENDINGS = {"beancount": "beancount", "hledger": "journal", "csv": "csv", "json": "json"}
"""How the file of each format ends."""


@require_safe
def drives(request: HttpRequest) -> HttpResponse:
    """List the drives that were opened."""
    shown = [{"drive": drive, "figures": figures_of(drive)} for drive in Drive.objects.exclude(state=DriveState.DRAFT)]
    return render(request, "drives/drives.html", {"PLACE": "fund", "drives": shown, "formats": list(FORMATS)})


@require_safe
def drive(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a drive with its figures, contract, book and updates."""
    found = _drive(slug)
    context = {
        "PLACE": "fund",
        "drive": found,
        "figures": figures_of(found),
        "contract": contract_in_force(found),
        "entries": newest_entries(found),
        "updates": found.updates.all()[:10],
    }
    return render(request, "drives/drive.html", context)


@require_safe
def contract(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """Show one version of the contract, byte for byte."""
    found = _drive(slug)
    frozen = get_object_or_404(found.contracts, version=version)
    return render(request, "drives/contract.html", {"PLACE": "fund", "drive": found, "contract": frozen})


@require_safe
def export(request: HttpRequest, form: str, slug: str | None = None) -> StreamingHttpResponse:
    """Hand out the book, or the entries that touch one drive."""
    del request
    if form not in FORMATS:
        raise Http404
    fund = None if slug is None else _drive(slug).public_id
    response = StreamingHttpResponse(FORMATS[form](fund=fund), content_type=MEDIA_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{slug or "ledger"}.{ENDINGS[form]}"'
    return response


@require_POST
def dismiss(request: HttpRequest, slug: str) -> HttpResponse:
    """Hide the strip for this drive, for a year, by a cookie."""
    found = _drive(slug)
    wanted = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    response = HttpResponseRedirect(wanted if is_ours else "/")
    response.set_cookie(cookie_of(found), "hidden", max_age=YEAR_SECONDS, httponly=True, samesite="Lax")
    return response


def _drive(slug: str) -> Drive:
    return get_object_or_404(Drive.objects.exclude(state=DriveState.DRAFT), slug=slug)
