"""Roles: what each may do, who gives them, and that somebody is always left to give them."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser

from factories import make_user
from largesse.accounts.actions.close_account import close_account
from largesse.accounts.actions.reopen_account import reopen_account
from largesse.accounts.actions.set_role import set_role
from largesse.accounts.errors import LastAdministrator
from largesse.accounts.models import Role, User
from largesse.accounts.permits import may_administer, may_keep_books, may_moderate, may_publish, told_roles
from largesse.journal.models import Row
from largesse.kit.errors import NotPermitted

pytestmark = pytest.mark.django_db

PERMITS: dict[Callable[[object], bool], set[Role]] = {
    may_publish: {Role.PUBLISHER, Role.MODERATOR, Role.ADMINISTRATOR},
    may_moderate: {Role.MODERATOR, Role.ADMINISTRATOR},
    may_keep_books: {Role.TREASURER, Role.ADMINISTRATOR},
    may_administer: {Role.ADMINISTRATOR},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permit", PERMITS)
def test_a_role_may_do_what_it_is_trusted_with_and_no_more(permit: Callable[[object], bool], role: Role) -> None:
    user = make_user(role=role)
    assert permit(user) == (role in PERMITS[permit])
    user.is_active = False
    assert not permit(user), "a closed account may nothing"
    assert not permit(AnonymousUser())


def test_every_role_is_told_of_in_words() -> None:
    assert [role for role, _ in told_roles()] == list(Role)


def test_a_role_is_given_and_journalled_without_names() -> None:
    administrator, account = make_user("root", role=Role.ADMINISTRATOR), make_user("ada", role=Role.MEMBER)
    set_role(account, role=Role.PUBLISHER, administrator=administrator)
    assert User.objects.get(username="ada").role == Role.PUBLISHER
    row = Row.objects.get(kind="accounts.role_given")
    assert (row.subject, row.actor, row.payload) == (account.actor, administrator.actor, {"role": "publisher"})
    assert "ada" not in row.payload_json + row.subject


def test_giving_the_role_that_is_there_changes_and_journals_nothing() -> None:
    administrator, account = make_user("root", role=Role.ADMINISTRATOR), make_user("ada", role=Role.MEMBER)
    set_role(account, role=Role.MEMBER, administrator=administrator)
    assert not Row.objects.filter(kind="accounts.role_given").exists()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_nobody_but_an_administrator_gives_roles_or_closes_accounts(role: Role) -> None:
    actor, account = make_user("bob", role=role), make_user("ada", role=Role.MEMBER)
    with pytest.raises(NotPermitted):
        set_role(actor, role=Role.ADMINISTRATOR, administrator=actor)
    with pytest.raises(NotPermitted):
        close_account(account, administrator=actor)
    User.objects.filter(pk=account.pk).update(is_active=False)
    with pytest.raises(NotPermitted):
        reopen_account(account, administrator=actor)
    assert User.objects.get(username="bob").role == role


def test_the_last_administrator_keeps_the_role_and_the_account() -> None:
    root = make_user("root", role=Role.ADMINISTRATOR)
    closed = make_user("former", role=Role.ADMINISTRATOR)
    close_account(closed, administrator=root)
    with pytest.raises(LastAdministrator):
        set_role(root, role=Role.MEMBER, administrator=root)
    with pytest.raises(LastAdministrator):
        close_account(root, administrator=root)
    second = make_user("second", role=Role.ADMINISTRATOR)
    set_role(root, role=Role.MEMBER, administrator=second)
    assert User.objects.get(username="root").role == Role.MEMBER


def test_an_administrator_who_lost_the_role_meanwhile_gives_none() -> None:
    """What is checked is what the database says under the lock, so two who take each other's role leave one."""
    root, other = make_user("root", role=Role.ADMINISTRATOR), make_user("other", role=Role.ADMINISTRATOR)
    set_role(User.objects.get(pk=root.pk), role=Role.MEMBER, administrator=User.objects.get(pk=other.pk))
    assert root.role == Role.ADMINISTRATOR, "this copy does not know it yet"
    with pytest.raises(NotPermitted):
        set_role(other, role=Role.MEMBER, administrator=root)
    assert User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).count() == 1
