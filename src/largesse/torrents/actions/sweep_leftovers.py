"""Remove what unfinished publications left: bytes that no torrent names, and drafts that nobody came back to."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from largesse.journal.models import Head
from largesse.kit.clock import Clock, utc_now
from largesse.torrents.blobs import remove_blob, remove_parts, stored_hashes
from largesse.torrents.models import Draft, Torrent

KEEP_BYTES = timedelta(hours=1)
"""A publication takes seconds; bytes that nothing names after an hour never will be."""
KEEP_DRAFTS = timedelta(days=1)
BATCH = 100
"""How many are looked at under one lock."""


@dataclass(frozen=True, slots=True)
class Swept:
    """How much was removed."""

    blobs: int
    parts: int
    drafts: int


def sweep_leftovers(*, clock: Clock = utc_now) -> Swept:
    """Remove leftovers that are old enough to be nobody's work in progress."""
    now = clock()
    before = (now - KEEP_BYTES).timestamp()
    old = [sha256 for sha256, modified in stored_hashes() if modified < before]
    blobs = sum(_remove_unnamed(old[start : start + BATCH]) for start in range(0, len(old), BATCH))
    drafts, _ = Draft.objects.filter(made_at__lt=now - KEEP_DRAFTS).delete()
    return Swept(blobs=blobs, parts=remove_parts(before=before), drafts=drafts)


@transaction.atomic
def _remove_unnamed(hashes: list[str]) -> int:
    """
    Remove those of the bytes that no torrent names.

    It holds the journal's lock, as a publication does while it makes sure of its bytes, so neither sees half of the other.
    """
    Head.objects.select_for_update().get(id=1)
    named = set(Torrent.objects.filter(metainfo_sha256__in=hashes).values_list("metainfo_sha256", flat=True))
    unnamed = [sha256 for sha256 in hashes if sha256 not in named]
    for sha256 in unnamed:
        remove_blob(sha256)
    return len(unnamed)
