"""What the site's own pages ask."""

from collections.abc import Sequence

from django.urls import reverse

from largesse.drives.queries import public_drives
from largesse.journal.models import Row

PAGES = {"listing": "torrents:listing", "news": "news_item", "entry": "drives:entry"}
"""The pages of subjects that are named in the journal as in their address."""


def with_pages(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """
    Return each row of the journal with the page of what it is about; empty where there is none.

    A gift and an expense have no page of their own: theirs is that of the entry they were booked as.
    """
    named = [row.subject.partition(":") for row in rows]
    slugs = dict(
        public_drives()
        .filter(public_id__in={public_id for kind, _, public_id in named if kind == "drive"})
        .values_list("public_id", "slug")
    )

    def page_of(row: Row, kind: str, public_id: str) -> str:
        if kind in PAGES:
            return reverse(PAGES[kind], args=[public_id])
        if kind == "drive":
            return reverse("drives:drive", args=[slugs[public_id]]) if public_id in slugs else ""
        entry = row.payload.get("entry")
        return reverse("drives:entry", args=[entry]) if entry else ""

    return [(row, page_of(row, kind, public_id)) for row, (kind, _, public_id) in zip(rows, named, strict=True)]
