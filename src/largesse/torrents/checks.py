"""
Whether the index agrees with itself: every listing with its bytes, its keys, its files, its history and the journal.

Bytes that no torrent names are not a break: a killed publication leaves them, and a job removes them.
"""

import hashlib
from collections.abc import Iterator

from django.db.models import Count, Sum

from largesse.journal.checks import Break
from largesse.journal.models import Row
from largesse.torrents.actions.list_torrent import MOST_FILES
from largesse.torrents.blobs import read_blob
from largesse.torrents.metainfo import scan
from largesse.torrents.models import Listing, State, Torrent

STATE_AFTER = {
    "torrents.listed": State.LISTED,
    "torrents.restored": State.LISTED,
    "torrents.withdrawn": State.WITHDRAWN,
}
"""The state that each kind of journal row leaves a listing in."""


def check() -> Iterator[Break]:
    """Yield whatever does not agree; nothing when all is well."""
    yield from _torrents()
    yield from _listings()
    yield from _subjects_without_listing()


def _torrents() -> Iterator[Break]:
    torrents = (
        Torrent.objects.annotate(files_kept=Count("files"), bytes_kept=Sum("files__size_bytes"))
        .prefetch_related("keys")
        .order_by("pk")
    )
    for torrent in torrents.iterator(chunk_size=200):
        where = f"torrent {torrent.swarm_key}"
        if not Listing.objects.filter(torrent=torrent).exists():
            yield Break(where, "It is kept, but no listing names it.")
        if {entry.key for entry in torrent.keys.all()} != set(torrent.announce_keys):
            yield Break(where, "Its announce keys are not those of its info-hashes.")
        if torrent.files_kept != min(torrent.file_count, MOST_FILES):
            yield Break(where, f"It has {torrent.file_count} files, but {torrent.files_kept} are kept.")
        elif torrent.file_count <= MOST_FILES and torrent.bytes_kept != torrent.size_bytes:
            yield Break(where, f"Its files hold {torrent.bytes_kept} bytes, but its size says {torrent.size_bytes}.")
        yield from _bytes_of(torrent, where=where)


def _bytes_of(torrent: Torrent, *, where: str) -> Iterator[Break]:
    try:
        content = read_blob(torrent.metainfo_sha256)
    except OSError:
        yield Break(where, f"Its .torrent file {torrent.metainfo_sha256} is missing or cannot be read.")
        return
    if hashlib.sha256(content).hexdigest() != torrent.metainfo_sha256:
        yield Break(where, f"Its .torrent file {torrent.metainfo_sha256} holds other bytes than it was stored with.")
        return
    found = scan(content, maximum_bytes=max(len(content), 1)).metainfo
    v1, v2 = (found.v1, found.v2) if found else (None, None)
    if (v1.hex() if v1 else None, v2.hex() if v2 else None) != (torrent.v1, torrent.v2):
        yield Break(where, "Its .torrent file has other info-hashes than the table.")


def _listings() -> Iterator[Break]:
    last_rows = Row.objects.filter(kind__in=STATE_AFTER).order_by("serial").values_list("subject", "kind")
    told = dict(last_rows.iterator(chunk_size=2_000))
    for listing in Listing.objects.annotate(edits_kept=Count("edits")).order_by("pk").iterator(chunk_size=500):
        kind = told.get(listing.subject)
        if kind is None:
            yield Break(listing.subject, "The journal never said that it was listed.")
        elif STATE_AFTER[kind] != listing.state:
            yield Break(listing.subject, f"The table says {listing.state}, the journal says {kind}.")
        if listing.version != listing.edits_kept + 1:
            yield Break(
                listing.subject, f"It is at version {listing.version}, but {listing.edits_kept} edits are kept."
            )


def _subjects_without_listing() -> Iterator[Break]:
    known = {f"listing:{public_id}" for public_id in Listing.objects.values_list("public_id", flat=True).iterator()}
    for subject in Row.objects.filter(kind="torrents.listed").values_list("subject", flat=True).iterator():
        if subject not in known:
            yield Break(subject, "The journal says that it was listed, but there is no such listing.")
