"""What a listing's page tells beside the listing: its trend, where its files are found too, how to cite it, what machines read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count

from largesse.kit.clock import Clock, utc_now
from largesse.swarm.queries import health_history
from largesse.torrents.models import Listing, State, Torrent, TorrentFile
from largesse.torrents.queries import site_address

TREND_DAYS = 30
WIDTH, HEIGHT = 330, 84
"""Of the trend's drawing; its viewBox has room for the words below."""
MOST_ROOTS = 500
"""Files of one torrent that are looked for elsewhere; a page with more is not read to the end."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Seeds of the last thirty days, as a line: y grows downward and starts at zero."""

    points: str
    end_x: str
    end_y: str
    lowest: int
    highest: int
    first: date
    last: date


def trend_of(torrent: Torrent, *, clock: Clock = utc_now) -> Trend | None:
    """Return the torrent's trend, or None where fewer than two days are known."""
    today = clock().date()
    since = today - timedelta(days=TREND_DAYS - 1)
    known = {row.day: row.most_seeders for row in health_history(torrent.swarm_key, since=since)}
    if len(known) < 2:
        return None
    first = min(known)
    days = [first + timedelta(days=number) for number in range((today - first).days + 1)]
    values = [known.get(day, 0) for day in days]
    top = max(*values, 1)
    step = (WIDTH - 2) / (len(days) - 1)
    line = [
        (f"{1 + number * step:.1f}", f"{HEIGHT - value / top * (HEIGHT - 5):.1f}")
        for number, value in enumerate(values)
    ]
    points = " ".join(f"{x},{y}" for x, y in line)
    return Trend(points, *line[-1], lowest=min(values), highest=max(values), first=first, last=today)


def shared_roots(torrent: Torrent) -> dict[str, int]:
    """Return in how many other listed torrents each file is found: equal v2 roots mean equal bytes (BEP 52)."""
    roots = list(
        torrent.files.exclude(pieces_root=None).order_by("position").values_list("pieces_root", flat=True)[:MOST_ROOTS]
    )
    if not roots:
        return {}
    elsewhere = (
        TorrentFile.objects.filter(pieces_root__in=roots, torrent__listing__state=State.LISTED)
        .exclude(torrent=torrent)
        .values("pieces_root")
        .annotate(number=Count("torrent", distinct=True))
    )
    return {str(row["pieces_root"]): row["number"] for row in elsewhere}


def citation_of(listing: Listing) -> str:
    """Return the listing as BibTeX."""
    torrent, year = listing.torrent, listing.listed_at.year
    word = next(iter(re.findall(r"[a-z0-9]+", listing.title.lower())), "torrent")
    info_hash = torrent.v1 or torrent.v2
    rows: Sequence[tuple[str, str]] = (
        ("title", _bibtex(listing.title)),
        ("publisher", _bibtex(listing.publisher.username)),
        ("year", str(year)),
        ("howpublished", f"BitTorrent, infohash {info_hash}"),
        ("url", site_address() + listing.path),
    )
    lines = [f"  {name:12} = {{{value}}}," for name, value in rows]
    return "\n".join([f"@misc{{{word}{year}-{listing.public_id},", *lines, "}"])


def _bibtex(text: str) -> str:
    """Escape what BibTeX would read as its own; control characters cannot stand in a title at all."""
    return re.sub(r"([\\{}$&%#_~^])", lambda found: "\\" + found[1] if found[1] not in "\\~^" else " ", text)


def dataset_of(shown: Listing) -> dict[str, object]:
    """Return what search engines for data read (schema.org Dataset)."""
    page = site_address() + shown.path
    return {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": shown.title,
        "description": shown.description[:5000] or shown.title,
        "url": page,
        "datePublished": shown.listed_at.date().isoformat(),
        "creator": {"@type": "Organization", "name": shown.publisher.username},
        "identifier": [f"urn:btih:{shown.torrent.v1}"] * bool(shown.torrent.v1)
        + [f"urn:btmh:1220{shown.torrent.v2}"] * bool(shown.torrent.v2),
        "keywords": [tag.name for tag in shown.tags.all()],
        **({"inLanguage": shown.language} if shown.language else {}),
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
