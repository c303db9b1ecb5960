"""The API of the index: `/api/v1/torrents`."""

import base64
import binascii
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from largesse.accounts.api import api_view, json_body, token_user
from largesse.kit.errors import BadInput, gettext_noop
from largesse.kit.runtime import read_runtime
from largesse.torrents.actions.edit_listing import edit_listing, said
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.actions.withdraw_listing import withdraw_listing
from largesse.torrents.errors import Gone
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing, State
from largesse.torrents.queries import Wanted, found_listings, magnet_of, shown_listings


class NoTorrentGiven(BadInput):
    """The request holds no .torrent file."""

    code = "no_torrent_given"
    template = gettext_noop(
        "Send the .torrent file as the part “torrent” of multipart/form-data, in base64 as “torrent” of a JSON object, or as the body with application/x-bittorrent."
    )


TEXT_FIELDS = ("title", "description", "category", "licence", "licence_note")


def latest(request: HttpRequest) -> HttpResponse:
    """`GET`: listings, newest first; `q`, `category`, `licence`, `publisher`, `tag`, `sort` and `page` as on the page."""
    wanted = Wanted.of(request.GET)
    pages = found_listings(wanted)
    page = pages.get_page(wanted.page)
    following = page.next_page_number() if page.has_next() else None
    return JsonResponse(
        {"total": pages.count, "page": page.number, "next": following, "torrents": [as_json(row) for row in page]}
    )


def publish(request: HttpRequest) -> HttpResponse:
    """`POST` with a token: list a torrent; answers 201 with the listing."""
    user = token_user(request)
    content, fields = _given(request)
    draft = _draft(fields, ListingDraft())
    made = list_torrent(publisher=user, metainfo_bytes=content, listing=draft)
    found = scan(content, maximum_bytes=len(content))
    warnings = [
        {"code": problem.code, "offset": problem.offset, "message": problem.message} for problem in found.warnings
    ]
    answer = {**as_json(shown_listings().get(pk=made.pk)), "warnings": warnings}
    return JsonResponse(answer, status=201, headers={"Location": answer["page"]})


def one(request: HttpRequest, public_id: str) -> HttpResponse:
    """`GET`: one listing with its files."""
    del request
    row = get_object_or_404(Listing.objects.select_related("torrent"), public_id=public_id)
    if row.state == State.WITHDRAWN:
        raise Gone
    shown = shown_listings().get(pk=row.pk)
    files = [{"path": file.path, "size_bytes": file.size_bytes} for file in shown.torrent.files.all()]
    return JsonResponse({**as_json(shown), "description": shown.description, "files": files})


def change(request: HttpRequest, public_id: str) -> HttpResponse:
    """`PATCH` with a token: change what the listing says; give `version` to be sure that nobody changed it meanwhile."""
    user = token_user(request)
    row = get_object_or_404(Listing, public_id=public_id)
    fields = json_body(request)
    now = said(row)
    current = ListingDraft(**{**now, "tags": tuple(now["tags"])})  # type: ignore[arg-type]
    version = fields.get("version", row.version)
    if not isinstance(version, int):
        raise BadInput
    edit_listing(row, editor=user, draft=_draft(fields, current), version=version)
    return JsonResponse(as_json(shown_listings().get(pk=row.pk)))


def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """`DELETE` with a token: withdraw the listing; answers 204."""
    user = token_user(request)
    withdraw_listing(get_object_or_404(Listing, public_id=public_id), editor=user, reason=request.GET.get("reason", ""))
    return HttpResponse(status=204)


torrents = api_view(get=latest, post=publish)
torrent = api_view(get=one, patch=change, delete=withdraw)


def site_address() -> str:
    """Return the site's public address, of the running site if there is one and no address is set."""
    if settings.CONFIG.site.address:
        return str(settings.CONFIG.site.address)
    running = read_runtime(settings.CONFIG.data)
    return running.site if running else str(settings.SITE_ADDRESS)


def as_json(listing: Listing) -> dict[str, Any]:
    """Return a listing as the API tells it."""
    torrent = listing.torrent
    address = site_address()
    return {
        "id": listing.public_id,
        "page": address + listing.path,
        "download": f"{address}{listing.path}download/",
        "magnet": magnet_of(torrent, title=listing.title),
        "title": listing.title,
        "category": listing.category.slug if listing.category else None,
        "licence": listing.licence or None,
        "tags": [tag.name for tag in listing.tags.all()],
        "publisher": listing.publisher.username,
        "listed_at": listing.listed_at.isoformat(),
        "version": listing.version,
        "name": torrent.name,
        "v1": torrent.v1,
        "v2": torrent.v2,
        "size_bytes": torrent.size_bytes,
        "file_count": torrent.file_count,
        "is_private": torrent.is_private,
        "seeders": getattr(listing, "seeders", 0),
        "leechers": getattr(listing, "leechers", 0),
        "completed": getattr(listing, "completed", 0),
    }


def _given(request: HttpRequest) -> tuple[bytes, dict[str, Any]]:
    """Return the .torrent file and the fields, in whichever of the three forms they came."""
    kind = request.content_type or ""
    if kind == "application/x-bittorrent":
        return request.body, {key: values if key == "tags" else values[-1] for key, values in request.GET.lists()}
    if kind == "multipart/form-data":
        upload = request.FILES.get("torrent")
        if upload is None or isinstance(upload, list):
            raise NoTorrentGiven
        return upload.read(), {key: values if key == "tags" else values[-1] for key, values in request.POST.lists()}
    fields = json_body(request)
    try:
        content = base64.b64decode(fields.get("torrent") or "", validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise NoTorrentGiven from error
    if not content:
        raise NoTorrentGiven
    return content, fields


def _draft(fields: dict[str, Any], now: ListingDraft) -> ListingDraft:
    """Return the draft that the fields make of what is said now."""
    said_texts = {name: fields[name] for name in TEXT_FIELDS if fields.get(name) is not None}
    if not all(isinstance(value, str) for value in said_texts.values()):
        raise BadInput
    tags = fields.get("tags", list(now.tags))
    tags = (
        [part for tag in tags for part in tag.split(",")]
        if _is_texts(tags)
        else tags.split(",")
        if isinstance(tags, str)
        else None
    )
    if tags is None:
        raise BadInput
    texts = {name: getattr(now, name) for name in TEXT_FIELDS} | said_texts
    return ListingDraft(**texts, tags=tuple(tags))


def _is_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
