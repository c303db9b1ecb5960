"""What the pages, the API and the feeds ask of the index."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.core.paginator import Paginator
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Lower

from largesse.swarm.models import SwarmCount
from largesse.swarm.queries import announce_urls
from largesse.torrents.models import Category, Listing, State, Torrent, TorrentFile

PAGE_ROWS = 25
MOST_PAGES = 400

SORTS: dict[str, tuple[Any, str]] = {
    "added": ("listed_at", "-"),
    "title": (Lower("title"), ""),
    "size": ("torrent__size_bytes", "-"),
    "seeders": ("seeders", ""),
    "popular": ("seeders", "-"),
}
"""What each sort orders by, and its direction."""


def shown_listings() -> QuerySet[Listing]:
    """Return the listings that are shown, with their seeders, newest first."""
    counts = SwarmCount.objects.filter(key=OuterRef("torrent__swarm_key"))

    def counted(field: str) -> Coalesce:
        return Coalesce(Subquery(counts.values(field)[:1]), 0, output_field=IntegerField())

    return (
        Listing.objects.filter(state=State.LISTED)
        .select_related("torrent", "publisher", "category")
        .annotate(seeders=counted("seeders"), leechers=counted("leechers"), completed=counted("completed"))
        .order_by("-listed_at", "-pk")
    )


def latest_listings(*, limit: int) -> list[Listing]:
    """Return the newest listings."""
    return list(shown_listings()[:limit])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a visitor looks for; empty parts do not narrow."""

    words: str = ""
    category: str = ""
    licence: str = ""
    publisher: str = ""
    tag: str = ""
    sort: str = "added"
    page: int = 1

    @classmethod
    def of(cls, parameters: Any) -> "Wanted":
        """Read the address of a page; what makes no sense is left out rather than refused."""
        page = parameters.get("page", "1")
        sort = parameters.get("sort", "added")
        return cls(
            words=parameters.get("q", "").strip()[:200],
            category=parameters.get("category", "")[:32],
            licence=parameters.get("licence", "")[:200],
            publisher=parameters.get("publisher", "")[:150],
            tag=parameters.get("tag", "")[:40],
            sort=sort if sort in SORTS else "added",
            page=min(int(page), MOST_PAGES) if page.isdigit() and page.isascii() and 0 < len(page) < 6 else 1,
        )


def found_listings(wanted: Wanted) -> Paginator:  # type: ignore[type-arg]
    """Return the pages of what a visitor looks for."""
    found = shown_listings()
    for word in wanted.words.split()[:12]:
        if re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", word):
            found = found.filter(Q(torrent__keys__key=word.lower()[:40]) | Q(torrent__v2=word.lower()))
        else:
            found = found.filter(
                Q(title__icontains=word) | Q(publisher__username__icontains=word) | Q(tags__name=word.lower())
            )
    if wanted.category:
        found = found.filter(category__slug=wanted.category)
    if wanted.licence:
        found = found.filter(licence=wanted.licence)
    if wanted.publisher:
        found = found.filter(publisher__username=wanted.publisher)
    if wanted.tag:
        found = found.filter(tags__name=wanted.tag)
    key, sign = SORTS[wanted.sort]
    if isinstance(key, str):
        ordered = found.distinct().order_by(f"{sign}{key}", "-pk")
    else:
        ordered = found.annotate(sort_key=key).distinct().order_by(f"{sign}sort_key", "-pk")
    return Paginator(ordered, PAGE_ROWS)


