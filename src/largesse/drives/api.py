"""The API of the fund: `/api/v1/drives`."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from largesse.accounts.api import api_view
from largesse.drives.contract import contract_in_force
from largesse.drives.figures import figures_of
from largesse.drives.models import Drive, DriveState
from largesse.kit.clock import Clock, utc_now


def all_drives(request: HttpRequest) -> HttpResponse:
    """`GET`: every drive that was opened, newest first."""
    del request
    return JsonResponse({"drives": [as_json(drive) for drive in Drive.objects.exclude(state=DriveState.DRAFT)]})


def one(request: HttpRequest, slug: str) -> HttpResponse:
    """`GET`: one drive with its figures, all in minor units of its currency."""
    del request
    return JsonResponse(as_json(get_object_or_404(Drive.objects.exclude(state=DriveState.DRAFT), slug=slug)))


drives = api_view(get=all_drives)
drive = api_view(get=one)


def as_json(drive: Drive, *, clock: Clock = utc_now) -> dict[str, Any]:
    """Return a drive as the API tells it."""
    figures = figures_of(drive, clock=clock)
    contract = contract_in_force(drive)
    return {
        "slug": drive.slug,
        "title": drive.title,
        "state": drive.state,
        "currency": figures.currency,
        "period": drive.period,
        "goal_minor": figures.goal_minor,
        "settled_minor": figures.settled_minor,
        "pending_minor": figures.pending_minor,
        "missing_minor": figures.missing_minor,
        "beyond_minor": figures.beyond_minor,
        "percent": figures.percent,
        "days_left": figures.days_left,
        "counted": figures.counted,
        "gross_minor": figures.gross_minor,
        "fees_minor": figures.fees_minor,
        "net_minor": figures.net_minor,
        "carried_minor": figures.carried_minor,
        "donors": figures.donors,
        "contract": contract.hash if contract else None,
    }
