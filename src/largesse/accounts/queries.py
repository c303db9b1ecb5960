"""Questions about accounts."""

from dataclasses import dataclass

from django.db.models import Q

from largesse.accounts.models import Role, User

PAGE_PEOPLE = 50


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """One page of people, in the order of their names."""

    people: list[User]
    total: int
    """How many were found in all."""
    next_after: str
    """The name that the next page follows; empty: this is the last one."""


def is_last_administrator(account: User) -> bool:
    """Return whether nobody else gives roles; the caller holds the journal's lock."""
    others = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=account.pk)
    return account.role == Role.ADMINISTRATOR and account.is_active and not others.exists()


def found_people(*, text: str = "", role: str = "", after: str = "") -> PeoplePage:
    """Return accounts whose name or mail address has `text`; `role` is a role, or "closed"."""
    found = User.objects.filter(Q(username__icontains=text) | Q(email__icontains=text)) if text else User.objects.all()
    if role == "closed":
        found = found.filter(is_active=False)
    elif role in Role.values:
        found = found.filter(role=role, is_active=True)
    rows = list(found.filter(username__gt=after).order_by("username")[: PAGE_PEOPLE + 1])
    more = rows[PAGE_PEOPLE:]
    people = rows[:PAGE_PEOPLE]
    return PeoplePage(people, found.count(), people[-1].username if more else "")
