"""The one-time link that makes the first administrator: once, only whole, only while there is none."""

import pytest
from django.test import Client

from factories import make_user
from largesse.accounts.actions.first_administrator import first_administrator_link, make_first_administrator
from largesse.accounts.errors import LinkUsed
from largesse.accounts.models import FirstAdministratorLink, Role, User

pytestmark = pytest.mark.django_db
SAID = {"username": "root", "email": "root@example.org", "password": "a long enough sentence"}


@pytest.fixture
def link() -> str:
    made = first_administrator_link()
    assert made is not None
    return made


def test_the_link_makes_an_administrator_once(client: Client, link: str) -> None:
    assert client.get(link).headers["Cache-Control"].startswith("max-age=0")
    assert client.post(link, SAID).headers["Location"] == "/account/me/"
    assert client.get("/account/people/").status_code == 200, "and signs in"
    assert User.objects.get().role == Role.ADMINISTRATOR
    assert Client().get(link).status_code == 404
    assert Client().post(link, {**SAID, "username": "second"}).status_code == 404
    assert User.objects.count() == 1
    assert first_administrator_link() is None


def test_only_the_hash_of_the_link_is_kept_and_a_new_one_replaces_it(client: Client, link: str) -> None:
    token = link.split("/")[-2]
    assert token not in str(FirstAdministratorLink.objects.values_list().get())
    newer = first_administrator_link()
    assert newer not in {None, link}
    assert client.get(link).status_code == 404
    assert client.get(str(newer)).status_code == 200


@pytest.mark.parametrize("token", ["wrong", "a" * 43, "é", "0" * 5000])
def test_a_wrong_link_says_what_to_do(client: Client, link: str, token: str) -> None:
    answer = client.get(f"/account/first/{token}/")
    assert answer.status_code == 404
    assert "Start the program again" in answer.content.decode()


@pytest.mark.parametrize(
    "said", [{"password": "short"}, {"password": "password12"}, {"username": "a b"}, {"username": ""}, {"email": "no"}]
)
def test_what_is_wrong_is_told_at_its_field_and_the_link_still_works(
    client: Client, link: str, said: dict[str, str]
) -> None:
    answer = client.post(link, SAID | said)
    assert answer.status_code == 422
    assert "field-bad" in answer.content.decode()
    assert not User.objects.exists()
    assert client.get(link).status_code == 200


def test_the_name_of_an_account_is_not_taken_twice(client: Client, link: str) -> None:
    make_user("Root", role=Role.MEMBER)
    assert client.post(link, SAID).status_code == 422
    assert not User.objects.filter(role=Role.ADMINISTRATOR).exists()


def test_an_administrator_made_meanwhile_closes_the_link(link: str) -> None:
    make_user("other", role=Role.ADMINISTRATOR)
    with pytest.raises(LinkUsed):
        make_first_administrator(link.split("/")[-2], **SAID)
