"""Feeds of the index (Atom, RFC 4287)."""

from datetime import datetime

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from largesse.torrents.models import Listing
from largesse.torrents.queries import latest_listings


class LatestFeed(Feed):  # type: ignore[type-arg]
    """The newest listings, each with its .torrent as an enclosure."""

    feed_type = Atom1Feed
    link = "/browse/"

    def title(self) -> str:
        """Name the feed after the site."""
        return _("%(site)s: latest torrents") % {"site": settings.CONFIG.site.name}

    def items(self) -> list[Listing]:
        """Return the newest fifty."""
        return latest_listings(limit=50)

    def item_title(self, item: Listing) -> str:
        """Return the title."""
        return item.title

    def item_description(self, item: Listing) -> str:
        """Return the beginning of the description."""
        return item.description[:500]

    def item_pubdate(self, item: Listing) -> datetime:
        """Return when it was listed."""
        return item.listed_at

    def item_author_name(self, item: Listing) -> str:
        """Return the publisher."""
        return item.publisher.username

    def item_enclosure_url(self, item: Listing) -> str:
        """Return where the .torrent file is."""
        return f"{settings.SITE_ADDRESS}{item.path}download/"

    def item_enclosure_length(self, item: Listing) -> int:
        """Return the stored file's size; the announce URLs change it by a little."""
        return item.torrent.metainfo_size_bytes

    item_enclosure_mime_type = "application/x-bittorrent"
