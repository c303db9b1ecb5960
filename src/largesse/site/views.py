"""The site's own pages: home, news, plain pages, the journal, theme and language."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from largesse.accounts.models import User
from largesse.accounts.permits import may_administer, require
from largesse.journal.followers import last_serial
from largesse.journal.models import Row
from largesse.site.actions.publish_news import publish_news
from largesse.site.context import THEMES
from largesse.site.forms import NewsForm
from largesse.site.models import News
from largesse.site.queries import with_pages
from largesse.torrents.queries import catalogue_facts, latest_listings, rarest_listings

YEAR_SECONDS = 365 * 86_400
MOST_ROWS = 500
"""How many journal rows one answer of the API holds."""


def home(request: HttpRequest) -> HttpResponse:
    """Show what there is: the catalogue as squares, the latest listings, the news."""
    context = {
        "facts": catalogue_facts(),
        "latest": latest_listings(limit=8),
        "rare": rarest_listings(limit=6),
        "news": News.objects.all()[:3],
    }
    return render(request, "home.html", context)


def news(request: HttpRequest) -> HttpResponse:
    """List the news."""
    return render(request, "news.html", {"PLACE": "news", "news": News.objects.select_related("author")[:50]})


def news_item(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show one piece of news."""
    return render(request, "news_item.html", {"PLACE": "news", "item": get_object_or_404(News, public_id=public_id)})


@login_required
def news_write(request: HttpRequest) -> HttpResponse:
    """Write news."""
    require(may_administer(request.user))
    form = NewsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and isinstance(request.user, User):
        item = publish_news(author=request.user, **form.cleaned_data)
        return redirect("news_item", item.public_id)
    return render(request, "news_write.html", {"PLACE": "news", "form": form}, status=422 if form.errors else 200)


def plain(request: HttpRequest, page: str) -> HttpResponse:
    """Show a page that is only text."""
    return render(request, f"{page}.html", {"CONTACT": settings.CONFIG.mail.sender})


def journal(request: HttpRequest) -> HttpResponse:
    """Show the newest public facts."""
    before = _serial(request.GET.get("before", ""))
    rows = Row.objects.order_by("-serial")
    if before is not None:
        rows = rows.filter(serial__lt=before)
    page = list(rows[:100])
    return render(
        request,
        "journal.html",
        {"rows": with_pages(page), "last": last_serial(), "older": page[-1].serial if len(page) == 100 else None},
    )


def journal_api(request: HttpRequest) -> HttpResponse:
    """Give the rows after a serial, for mirrors; the ETag is the newest serial."""
    serial = last_serial()
    etag = f'"{serial}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    after = _serial(request.GET.get("after", "")) or 0
    rows = Row.objects.filter(serial__gt=after).order_by("serial")[:MOST_ROWS]
    body = {
        "serial": serial,
        "rows": [
            {
                "serial": row.serial,
                "time": row.time.isoformat(),
                "kind": row.kind,
                "actor": row.actor,
                "subject": row.subject,
                "payload": row.payload,
                "previous_hash": row.previous_hash,
                "hash": row.hash,
            }
            for row in rows
        ],
    }
    return JsonResponse(body, headers={"ETag": etag})


def _serial(text: str) -> int | None:
    """Read a serial of the address; what is none narrows nothing."""
    return int(text[:18]) if text.isascii() and text.isdecimal() else None


def health(request: HttpRequest) -> HttpResponse:
    """Say that the site and its database answer."""
    del request
    return JsonResponse({"ok": True, "serial": last_serial()})


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Keep the visitor's choice of colours in a cookie."""
    response = _back(request, request.POST.get("next"))
    chosen = request.POST.get("theme", "")
    if chosen in THEMES:
        response.set_cookie("theme", chosen, max_age=YEAR_SECONDS, samesite="Lax", httponly=True)
    else:
        response.delete_cookie("theme")
    return response


def language(request: HttpRequest, code: str) -> HttpResponse:
    """Keep the visitor's language in a cookie."""
    if code not in dict(settings.LANGUAGES):
        raise Http404
    response = _back(request, request.GET.get("next"))
    response.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, max_age=YEAR_SECONDS, samesite="Lax", httponly=True)
    return response


def _back(request: HttpRequest, path: str | None) -> HttpResponseRedirect:
    """Go back to a page of this site."""
    is_ours = bool(path) and url_has_allowed_host_and_scheme(path, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(path if is_ours and path else "/")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Tell that there is nothing here, and where to look."""
    del exception
    return render(request, "error.html", {"status": 404, "message": ""}, status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """Tell that something broke; needs no database."""
    return render(request, "500.html", status=500)
