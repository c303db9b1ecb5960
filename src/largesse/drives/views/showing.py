"""
A drive on other people's pages: a badge, a widget for a frame, and a feed; all show the figures of `figures_of`.

None of them asks another host for anything, sets a cookie or runs a script, so whoever puts one on their page tells nobody about
their visitors but us, and us nothing that is kept.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import get_language, gettext, override
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from largesse.drives.figures import figures_of
from largesse.drives.models import Drive
from largesse.drives.queries import newest_entries
from largesse.drives.templatetags.drives import NO_BREAK, entry_words, meter_sentence, money_text, signed_money
from largesse.drives.views.pages import public_drive
from largesse.kit.markdown import safe_html
from largesse.torrents.queries import site_address

SHOWN_SECONDS = 60
"""How long others may keep a badge or a widget."""
MOST_ITEMS = 50
PIECES = 25
TITLE_CHARACTERS = 36
WIDGET_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors *",
    )
)
"""The widget alone may stand in anybody's frame; it has no script, no form and no cookie, so a frame cannot make a visitor act."""

View = Callable[..., HttpResponse]


def for_others(view: View) -> View:
    """Answer in the language that `?lang=` names, and let caches keep the answer for a minute."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.GET.get("lang", "")
        language = wanted if wanted in dict(settings.LANGUAGES) else get_language() or "en"
        with override(language):
            response = view(request, *args, **kwargs)
        response.headers["Cache-Control"] = f"public, max-age={SHOWN_SECONDS}"
        response.headers["Content-Language"] = language
        patch_vary_headers(response, ("Accept-Language",))
        return response

    return answer


@for_others
@require_safe
def badge(request: HttpRequest, slug: str) -> HttpResponse:
    """Draw a drive's figures as an SVG picture."""
    drive = public_drive(slug)
    figures = figures_of(drive)
    title = drive.title if len(drive.title) <= TITLE_CHARACTERS else drive.title[: TITLE_CHARACTERS - 1] + "…"
    parts = meter_sentence(figures).split(" · ")
    done = PIECES * figures.meter_value // figures.meter_max
    context = {
        "drive": drive,
        "figures": figures,
        "title": title,
        "sentence": meter_sentence(figures).replace(NO_BREAK, " "),
        "first": " · ".join(parts[:2]),
        "second": " · ".join(parts[2:]),
        "pieces": [{"x": 16 + 13 * number, "is_done": number < done} for number in range(PIECES)],
    }
    return render(request, "drives/badge.svg", context, content_type="image/svg+xml; charset=utf-8")


@for_others
@xframe_options_exempt
@require_safe
def widget(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a drive's figures as a small page for a frame."""
    drive = public_drive(slug)
    context = {"drive": drive, "figures": figures_of(drive), "url": site_address() + drive.path}
    response = render(request, "drives/widget.html", context)
    response.headers["Content-Security-Policy"] = WIDGET_POLICY
    return response


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of the feed."""

    title: str
    text: str
    path: str
    happened_at: datetime
    key: str


@for_others
@require_safe
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    """Tell a drive's updates, expenses, gifts and refunds as Atom (RFC 4287); the subtitle has the figures."""
    drive = public_drive(slug)
    address = site_address()
    atom = Atom1Feed(
        title=drive.title,
        link=address + drive.path,
        description=None,
        subtitle=meter_sentence(figures_of(drive)).replace(NO_BREAK, " "),
        feed_url=f"{address}{drive.path}feed/",
        language=get_language(),
        author_name=settings.CONFIG.site.operator or settings.CONFIG.site.name,
    )
    for item in _items(drive):
        atom.add_item(
            title=item.title,
            link=address + item.path,
            description=item.text,
            pubdate=item.happened_at,
            updateddate=item.happened_at,
            unique_id=f"{address}/{item.key}",
        )
    del request
    return HttpResponse(atom.writeString("utf-8"), content_type=Atom1Feed.content_type)


def _items(drive: Drive) -> list[Item]:
    updates = [
        Item(
            update.title,
            safe_html(update.text),
            f"{drive.path}#u-{update.public_id}",
            update.published_at,
            f"update/{update.public_id}",
        )
        for update in drive.updates.all()[:MOST_ITEMS]
    ]
    entries = [
        Item(
            f"{entry_words(booked.entry)}: {signed_money(booked.change_minor, drive.currency)}".replace(NO_BREAK, " "),
            gettext("%(left)s left after it.")
            % {"left": money_text(booked.left_minor, drive.currency).replace(NO_BREAK, " ")},
            f"/ledger/entry/{booked.entry.public_id}/",
            booked.entry.occurred_at,
            f"entry/{booked.entry.public_id}",
        )
        for booked in newest_entries(drive, most=MOST_ITEMS)
    ]
    return sorted(updates + entries, key=lambda item: item.happened_at, reverse=True)[:MOST_ITEMS]
