"""The strip: the pinned drive, on the home page or on every public page, until it is hidden, met or over."""

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

from largesse.accounts.permits import may_keep_books
from largesse.drives.figures import figures_of
from largesse.drives.models import Drive, DriveState

NEVER_UNDER = ("/account/", "/drives/", "/gifts/", "/ledger/", "/publish/", "/treasury/", "/desk/", "/notice")
"""Forms, the desk and the drive itself go without it wherever it is shown."""


def cookie_of(drive: Drive) -> str:
    """Return the name of the cookie that hides a drive's strip."""
    return f"strip-{drive.public_id}"


def strip(request: Any, subject: Any) -> str:
    """Return the strip as HTML, or nothing."""
    del subject
    is_wanted = request is not None and (
        request.path == "/" or (settings.CONFIG.fund.strip_everywhere and not request.path.startswith(NEVER_UNDER))
    )
    drive = Drive.objects.filter(is_pinned=True, state=DriveState.OPEN).first() if is_wanted else None
    if drive is None or cookie_of(drive) in request.COOKIES:
        return ""
    figures = figures_of(drive)
    if figures.is_met or not figures.is_open:
        return ""
    context = {"drive": drive, "figures": figures, "next": request.get_full_path()}
    return render_to_string("drives/strip.html", context, request=request)


def place(request: Any, subject: Any) -> str:
    """Return the fund's place in the masthead, and the desk's for those who keep the books."""
    del subject
    path = request.path if request is not None else ""
    places = [("/drives/", "drives:list", gettext("Fund"))]
    if may_keep_books(getattr(request, "user", None)):
        places.append(("/treasury/", "drives:desk", gettext("Treasury")))
    here = mark_safe(' aria-current="page"')
    return format_html_join(
        "",
        '<li><a href="{}"{}>{}</a></li>',
        [(reverse(name), here if path.startswith(start) else "", words) for start, name, words in places],
    )


def foot(request: Any, subject: Any) -> str:
    """Return the fund's line at the foot of every page."""
    del request, subject
    return format_html('<li><a href="{}">{}</a></li>', reverse("drives:list"), gettext("Accounts and drives"))
