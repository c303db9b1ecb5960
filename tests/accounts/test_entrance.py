"""Signing up and in: closed registration, limits, cookies, where it leads afterwards, how passwords are kept."""

import importlib

import pytest
from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.test import Client, override_settings

from factories import make_user
from largesse.accounts.models import Role, User
from largesse.accounts.passkeys import passkey_place

pytestmark = pytest.mark.django_db
RIGHT = {"login": "ada", "password": "correct horse battery"}
NEW = {"username": "newcomer", "password1": "a long enough sentence"}


def test_a_newcomer_is_a_member(client: Client) -> None:
    assert client.post("/account/signup/", NEW).headers["Location"] == "/account/me/"
    assert User.objects.get(username="newcomer").role == Role.MEMBER


def test_a_newcomer_cannot_choose_a_role(client: Client) -> None:
    client.post("/account/signup/", {**NEW, "role": "administrator", "is_superuser": "1"})
    user = User.objects.get(username="newcomer")
    assert (user.role, user.is_superuser, user.is_staff) == (Role.MEMBER, False, False)


@pytest.mark.parametrize(
    "said", [{"username": "ada"}, {"username": "ADA"}, {"password1": "short"}, {"username": "<b>"}]
)
def test_a_taken_name_or_a_weak_password_makes_no_account(client: Client, said: dict[str, str]) -> None:
    make_user()
    answer = client.post("/account/signup/", NEW | said)
    assert "field-bad" in answer.content.decode()
    assert User.objects.count() == 1


def test_closed_registration_makes_no_account_and_says_so(client: Client) -> None:
    closed = settings.CONFIG.with_value("site.registration", "closed", origin="test")
    with override_settings(CONFIG=closed):
        for answer in (client.get("/account/signup/"), client.post("/account/signup/", NEW)):
            assert "No new accounts for now" in answer.content.decode()
        assert "/account/signup/" not in client.get("/account/login/").content.decode()
    assert not User.objects.exists()


def test_name_and_mail_address_both_sign_in(client: Client) -> None:
    make_user()
    for login in ("ada", "ada@example.org"):
        assert client.post("/account/login/", RIGHT | {"login": login}).headers["Location"] == "/account/me/"
        client.post("/account/logout/")


def test_a_wrong_password_and_an_unknown_name_are_told_alike(client: Client) -> None:
    make_user()
    wrong, unknown = (
        list(client.post("/account/login/", said).context["form"].non_field_errors())
        for said in (RIGHT | {"password": "wrong"}, RIGHT | {"login": "nobody"})
    )
    assert wrong == unknown != []


def test_guessing_is_held_back_also_when_the_guess_is_right(client: Client) -> None:
    make_user()
    for _ in range(5):
        client.post("/account/login/", RIGHT | {"password": "guess"})
    held = client.post("/account/login/", RIGHT)
    assert held.status_code == 200 and "_auth_user_id" not in client.session
    assert "Too many failed login attempts" in held.content.decode()


def test_many_sign_ins_from_one_address_are_answered_429_with_a_page(client: Client) -> None:
    answers = [client.post("/account/login/", RIGHT | {"login": f"name{number}"}) for number in range(31)]
    assert answers[-1].status_code == 429
    assert "Too many tries" in answers[-1].content.decode()


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/account/tokens/", "/account/tokens/"),
        ("https://evil.example/", "/account/me/"),
        ("//evil.example/", "/account/me/"),
        ("https:evil.example", "/account/me/"),
        ("/\\evil.example", "/account/me/"),
        ("javascript:alert(1)", "/account/me/"),
    ],
)
def test_signing_in_leads_nowhere_outside_the_site(client: Client, wanted: str, given: str) -> None:
    make_user()
    assert client.post("/account/login/", RIGHT | {"next": wanted}).headers["Location"] == given


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: Client) -> None:
    make_user()
    client.post("/account/login/", RIGHT)
    cookie = client.cookies["session"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert cookie["max-age"] == "", "it ends with the browser"
    client.post("/account/logout/")
    client.post("/account/login/", RIGHT | {"remember": "on"})
    assert client.cookies["session"]["max-age"] > 86_400


@pytest.mark.parametrize(
    ("address", "is_secure"), [("https://files.example.org", True), ("http://127.0.0.1:8000", False)]
)
def test_cookies_travel_over_https_only_where_the_site_has_it(
    monkeypatch: pytest.MonkeyPatch, address: str, is_secure: bool
) -> None:
    monkeypatch.setenv("LARGESSE_SITE_ADDRESS", address)
    module = importlib.import_module("largesse.site.settings")
    try:
        made = importlib.reload(module)
        assert made.SESSION_COOKIE_SECURE is made.CSRF_COOKIE_SECURE is is_secure
        assert made.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN is not is_secure
    finally:
        monkeypatch.undo()
        importlib.reload(module)


def test_signing_out_takes_a_post_so_that_no_link_does_it(client: Client) -> None:
    client.force_login(make_user())
    client.get("/account/logout/")
    assert client.get("/account/me/").status_code == 200
    client.post("/account/logout/")
    assert client.get("/account/me/").status_code == 302


def test_a_changed_password_ends_the_other_sessions(client: Client) -> None:
    user = make_user()
    other = Client()
    other.force_login(user)
    client.force_login(user)
    said = {"oldpassword": RIGHT["password"], "password1": "a new sentence", "password2": "a new sentence"}
    client.post("/account/password/change/", said)
    assert client.get("/account/me/").status_code == 200
    assert other.get("/account/me/").status_code == 302


def test_passwords_are_kept_with_argon2() -> None:
    from largesse.site.settings import PASSWORD_HASHERS

    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS):
        kept = make_password("correct horse battery")
        assert kept.startswith("argon2$argon2id$")
        assert identify_hasher(kept).algorithm == "argon2"
        assert check_password("correct horse battery", kept) and not check_password("other", kept)


@pytest.mark.parametrize(
    ("host", "is_here", "elsewhere"),
    [
        ("localhost:8000", True, ""),
        ("a.localhost", True, ""),
        ("127.0.0.1:8000", False, "http://localhost:8000/account/login/"),
        ("[::1]:8000", False, "http://localhost:8000/account/login/"),
        ("192.0.2.1", False, ""),
        ("files.example", False, ""),
    ],
)
def test_passkeys_work_under_a_name_that_is_secure(client: Client, host: str, is_here: bool, elsewhere: str) -> None:
    page = client.get("/account/login/", headers={"Host": host})
    place = passkey_place(page.wsgi_request)
    assert (place.is_here, place.elsewhere) == (is_here, elsewhere)
    assert ("passkey_login" in page.content.decode()) is is_here


def test_passkeys_are_bound_to_the_name_of_the_site_not_to_the_host_header(client: Client) -> None:
    named = settings.CONFIG.with_value("site.address", "https://files.example.org", origin="test")
    with override_settings(CONFIG=named, SITE_ADDRESS="https://files.example.org"):
        answer = client.get(
            "/account/2fa/webauthn/login/", headers={"Accept": "application/json", "Host": "evil.example"}
        )
    assert answer.json()["request_options"]["publicKey"]["rpId"] == "files.example.org"
