"""
Feeds of the index: Atom (RFC 4287) and RSS 2.0, each with the .torrent file as an enclosure.

A feed takes the same query as the catalogue page, so every search can be followed.
"""

from datetime import datetime

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest
from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed, SyndicationFeed
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from largesse.kit.markdown import safe_html
from largesse.torrents.models import Listing
from largesse.torrents.queries import Wanted, narrowed_listings, site_address

MOST_ITEMS = 50


class AtomFeed(Feed):  # type: ignore[type-arg]
    """The newest listings of a query as Atom."""

    feed_type: type[SyndicationFeed] = Atom1Feed
    own_path = "/feed/"
    item_enclosure_mime_type = "application/x-bittorrent"

    def get_object(self, request: HttpRequest) -> Wanted:
        """Return what the address asks for."""
        return Wanted.of(request.GET)

    def title(self, wanted: Wanted) -> str:
        """Name the feed after the site and the query."""
        name = _("%(site)s: latest torrents") % {"site": settings.CONFIG.site.name}
        words = ", ".join(wanted.narrowed.values())
        return f"{name} ({words})" if words else name

    def link(self, wanted: Wanted) -> str:
        """Return the page that the feed follows."""
        query = urlencode(wanted.narrowed)
        return f"{site_address()}/browse/{'?' + query if query else ''}"

    def feed_url(self, wanted: Wanted) -> str:
        """Return the feed's own address."""
        query = urlencode(wanted.narrowed)
        return f"{site_address()}{self.own_path}{'?' + query if query else ''}"

    def items(self, wanted: Wanted) -> list[Listing]:
        """Return the newest fifty."""
        return list(narrowed_listings(wanted)[:MOST_ITEMS])

    def item_title(self, item: Listing) -> str:
        """Return the title."""
        return item.title

    def item_description(self, item: Listing) -> str:
        """Return the description as safe HTML."""
        return safe_html(item.description)

    def item_link(self, item: Listing) -> str:
        """Return the page, at the site's own address."""
        return site_address() + item.path

    def item_guid(self, item: Listing) -> str:
        """Return what names the entry for good."""
        return site_address() + item.path

    def item_pubdate(self, item: Listing) -> datetime:
        """Return when it was listed."""
        return item.listed_at

    def item_author_name(self, item: Listing) -> str:
        """Return the publisher."""
        return item.publisher.username

    def item_categories(self, item: Listing) -> list[str]:
        """Return the category and the tags."""
        return [*([item.category.slug] if item.category else []), *(tag.name for tag in item.tags.all())]

    def item_enclosure_url(self, item: Listing) -> str:
        """Return where the .torrent file is."""
        return f"{site_address()}{item.path}download/"

    def item_enclosure_length(self, item: Listing) -> int:
        """Return the stored file's size; the announce URLs change it by a little."""
        return item.torrent.metainfo_size_bytes


class RssFeed(AtomFeed):
    """The newest listings of a query as RSS, which BitTorrent programs read."""

    feed_type = Rss201rev2Feed
    own_path = "/feed/rss/"

    def description(self, wanted: Wanted) -> str:
        """Say what the feed is; RSS demands it."""
        return self.title(wanted)
