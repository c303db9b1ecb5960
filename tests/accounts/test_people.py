"""The page of people: found, given roles after a second look, closed with its consequences told, opened again."""

import pytest
from django.test import Client

from factories import make_listing, make_user
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import ApiToken, Role, User
from largesse.accounts.queries import PAGE_PEOPLE, found_people
from largesse.journal.models import Row

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client) -> Client:
    client.force_login(make_user("root", role=Role.ADMINISTRATOR))
    return client


def test_people_are_found_by_name_mail_role_and_page() -> None:
    for number in range(PAGE_PEOPLE + 2):
        make_user(f"person{number:03}", role=Role.MEMBER)
    make_user("zoe", role=Role.TREASURER)
    User.objects.filter(username="person001").update(is_active=False)
    first = found_people()
    assert (len(first.people), first.total) == (PAGE_PEOPLE, PAGE_PEOPLE + 3)
    rest = found_people(after=first.next_after)
    assert [user.username for user in rest.people] == ["person050", "person051", "zoe"]
    assert rest.next_after == ""
    assert [user.username for user in found_people(text="ZOE@example").people] == ["zoe"]
    assert [user.username for user in found_people(role="treasurer").people] == ["zoe"]
    assert [user.username for user in found_people(role="closed").people] == ["person001"]
    assert found_people(role="emperor").total == PAGE_PEOPLE + 3


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_other_roles_do_not_see_the_pages_of_people(client: Client, role: Role) -> None:
    account = make_user("ada", role=Role.MEMBER)
    client.force_login(make_user("bob", role=role))
    base = f"/account/people/{account.public_id}/"
    for path in ("/account/people/", base, f"{base}role/?role=publisher", f"{base}close/"):
        assert client.get(path).status_code == 403
    for path in ("role/", "close/", "reopen/"):
        assert client.post(base + path, {"role": "administrator"}).status_code == 403
    assert User.objects.get(pk=account.pk).role == Role.MEMBER


def test_a_role_is_given_after_a_second_look(desk: Client) -> None:
    account = make_user("ada", role=Role.MEMBER)
    base = f"/account/people/{account.public_id}/"
    asked = desk.get(f"{base}role/", {"role": "moderator"}).content.decode()
    assert "ada: Moderator?" in asked
    assert "withdraws the listings of others" in asked
    assert User.objects.get(pk=account.pk).role == Role.MEMBER
    desk.post(f"{base}role/", {"role": "moderator"})
    assert User.objects.get(pk=account.pk).role == Role.MODERATOR
    assert desk.post(f"{base}role/", {"role": "emperor"}).status_code == 302
    assert User.objects.get(pk=account.pk).role == Role.MODERATOR
    assert desk.get("/account/people/nobody/").status_code == 404


def test_the_last_administrator_is_told_why_nothing_changed(desk: Client) -> None:
    root = User.objects.get(username="root")
    for path, said in (
        (f"/account/people/{root.public_id}/role/", {"role": "member"}),
        (f"/account/people/{root.public_id}/close/", {}),
    ):
        answer = desk.post(path, said)
        assert answer.status_code == 409
        assert "last administrator" in answer.content.decode()


def test_a_closed_account_is_signed_out_its_tokens_revoked_and_its_listings_stay(desk: Client) -> None:
    account = make_user("ada")
    listing = make_listing(account)
    secret = make_token(account, name="script").secret
    theirs = Client()
    theirs.force_login(account)
    assert theirs.get("/account/me/").status_code == 200
    base = f"/account/people/{account.public_id}/"

    told = desk.get(f"{base}close/").content.decode()
    assert "API tokens are revoked" in told and User.objects.get(pk=account.pk).is_active
    desk.post(f"{base}close/")
    assert theirs.get("/account/me/").status_code == 302
    assert (
        theirs.post("/account/login/", {"login": "ada", "password": "correct horse battery"}).headers["Location"]
        == "/account/inactive/"
    )
    assert theirs.get("/account/inactive/").status_code == 200
    assert theirs.post("/api/v1/torrents", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert theirs.get(listing.path).status_code == 200

    desk.post(f"{base}reopen/")
    theirs.post("/account/login/", {"login": "ada", "password": "correct horse battery"})
    assert theirs.get("/account/me/").status_code == 200
    assert ApiToken.objects.filter(user=account, revoked_at=None).count() == 0, "what was revoked stays so"
    kinds = Row.objects.filter(subject=account.actor).order_by("serial").values_list("kind", flat=True)
    assert list(kinds) == ["accounts.closed", "accounts.reopened"]
    desk.post(f"{base}reopen/")
    assert Row.objects.filter(kind="accounts.reopened").count() == 1, "opened twice, told once"
