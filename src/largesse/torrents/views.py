"""Pages of the index: browse, publish, a listing, its history."""

from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from largesse.accounts.models import User
from largesse.accounts.permits import may_publish, require
from largesse.swarm.queries import announce_urls, counts_for
from largesse.torrents.actions.edit_listing import edit_listing, said
from largesse.torrents.actions.list_torrent import list_torrent
from largesse.torrents.actions.withdraw_listing import restore_listing, withdraw_listing
from largesse.torrents.blobs import read_blob
from largesse.torrents.errors import AlreadyListed, EditedMeanwhile, Gone, RuleBroken, WithdrawnBefore
from largesse.torrents.forms import ListingForm, UploadForm, WithdrawForm
from largesse.torrents.metainfo import scan, with_announce
from largesse.torrents.models import Category, Draft, Listing, State
from largesse.torrents.permits import may_edit
from largesse.torrents.queries import MOST_FILES_IN_TREE, OPEN_UP_TO_FILES, Wanted, file_tree, found_listings, magnet_of


def browse(request: HttpRequest) -> HttpResponse:
    """List what a visitor looks for."""
    wanted = Wanted.of(request.GET)
    pages = found_listings(wanted)
    page = pages.get_page(wanted.page)
    kept = {key: value for key, value in request.GET.items() if key not in {"page", "sort"} and value}
    narrowed = {
        key: value
        for key, value in (
            ("q", wanted.words),
            ("category", wanted.category),
            ("licence", wanted.licence),
            ("publisher", wanted.publisher),
            ("tag", wanted.tag),
        )
        if value
    }
    chips = [
        {"key": key, "value": value, "without": urlencode({other: kept[other] for other in kept if other != key})}
        for key, value in narrowed.items()
    ]
    context = {
        "PLACE": "browse",
        "page": page,
        "total": pages.count,
        "wanted": wanted,
        "chips": chips,
        "kept": urlencode(kept),
        "categories": Category.objects.all(),
    }
    return render(request, "torrents/browse.html", context)


@login_required
def publish(request: HttpRequest) -> HttpResponse:
    """Take a .torrent file, read it, and go on to the report."""
    user = _account(request)
    form = UploadForm(
        request.POST if request.method == "POST" else None, request.FILES if request.method == "POST" else None
    )
    if request.method == "POST" and may_publish(user) and form.is_valid():
        upload = form.cleaned_data["torrent"]
        draft = Draft.objects.create(owner=user, file_name=upload.name[:255], content=upload.read())
        return redirect("torrents:describe", draft.public_id)
    context = {
        "PLACE": "publish",
        "form": form,
        "may_publish": may_publish(user),
        "limit": settings.CONFIG.limits.metainfo_bytes,
    }
    return render(request, "torrents/publish.html", context, status=422 if form.errors else 200)