def magnet_of(torrent: Torrent, *, title: str, passkey: str | None = None) -> str:
    """Return the magnet link: btih and btmh (BEP 9, BEP 52), name, size and our trackers."""
    parts = []
    if torrent.v1:
        parts.append(f"xt=urn:btih:{torrent.v1}")
    if torrent.v2:
        parts.append(f"xt=urn:btmh:1220{torrent.v2}")
    parts += [f"dn={quote(title, safe='')}", f"xl={torrent.size_bytes}"]
    parts += [f"tr={quote(url, safe='')}" for url in announce_urls(passkey=passkey)]
    return "magnet:?" + "&".join(parts)


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of a file tree: a file, or a folder with what is in it."""

    name: str
    size_bytes: int
    file_count: int
    pieces_root: str | None
    children: tuple["Branch", ...]
    is_folder: bool


MOST_FILES_IN_TREE = 2_000
OPEN_UP_TO_FILES = 50


def file_tree(torrent: Torrent) -> tuple[Branch, ...]:
    """Return the torrent's files as a tree, folders first; at most the first 2,000 files."""
    return _branches(list(torrent.files.order_by("position")[:MOST_FILES_IN_TREE]), depth=0)


def _branches(files: Iterable[TorrentFile], *, depth: int) -> tuple[Branch, ...]:
    folders: dict[str, list[TorrentFile]] = {}
    leaves: list[Branch] = []
    for file in files:
        parts = file.path.split("/")
        if depth < min(len(parts) - 1, 40):
            folders.setdefault(parts[depth], []).append(file)
        else:
            leaves.append(Branch("/".join(parts[depth:]), file.size_bytes, 1, file.pieces_root, (), is_folder=False))
    made = [
        Branch(
            name,
            sum(file.size_bytes for file in inside),
            len(inside),
            None,
            _branches(inside, depth=depth + 1),
            is_folder=True,
        )
        for name, inside in folders.items()
    ]
    return (*made, *leaves)


@dataclass(frozen=True, slots=True)
class Square:
    """One square of the catalogue's map."""

    kind: str
    x: float
    y: float
    side: float


@dataclass(frozen=True, slots=True)
class CatalogueFacts:
    """What the home page says of the catalogue."""

    torrents: int
    thin: int
    lost: int
    peers: int
    size_bytes: int
    each: int
    squares: tuple[Square, ...]
    map_height: int
    categories: tuple["CategoryCount", ...]


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A shelf with how many listings stand on it."""

    slug: str
    label: str
    number: int


COLUMNS = 26
MOST_SQUARES = 26 * 7


def catalogue_facts() -> CatalogueFacts:
    """Return the figures of the home page; a square stands for as many torrents as make the map fit."""
    shown: QuerySet[Any] = shown_listings().order_by()
    torrents = shown.count()
    lost = shown.filter(seeders=0).count()
    thin = shown.filter(seeders__gt=0, seeders__lt=3).count()
    totals = shown.aggregate(size=Sum("torrent__size_bytes"), seeders=Sum("seeders"), leechers=Sum("leechers"))
    each = next(step for step in (1, 10, 100, 1_000, 10_000, 100_000, 10**9) if torrents <= step * MOST_SQUARES)
    kinds = ["ok"] * -(-(torrents - thin - lost) // each) + ["thin"] * -(-thin // each) + ["lost"] * -(-lost // each)
    squares = tuple(_square(index, kind) for index, kind in enumerate(kinds[:MOST_SQUARES]))
    numbers = dict(Listing.objects.filter(state=State.LISTED).values_list("category").annotate(number=Count("pk")))
    categories = tuple(
        CategoryCount(category.slug, category.label, numbers[category.pk])
        for category in Category.objects.all()
        if numbers.get(category.pk)
    )
    peers = (totals["seeders"] or 0) + (totals["leechers"] or 0)
    height = 18 * max(1, -(-len(squares) // COLUMNS))
    return CatalogueFacts(torrents, thin, lost, peers, totals["size"] or 0, each, squares, height, categories)


def _square(index: int, kind: str) -> Square:
    """Place a square; hollow ones are drawn inside their line."""
    inset = 0 if kind == "ok" else 0.75
    return Square(kind, index % COLUMNS * 18 + inset, index // COLUMNS * 18 + inset, 14 - 2 * inset)
