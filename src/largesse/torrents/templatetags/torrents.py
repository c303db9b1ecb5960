"""What templates of the index may use besides the house's own."""

from babel.core import Locale, UnknownLocaleError
from django import template
from django.utils.translation import get_language

from largesse.accounts.models import User
from largesse.swarm.queries import announce_urls
from largesse.torrents.models import Listing
from largesse.torrents.queries import magnet_of

register = template.Library()


@register.simple_tag(takes_context=True)
def magnet(context: template.Context, listing: Listing) -> str:
    """Write a listing's magnet link; the announce URLs are looked up once a page."""
    kept = context.render_context
    if "trackers" not in kept:
        user = getattr(context.get("request"), "user", None)
        kept["trackers"] = announce_urls(passkey=user.tracker_passkey if isinstance(user, User) else None)
    return magnet_of(listing.torrent, title=listing.title, trackers=kept["trackers"])


@register.filter
def language_name(tag: str) -> str:
    """Write a language tag of BCP 47 as its name in the visitor's language."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(get_language() or "en")
    except (UnknownLocaleError, ValueError):
        return tag
    return name or tag
