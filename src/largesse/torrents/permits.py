"""Permits of the index."""

from largesse.accounts.models import User
from largesse.accounts.permits import may_moderate, may_publish
from largesse.torrents.models import Listing


def may_edit(user: object, listing: Listing) -> bool:
    """Return whether the account may change or withdraw the listing."""
    is_own = isinstance(user, User) and user.pk == listing.publisher_id
    return may_moderate(user) or (is_own and may_publish(user))
