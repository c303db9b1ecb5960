"""What the pages, the API and the feeds ask of the index."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Lower

from largesse.accounts.models import User
from largesse.kit.runtime import read_runtime
from largesse.swarm.models import SwarmCount
from largesse.torrents.cursors import LONGEST_CURSOR, Cursor, Key
from largesse.torrents.metainfo import Metainfo
from largesse.torrents.models import AnnounceKeyEntry, Category, Listing, State, Tag, Torrent, TorrentFile

MOST_WORDS = 12
PAGE_ROWS = 25


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of the catalogue: by what, of which type, which way."""

    key: Any
    kind: type[Key]
    is_descending: bool


SORTS = {
    "added": Sort(F("listed_at"), datetime, is_descending=True),
    "title": Sort(Lower("title"), str, is_descending=False),
    "size": Sort(F("torrent__size_bytes"), int, is_descending=True),
    "seeders": Sort(F("seeders"), int, is_descending=False),
    "popular": Sort(F("seeders"), int, is_descending=True),
}


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
    language: str = ""
    sort: str = "added"
    after: str = ""

    @classmethod
    def of(cls, parameters: Any) -> "Wanted":
        """Read the address of a page; what makes no sense is left out rather than refused."""
        sort = parameters.get("sort", "added")

        def given(name: str, *, most: int) -> str:
            return str(parameters.get(name, "")).replace("\0", "").strip()[:most]

        return cls(
            words=given("q", most=200),
            category=given("category", most=32),
            licence=given("licence", most=200),
            publisher=given("publisher", most=150),
            tag=given("tag", most=40).lower(),
            language=given("language", most=16),
            sort=sort if sort in SORTS else "added",
            after=given("after", most=LONGEST_CURSOR),
        )

    @property
    def narrowed(self) -> dict[str, str]:
        """The parts that narrow, by their name in the page's address."""
        parts = {
            "q": self.words,
            "category": self.category,
            "licence": self.licence,
            "publisher": self.publisher,
            "tag": self.tag,
            "language": self.language,
        }
        return {name: value for name, value in parts.items() if value}


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what a visitor looks for: `total` counts all pages, `after` begins the next."""

    rows: tuple[Listing, ...]
    total: int
    after: str | None
    is_first: bool


def found_listings(wanted: Wanted, *, rows: int = PAGE_ROWS) -> Found:
    """Return the page of what a visitor looks for that begins at the cursor."""
    found = narrowed_listings(wanted)
    total = found.order_by().count()
    sort = SORTS[wanted.sort]
    found = found.annotate(sort_key=sort.key)
    cursor = Cursor.parse(wanted.after, kind=sort.kind) if wanted.after else None
    if cursor is not None:
        beyond = {"sort_key__lt" if sort.is_descending else "sort_key__gt": cursor.key}
        found = found.filter(Q(**beyond) | Q(sort_key=cursor.key, pk__lt=cursor.pk))
    page: list[Any] = list(found.order_by("-sort_key" if sort.is_descending else "sort_key", "-pk")[: rows + 1])
    last = page[rows - 1] if len(page) > rows else None
    after = str(Cursor(last.sort_key, last.pk)) if last is not None else None
    return Found(tuple(page[:rows]), total, after, cursor is None)


def narrowed_listings(wanted: Wanted) -> QuerySet[Listing]:
    """Return the shown listings that have everything a visitor asks for, newest first."""
    found = shown_listings().prefetch_related("tags")
    for word in wanted.words.split()[:MOST_WORDS]:
        if re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", word):
            keys = AnnounceKeyEntry.objects.filter(key=word.lower()[:40]).values("torrent")
            found = found.filter(torrent__in=keys)
        else:
            tagged = Tag.objects.filter(name=word.lower()).values("listing")
            found = found.filter(Q(title__icontains=word) | Q(publisher__username__icontains=word) | Q(pk__in=tagged))
    if wanted.category:
        found = found.filter(category__slug=wanted.category)
    if wanted.licence:
        found = found.filter(licence__iexact=wanted.licence)
    if wanted.publisher:
        found = found.filter(publisher__username=wanted.publisher)
    if wanted.language:
        found = found.filter(language=wanted.language)
    if wanted.tag:
        found = found.filter(pk__in=Tag.objects.filter(name=wanted.tag).values("listing"))
    return found


def common_licences(*, limit: int = 8) -> list[str]:
    """Return the licences that the catalogue has most of."""
    stated = Listing.objects.filter(state=State.LISTED).exclude(licence="")
    counted = stated.values("licence").annotate(number=Count("pk")).order_by("-number", "licence")
    return [row["licence"] for row in counted[:limit]]


def published_by(account: User) -> dict[str, int]:
    """Return how many listings an account shows, their bytes, and their seeders."""
    listed = Listing.objects.filter(state=State.LISTED, publisher=account)
    totals = listed.aggregate(torrents=Count("pk"), size_bytes=Sum("torrent__size_bytes"))
    totals |= _counts_of(listed).aggregate(seeders_now=Sum("seeders"))
    return {name: value or 0 for name, value in totals.items()}


def rarest_listings(*, limit: int) -> list[Listing]:
    """Return the listings with the fewest seeds, where somebody's help matters most."""
    rare: Any = shown_listings()  # Its annotation of seeders is not in the model's type.
    return list(rare.filter(seeders__lt=5).order_by("seeders", "-listed_at", "-pk")[:limit])


