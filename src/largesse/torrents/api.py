"""The API of the index: `/api/v1/torrents`."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from largesse.accounts.api import api_view, json_body, token_user
from largesse.kit.errors import BadInput, gettext_noop
from largesse.swarm.queries import announce_urls
from largesse.torrents.actions.edit_listing import edit_listing, said
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.actions.withdraw_listing import withdraw_listing
from largesse.torrents.errors import Gone, TooLarge
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing
from largesse.torrents.queries import Wanted, found_listings, magnet_of, shown_listings, site_address
from largesse.torrents.trees import MOST_FILES_IN_TREE


class NoTorrentGiven(BadInput):
    """The request holds no .torrent file."""

    code = "no_torrent_given"
    template = gettext_noop(
        "Send the .torrent file as the part “torrent” of multipart/form-data, in base64 as “torrent” of a JSON object, or as the body with application/x-bittorrent."
    )


class LengthMissing(BadInput):
    """The body comes in chunks, so nobody knows how long it will be."""

    code = "length_missing"
    status = 411
    template = gettext_noop("Send the body with its Content-Length, not in chunks.")


TEXT_FIELDS = ("title", "description", "category", "licence", "licence_note", "language")
ROWS_A_PAGE = 100
FILES_A_PAGE = 5_000


def latest(request: HttpRequest) -> HttpResponse:
    """
    `GET`: listings, newest first.

    `q`, `category`, `licence`, `publisher`, `tag`, `language` and `sort` narrow and order as on the page; `next` of the answer,
    given as `after`, begins the next page.
    """
    found = found_listings(Wanted.of(request.GET), rows=ROWS_A_PAGE)
    return JsonResponse({"total": found.total, "next": found.after, "torrents": all_as_json(found.rows)})


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
    if row.is_withdrawn:
        raise Gone
    shown = shown_listings().get(pk=row.pk)
    rows = _files(shown, start=0, most=MOST_FILES_IN_TREE)
    return JsonResponse({**as_json(shown), "description": shown.description, "files": rows})


def some_files(request: HttpRequest, public_id: str) -> HttpResponse:
    """`GET`: the files from position `after` on, 5,000 at a time; `next` of the answer begins the following ones."""
    row = get_object_or_404(Listing.objects.select_related("torrent"), public_id=public_id)
    if row.is_withdrawn:
        raise Gone
    given = request.GET.get("after", "0")
    start = int(given) if given.isdecimal() and given.isascii() and len(given) < 8 else 0
    rows = _files(row, start=start, most=FILES_A_PAGE)
    following = start + len(rows) if row.torrent.files.filter(position__gte=start + len(rows)).exists() else None
    return JsonResponse({"files": rows, "next": following})


def _files(listing: Listing, *, start: int, most: int) -> list[dict[str, Any]]:
    rows = listing.torrent.files.filter(position__gte=start).order_by("position")[:most]
    return [{"path": row.path, "size_bytes": row.size_bytes, "pieces_root": row.pieces_root} for row in rows]


def change(request: HttpRequest, public_id: str) -> HttpResponse:
    """`PATCH` with a token: change what the listing says; give `version` to be sure that nobody changed it meanwhile."""
    user = token_user(request)
    row = get_object_or_404(Listing, public_id=public_id)
    fields = json_body(request)
    now = said(row)
    current = ListingDraft(**{**now, "tags": tuple(now["tags"])})  # type: ignore[arg-type]
    version = fields.get("version", row.version)
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadInput
    edit_listing(row, editor=user, draft=_draft(fields, current), version=version)
    row.refresh_from_db()
    return JsonResponse(as_json(row))


def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """`DELETE` with a token: withdraw the listing; answers 204."""
    user = token_user(request)
    withdraw_listing(get_object_or_404(Listing, public_id=public_id), editor=user, reason=request.GET.get("reason", ""))
    return HttpResponse(status=204)


torrents = api_view(get=latest, post=publish)
torrent = api_view(get=one, patch=change, delete=withdraw)
files = api_view(get=some_files)


def as_json(listing: Listing) -> dict[str, Any]:
    """Return a listing as the API tells it."""
    return all_as_json([listing])[0]


def all_as_json(listings: Iterable[Listing]) -> list[dict[str, Any]]:
    """Return listings as the API tells them; where the site and its tracker are is asked once for all."""
    address, trackers = site_address(), announce_urls()
    return [_as_json(listing, address=address, trackers=trackers) for listing in listings]


def _as_json(listing: Listing, *, address: str, trackers: Sequence[str]) -> dict[str, Any]:
    torrent = listing.torrent
    return {
        "id": listing.public_id,
        "page": address + listing.path,
        "download": f"{address}{listing.path}download/",
        "magnet": magnet_of(torrent, title=listing.title, trackers=trackers),
        "title": listing.title,
        "category": listing.category.slug if listing.category else None,
        "licence": listing.licence or None,
        "licence_note": listing.licence_note,
        "language": listing.language or None,
        "state": listing.state,
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
    if "CONTENT_LENGTH" not in request.META and "Transfer-Encoding" in request.headers:
        raise LengthMissing
    if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise TooLarge(limit_bytes=settings.CONFIG.limits.metainfo_bytes)
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
