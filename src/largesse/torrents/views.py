"""Pages of the index: browse, publish, a listing, its history."""

import hashlib
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from largesse.accounts.models import User
from largesse.accounts.permits import may_publish, require
from largesse.kit.errors import LargesseError
from largesse.swarm.queries import announce_urls, counts_for
from largesse.torrents.actions.edit_listing import edit_listing, said
from largesse.torrents.actions.keep_upload import keep_upload
from largesse.torrents.actions.list_torrent import list_torrent
from largesse.torrents.actions.withdraw_listing import restore_listing, withdraw_listing
from largesse.torrents.blobs import read_blob
from largesse.torrents.errors import AlreadyListed, EditedMeanwhile, Gone, NoRoom, RuleBroken, TooLarge, WithdrawnBefore
from largesse.torrents.facts import citation_of, dataset_of, shared_roots, trend_of
from largesse.torrents.forms import ListingForm, UploadForm, WithdrawForm
from largesse.torrents.histories import edits_of
from largesse.torrents.metainfo import scan, with_announce
from largesse.torrents.models import Draft, Listing
from largesse.torrents.permits import may_edit
from largesse.torrents.queries import (
    Wanted,
    common_licences,
    existing_listing,
    found_listings,
    holding_file,
    magnet_of,
    published_by,
    shelves,
)
from largesse.torrents.report import report_of
from largesse.torrents.trees import MOST_FILES_IN_TREE, OPEN_UP_TO_FILES, file_tree

FILES_A_PAGE = 1_000
CHIPS = {
    "q": gettext_lazy("words"),
    "category": gettext_lazy("category"),
    "licence": gettext_lazy("licence"),
    "publisher": gettext_lazy("publisher"),
    "tag": gettext_lazy("tag"),
    "language": gettext_lazy("language"),
}
"""What each part of a query is called on its chip."""


@require_safe
def browse(request: HttpRequest) -> HttpResponse:
    """List what a visitor looks for."""
    wanted = Wanted.of(request.GET)
    found = found_listings(wanted)
    kept = wanted.narrowed
    chips = [
        {
            "key": key,
            "label": CHIPS[key],
            "value": value,
            "without": urlencode({other: kept[other] for other in kept if other != key}),
        }
        for key, value in kept.items()
    ]
    context = {
        "PLACE": "browse",
        "found": found,
        "wanted": wanted,
        "chips": chips,
        "kept": urlencode(kept),
        "categories": shelves(),
        "licences": common_licences(),
    }
    return render(request, "torrents/browse.html", context)


@require_safe
def publisher(request: HttpRequest, username: str) -> HttpResponse:
    """Show what one publisher gives."""
    account = get_object_or_404(User, username=username)
    wanted = Wanted.of({**request.GET.dict(), "publisher": account.username})
    context = {
        "PLACE": "browse",
        "publisher": account,
        "found": found_listings(wanted),
        "totals": published_by(account),
        "wanted": wanted,
        "kept": "",
        "feed_query": urlencode({"publisher": account.username}),
    }
    return render(request, "torrents/publisher.html", context)


@require_safe
def same_file(request: HttpRequest, root: str) -> HttpResponse:
    """List the torrents that hold the very same file, whatever it is called there."""
    found = holding_file(root) if len(root) == 64 else []
    if not found:
        raise Http404
    return render(request, "torrents/same_file.html", {"PLACE": "browse", "listings": found, "root": root})


@login_required
def publish(request: HttpRequest) -> HttpResponse:
    """Take a .torrent file, read it, and go on to the report."""
    user = _account(request)
    is_sent = request.method == "POST" and may_publish(user)
    form = UploadForm(request.POST if is_sent else None, request.FILES if is_sent else None)
    if is_sent and int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        form.errors.clear()
        _tell(form, TooLarge(limit_bytes=settings.CONFIG.limits.metainfo_bytes), field="torrent")
    elif is_sent and form.is_valid():
        upload = form.cleaned_data["torrent"]
        try:
            draft = keep_upload(owner=user, file_name=upload.name, content=upload.read())
        except NoRoom as error:
            _tell(form, error, field="torrent")
        else:
            return redirect("torrents:describe", draft.public_id)
    context = {
        "PLACE": "publish",
        "form": form,
        "may_publish": may_publish(user),
        "limit": settings.CONFIG.limits.metainfo_bytes,
        "drafts": Draft.objects.filter(owner=user).defer("content").order_by("-pk"),
    }
    return render(request, "torrents/publish.html", context, status=422 if form.errors else 200)