def holding_file(root: str, *, limit: int = 100) -> list[Listing]:
    """Return the listings that hold the file of this v2 root (hex), newest first."""
    holders = TorrentFile.objects.filter(pieces_root=root.lower()).values("torrent")
    return list(shown_listings().filter(torrent__in=holders)[:limit])


def shelves() -> QuerySet[Category]:
    """Return every category with the number of its listings, as `listed`."""
    return Category.objects.annotate(listed=Count("listings", filter=Q(listings__state=State.LISTED)))


def _counts_of(listings: QuerySet[Listing]) -> QuerySet[SwarmCount]:
    """Return the counts of the listings' swarms."""
    return SwarmCount.objects.filter(key__in=listings.values("torrent__swarm_key"))


def existing_listing(metainfo: Metainfo) -> Listing | None:
    """Return the listing that has one of the announce keys, whatever its state."""
    keys = [key.hex() for key in metainfo.announce_keys]
    entry = AnnounceKeyEntry.objects.select_related("torrent__listing").filter(key__in=keys).first()
    return entry.torrent.listing if entry else None


def site_address() -> str:
    """Return the site's public address: as it is set, else of the running site."""
    if settings.CONFIG.site.address:
        return str(settings.CONFIG.site.address)
    running = read_runtime(settings.CONFIG.data)
    return running.site if running else str(settings.SITE_ADDRESS)


def magnet_of(torrent: Torrent, *, title: str, trackers: Sequence[str]) -> str:
    """Return the magnet link: btih and btmh (BEP 9, BEP 52), name, size and our trackers."""
    parts = []
    if torrent.v1:
        parts.append(f"xt=urn:btih:{torrent.v1}")
    if torrent.v2:
        parts.append(f"xt=urn:btmh:1220{torrent.v2}")
    parts += [f"dn={quote(title, safe='')}", f"xl={torrent.size_bytes}"]
    parts += [f"tr={quote(url, safe='')}" for url in trackers]
    return "magnet:?" + "&".join(parts)


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
    listed = Listing.objects.filter(state=State.LISTED)
    counts = _counts_of(listed)
    totals = listed.aggregate(torrents=Count("pk"), size=Sum("torrent__size_bytes"))
    swarms = counts.aggregate(
        alive=Count("pk", filter=Q(seeders__gt=0)),
        thin=Count("pk", filter=Q(seeders__gt=0, seeders__lt=3)),
        peers=Sum(F("seeders") + F("leechers")),
    )
    torrents, thin, lost = totals["torrents"], swarms["thin"], totals["torrents"] - swarms["alive"]
    each = next(step for step in (1, 10, 100, 1_000, 10_000, 100_000, 10**9) if torrents <= step * MOST_SQUARES)
    kinds = ["ok"] * -(-(torrents - thin - lost) // each) + ["thin"] * -(-thin // each) + ["lost"] * -(-lost // each)
    squares = tuple(_square(index, kind) for index, kind in enumerate(kinds[:MOST_SQUARES]))
    numbers = dict(listed.values_list("category").annotate(number=Count("pk")))
    categories = tuple(
        CategoryCount(category.slug, category.label, numbers[category.pk])
        for category in Category.objects.all()
        if numbers.get(category.pk)
    )
    peers = swarms["peers"] or 0
    height = 18 * max(1, -(-len(squares) // COLUMNS))
    return CatalogueFacts(torrents, thin, lost, peers, totals["size"] or 0, each, squares, height, categories)


def _square(index: int, kind: str) -> Square:
    """Place a square; hollow ones are drawn inside their line."""
    inset = 0 if kind == "ok" else 0.75
    return Square(kind, index % COLUMNS * 18 + inset, index // COLUMNS * 18 + inset, 14 - 2 * inset)
