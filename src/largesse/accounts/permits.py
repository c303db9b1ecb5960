"""Permits: what each role may do. An action asks its permit first."""

from django.utils.translation import gettext as _

from largesse.accounts.models import Role, User
from largesse.kit.errors import NotPermitted

PUBLISHERS = frozenset({Role.PUBLISHER, Role.MODERATOR, Role.ADMINISTRATOR})
MODERATORS = frozenset({Role.MODERATOR, Role.ADMINISTRATOR})
BOOKKEEPERS = frozenset({Role.TREASURER, Role.ADMINISTRATOR})


def may_publish(user: object) -> bool:
    """Return whether the account may list torrents."""
    return _has_role(user, PUBLISHERS)


def may_moderate(user: object) -> bool:
    """Return whether the account may act on listings of others."""
    return _has_role(user, MODERATORS)


def may_keep_books(user: object) -> bool:
    """Return whether the account may open drives, book payments and approve expenses."""
    return _has_role(user, BOOKKEEPERS)


def may_administer(user: object) -> bool:
    """Return whether the account may give roles and write news."""
    return _has_role(user, frozenset({Role.ADMINISTRATOR}))


def told_roles() -> list[tuple[Role, str]]:
    """Say what each role may do, from the least to the most trusted."""
    return [
        (Role.MEMBER, _("Takes part and is counted, where the site counts its members.")),
        (Role.PUBLISHER, _("Lists torrents; edits and withdraws its own listings.")),
        (Role.MODERATOR, _("Lists torrents, and edits or withdraws the listings of others.")),
        (Role.TREASURER, _("Opens drives, books payments and approves expenses; lists nothing.")),
        (Role.ADMINISTRATOR, _("May do all of this, writes news, gives roles and closes accounts.")),
    ]


def require(is_permitted: bool) -> None:
    """Raise NotPermitted unless the permit was given."""
    if not is_permitted:
        raise NotPermitted


def _has_role(user: object, roles: frozenset[Role]) -> bool:
    return isinstance(user, User) and user.is_active and Role(user.role) in roles