@login_required
def describe(request: HttpRequest, draft_id: str) -> HttpResponse:
    """Show the upload report, take the description, and publish."""
    user = _account(request)
    draft = get_object_or_404(Draft, public_id=draft_id, owner=user)
    content = bytes(draft.content)
    found = scan(content, maximum_bytes=settings.CONFIG.limits.metainfo_bytes)
    metainfo = found.metainfo
    form = ListingForm(
        request.POST if request.method == "POST" else None, initial={"title": metainfo.name[:200] if metainfo else ""}
    )
    existing = existing_listing(metainfo) if metainfo and found.is_accepted else None
    if request.method == "POST" and found.is_accepted and existing is None and form.is_valid():
        try:
            made = list_torrent(publisher=user, metainfo_bytes=content, listing=form.draft())
        except (RuleBroken, NoRoom) as error:
            _tell(form, error)
        except (AlreadyListed, WithdrawnBefore):
            existing = existing_listing(metainfo) if metainfo else None
        else:
            draft.delete()
            messages.success(
                request, _("Published. It is in the catalogue and in the feeds now, and the tracker takes announces.")
            )
            return redirect("torrents:listing", made.public_id)
    findings = report_of(found, states_licence=bool(form["licence"].value()))
    context = {
        "PLACE": "publish",
        "draft": draft,
        "found": found,
        "findings": findings,
        "warnings": sum(not finding.css for finding in findings),
        "pieces": -(-metainfo.size_bytes // metainfo.piece_length_bytes) if metainfo and found.is_accepted else 0,
        "form": form,
        "existing": existing,
    }
    status = 409 if existing else 422 if form.errors or not found.is_accepted else 200
    return render(request, "torrents/describe.html", context, status=status)


@require_safe
def listing(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show a listing; one that was withdrawn says so with status 410."""
    shown = _listing(public_id)
    torrent = shown.torrent
    editable = may_edit(request.user, shown)
    if shown.is_withdrawn:
        return render(request, "torrents/withdrawn.html", {"listing": shown, "may_edit": editable}, status=410)
    counts = counts_for([torrent.swarm_key]).get(torrent.swarm_key)
    passkey = request.user.tracker_passkey if isinstance(request.user, User) else None
    shared = shared_roots(torrent)
    context = {
        "PLACE": "browse",
        "listing": shown,
        "torrent": torrent,
        "counts": counts,
        "tree": file_tree(torrent, also_in=shared),
        "has_shared_files": bool(shared),
        "is_open": torrent.file_count <= OPEN_UP_TO_FILES,
        "is_cut": torrent.file_count > MOST_FILES_IN_TREE,
        "pieces": -(-torrent.size_bytes // torrent.piece_length_bytes),
        "magnet": magnet_of(torrent, title=shown.title, trackers=announce_urls(passkey=passkey)),
        "trackers": announce_urls(),
        "may_edit": editable,
        "dataset": dataset_of(shown),
        "trend": trend_of(torrent),
        "citation": citation_of(shown),
    }
    return render(request, "torrents/listing.html", context)


@require_safe
def files(request: HttpRequest, public_id: str) -> HttpResponse:
    """List the files of a huge torrent, a thousand to a page."""
    shown = _listing(public_id)
    if shown.is_withdrawn:
        raise Gone
    given = request.GET.get("after", "")
    start = int(given) if given.isdecimal() and given.isascii() and len(given) < 8 else 0
    page = list(shown.torrent.files.filter(position__gte=start).order_by("position")[: FILES_A_PAGE + 1])
    context = {
        "PLACE": "browse",
        "listing": shown,
        "files": page[:FILES_A_PAGE],
        "first": start + 1,
        "last": start + len(page[:FILES_A_PAGE]),
        "previous": max(0, start - FILES_A_PAGE) if start else None,
        "following": page[FILES_A_PAGE].position if len(page) > FILES_A_PAGE else None,
    }
    return render(request, "torrents/files.html", context)


@require_safe
def download(request: HttpRequest, public_id: str) -> HttpResponse:
    """Give the .torrent file: the stored bytes with our announce URLs, `info` byte for byte."""
    shown = _listing(public_id)
    if shown.is_withdrawn:
        raise Gone
    passkey = request.user.tracker_passkey if isinstance(request.user, User) else None
    content = with_announce(
        read_blob(shown.torrent.metainfo_sha256), announce=[[url] for url in announce_urls(passkey=passkey)]
    )
    name = f"{shown.torrent.name}.torrent"
    plain = "".join(
        character if character.isascii() and character.isprintable() and character not in '"\\/' else "_"
        for character in name
    )
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache" if passkey else "no-cache",
        "ETag": f'"{hashlib.sha256(content).hexdigest()[:40]}"',
    }
    answer = HttpResponse(content, content_type="application/x-bittorrent", headers=headers)
    return get_conditional_response(request, etag=headers["ETag"], response=answer) or answer


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
            _tell(form, error)
        except EditedMeanwhile as error:
            _tell(form, error)
            form.data = {**form.data.dict(), "version": str(error.fields["version"])}  # type: ignore[attr-defined]
        else:
            messages.success(request, _("Saved. The page history has what it said before."))
            return redirect("torrents:listing", public_id)
    return render(request, "torrents/edit.html", {"listing": shown, "form": form}, status=422 if form.errors else 200)


@require_safe
def history(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show every change of a listing."""
    shown = _listing(public_id)
    return render(request, "torrents/history.html", {"PLACE": "browse", "listing": shown, "edits": edits_of(shown)})


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


def _tell(form: Form, error: LargesseError, *, field: str | None = None) -> None:
    """Put an error's sentence, in the visitor's language, at the field that it is about."""
    form.add_error(field or error.fields.get("field"), _(error.template).format_map(error.fields))


def _account(request: HttpRequest) -> User:
    """Return the signed-in account, which `login_required` made sure of."""
    if not isinstance(request.user, User):
        raise TypeError("login_required lets accounts in only")
    return request.user