@login_required
def describe(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Show the upload report, take the description, and publish."""
    user = _account(request)
    draft = get_object_or_404(Draft, public_id=draft_id, owner=user)
    content = bytes(draft.content)
    found = scan(content, maximum_bytes=settings.CONFIG.limits.metainfo_bytes)
    name = found.metainfo.name if found.metainfo else ""
    form = ListingForm(request.POST if request.method == "POST" else None, initial={"title": name[:200]})
    existing: AlreadyListed | WithdrawnBefore | None = None
    if request.method == "POST" and found.is_accepted and form.is_valid():
        try:
            made = list_torrent(publisher=user, metainfo_bytes=content, listing=form.draft())
        except RuleBroken as error:
            form.add_error(str(error.fields["field"]), error.message)
        except (AlreadyListed, WithdrawnBefore) as error:
            existing = error
        else:
            draft.delete()
            messages.success(
                request, _("Published. It is in the catalogue and in the feeds now, and the tracker takes announces.")
            )
            return redirect("torrents:listing", made.public_id)
    context = {
        "PLACE": "publish",
        "draft": draft,
        "found": found,
        "form": form,
        "existing": existing,
        "states_licence": bool(form["licence"].value()),
    }
    status = 422 if form.errors or not found.is_accepted else 409 if existing else 200
    return render(request, "torrents/describe.html", context, status=status)


def listing(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a listing; one that was withdrawn says so with status 410."""
    shown = _listing(public_id)
    torrent = shown.torrent
    editable = may_edit(request.user, shown)
    if shown.state == State.WITHDRAWN:
        return render(request, "torrents/withdrawn.html", {"listing": shown, "may_edit": editable}, status=410)
    counts = counts_for([torrent.swarm_key]).get(torrent.swarm_key)
    passkey = request.user.tracker_passkey if isinstance(request.user, User) else None
    context = {
        "PLACE": "browse",
        "listing": shown,
        "torrent": torrent,
        "counts": counts,
        "tree": file_tree(torrent),
        "is_open": torrent.file_count <= OPEN_UP_TO_FILES,
        "left_out": max(0, torrent.file_count - MOST_FILES_IN_TREE),
        "pieces": -(-torrent.size_bytes // torrent.piece_length_bytes),
        "magnet": magnet_of(torrent, title=shown.title, passkey=passkey),
        "trackers": announce_urls(),
        "may_edit": editable,
        "dataset": _dataset(shown),
    }
    return render(request, "torrents/listing.html", context)


def _dataset(shown: Listing) -> dict[str, object]:
    """Return what search engines for data read (schema.org Dataset)."""
    page = settings.SITE_ADDRESS + shown.path
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": shown.title,
        "description": shown.description[:5000] or shown.title,
        "url": page,
        "datePublished": shown.listed_at.date().isoformat(),
        "creator": {"@type": "Organization", "name": shown.publisher.username},
        **(
            {"license": f"https://spdx.org/licenses/{shown.licence}"}
            if shown.licence and " " not in shown.licence
            else {}
        ),
        "distribution": {
            "@type": "DataDownload",
            "encodingFormat": "application/x-bittorrent",
            "contentUrl": f"{page}download/",
            "contentSize": str(shown.torrent.size_bytes),
        },
    }


def download(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give the .torrent file: the stored bytes with our announce URLs, `info` byte for byte."""
    shown = _listing(public_id)
    if shown.state == State.WITHDRAWN:
        raise Gone
    passkey = request.user.tracker_passkey if isinstance(request.user, User) else None
    content = with_announce(
        read_blob(shown.torrent.metainfo_sha256), announce=[[url] for url in announce_urls(passkey=passkey)]
    )
    name = f"{shown.torrent.name}.torrent"
    plain = "".join(
        character if character.isascii() and character.isprintable() and character not in '"\\' else "_"
        for character in name
    )
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache" if passkey else "no-cache",
    }
    return HttpResponse(content, content_type="application/x-bittorrent", headers=headers)


@login_required
def edit(request: HttpRequest, public_id: str) -> HttpResponse:
    """Change what a listing says."""
    shown = _listing(public_id)
    require(may_edit(request.user, shown))
    now = said(shown)
    initial = {**now, "tags": ", ".join(shown.tags.values_list("name", flat=True)), "version": shown.version}
    form = ListingForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            edit_listing(shown, editor=_account(request), draft=form.draft(), version=form.cleaned_data["version"] or 0)
        except RuleBroken as error:
            form.add_error(str(error.fields["field"]), error.message)
        except EditedMeanwhile as error:
            form.add_error(None, _(error.template))
            form.data = {**form.data.dict(), "version": str(error.fields["version"])}  # type: ignore[attr-defined]
        else:
            messages.success(request, _("Saved. The page history has what it said before."))
            return redirect("torrents:listing", public_id)
    return render(request, "torrents/edit.html", {"listing": shown, "form": form}, status=422 if form.errors else 200)


def history(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show every change of a listing."""
    shown = _listing(public_id)
    return render(
        request, "torrents/history.html", {"listing": shown, "edits": shown.edits.select_related("editor")[:200]}
    )


@login_required
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask once more, then withdraw."""
    shown = _listing(public_id)
    require(may_edit(request.user, shown))
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        withdraw_listing(shown, editor=_account(request), reason=form.cleaned_data["reason"])
        messages.success(request, _("Withdrawn. The tracker refuses it from now on; you can list it again here."))
        return redirect("torrents:listing", public_id)
    return render(request, "torrents/withdraw.html", {"listing": shown, "form": form})


@login_required
def restore(request: HttpRequest, public_id: str) -> HttpResponse:
    """List a withdrawn listing again."""
    shown = _listing(public_id)
    if request.method == "POST":
        restore_listing(shown, editor=_account(request))
        messages.success(request, _("Listed again. The tracker takes announces."))
    return redirect("torrents:listing", public_id)


def _listing(public_id: str) -> Listing:
    return get_object_or_404(Listing.objects.select_related("torrent", "publisher", "category"), public_id=public_id)


def _account(request: HttpRequest) -> User:
    """Return the signed-in account, which `login_required` made sure of."""
    if not isinstance(request.user, User):
        raise TypeError("login_required lets accounts in only")
    return request.user
