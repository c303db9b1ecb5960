"""The feed of the site's news, as Atom (RFC 4287)."""

from datetime import datetime

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext as _

from largesse.kit.markdown import safe_html
from largesse.site.models import News
from largesse.torrents.queries import site_address

MOST_ITEMS = 50


class NewsFeed(Feed):  # type: ignore[type-arg]
    """The newest news."""

    feed_type = Atom1Feed

    def title(self) -> str:
        """Name the feed after the site."""
        return _("%(site)s: news") % {"site": settings.CONFIG.site.name}

    def link(self) -> str:
        """Return the page that the feed follows."""
        return f"{site_address()}/news/"

    def feed_url(self) -> str:
        """Return the feed's own address."""
        return f"{site_address()}/news/feed/"

    def items(self) -> list[News]:
        """Return the newest fifty."""
        return list(News.objects.select_related("author")[:MOST_ITEMS])

    def item_title(self, item: News) -> str:
        """Return the title."""
        return item.title

    def item_description(self, item: News) -> str:
        """Return the text as safe HTML."""
        return safe_html(item.text)

    def item_link(self, item: News) -> str:
        """Return the page of the piece."""
        return f"{site_address()}/news/{item.public_id}/"

    def item_pubdate(self, item: News) -> datetime:
        """Return when it was published."""
        return item.published_at
