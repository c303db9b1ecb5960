"""Tokens for programs: made, shown once, used, revoked; only their hash is kept. And how the API says no."""

import re

import pytest
from django.test import Client

from factories import make_metainfo, make_user
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import ApiToken, Role, token_hash
from largesse.journal.models import Row

pytestmark = pytest.mark.django_db


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_a_token_is_shown_once_kept_as_a_hash_used_and_revoked(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    made = client.post("/account/tokens/", {"name": "file server"})
    assert made.headers["Cache-Control"] == "no-store"
    (secret,) = re.findall(r"largesse_[\w-]{43}", made.content.decode())
    assert secret not in client.get("/account/tokens/").content.decode(), "it is shown once"
    token = ApiToken.objects.get()
    assert token.token_hash == token_hash(secret)
    assert not any(secret in str(value) for value in ApiToken.objects.values_list().get())

    listed = client.post(
        "/api/v1/torrents", make_metainfo(), content_type="application/x-bittorrent", headers=bearer(secret)
    )
    assert listed.status_code == 201, listed.content
    assert [secret in row.payload_json for row in Row.objects.all()] == [False]
    assert ApiToken.objects.get().last_used_at is not None

    client.post(f"/account/tokens/{token.id}/revoke/")
    refused = client.post("/api/v1/torrents", headers=bearer(secret))
    assert refused.status_code == 401


def test_nobody_revokes_the_token_of_another(client: Client) -> None:
    token = make_token(make_user(), name="mine").token
    client.force_login(make_user("bob"))
    client.post(f"/account/tokens/{token.id}/revoke/")
    assert ApiToken.objects.get().revoked_at is None


def test_a_token_without_a_purpose_is_not_made(client: Client) -> None:
    client.force_login(make_user())
    assert "field-bad" in client.post("/account/tokens/", {"name": ""}).content.decode()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YWRhOmFkYQ==", "Bearer " + "x" * 10_000, "Bearer é"],
)
def test_without_a_right_token_the_api_answers_401_as_json(client: Client, authorization: str) -> None:
    make_token(make_user(), name="other")
    answer = client.post("/api/v1/torrents", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    error = answer.json()["error"]
    assert error["code"] == "not_signed_in"
    assert "Authorization: Bearer" in error["message"]


def test_a_session_is_no_key_to_the_api(client: Client) -> None:
    client.force_login(make_user())
    assert client.post("/api/v1/torrents").status_code == 401


def test_a_token_of_a_member_is_answered_403_with_what_is_missing(client: Client) -> None:
    secret = make_token(make_user(role=Role.MEMBER), name="script").secret
    answer = client.post(
        "/api/v1/torrents", make_metainfo(), content_type="application/x-bittorrent", headers=bearer(secret)
    )
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "not_permitted"


def test_errors_of_the_api_speak_the_language_that_was_asked_for(client: Client) -> None:
    answer = client.post("/api/v1/torrents", headers={"Accept-Language": "fr"})
    assert "jeton" in answer.json()["error"]["message"]


def test_an_address_of_the_api_says_which_methods_it_takes(client: Client) -> None:
    answer = client.delete("/api/v1/torrents")
    assert answer.status_code == 405
    assert answer.json()["error"]["fields"] == {"allowed": "GET, POST"}


@pytest.mark.parametrize("body", [b"[]", b"{", b'"text"', b"\xff\xfe", b""])
def test_a_body_that_is_no_object_is_refused_as_json(client: Client, body: bytes) -> None:
    secret = make_token(make_user(), name="script").secret
    answer = client.post("/api/v1/torrents", body, content_type="application/json", headers=bearer(secret))
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "fields"}


def test_the_tracker_key_is_shown_and_replaced(client: Client) -> None:
    user = make_user()
    client.force_login(user)
    shown = client.get("/account/passkey/")
    assert user.tracker_passkey in shown.content.decode()
    assert shown.headers["Cache-Control"] == "no-store"
    client.post("/account/passkey/")
    former = user.tracker_passkey
    user.refresh_from_db()
    assert user.tracker_passkey != former and re.fullmatch(r"[0-9a-f]{32}", user.tracker_passkey)
    row = Row.objects.get(kind="accounts.passkey_changed")
    assert user.tracker_passkey not in row.payload_json, "the journal is public, the key is not"
