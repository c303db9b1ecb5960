"""Second factors and passkeys in a real browser, with an app's codes made here and Chromium's virtual authenticator (CDP WebAuthn)."""

import base64
import hashlib
import hmac
import re
import struct
import time

import pytest

from browser.conftest import Visitor
from browsing import PASSWORD, Visit, make_account
from processes import RunningSite

pytestmark = pytest.mark.browser


def code_of(secret: str) -> str:
    """Return the code that an app shows now (RFC 6238 over RFC 4226)."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def under_a_name(site: RunningSite) -> str:
    """Return the site's address under a name: passkeys are bound to one."""
    return site.site.replace("127.0.0.1", "localhost")


def sign_up(visit: Visit, name: str) -> None:
    visit.go("/account/signup/")
    visit.page.fill("#id_username", name)
    visit.page.fill("#id_password1", PASSWORD)
    visit.page.press("#id_password1", "Enter")
    visit.page.wait_for_url("**/account/me/")


def say_again(visit: Visit) -> None:
    """Give the password once more, which what follows asks for."""
    visit.page.wait_for_url("**/account/reauthenticate/**")
    visit.page.fill("#id_password", PASSWORD)
    visit.page.press("#id_password", "Enter")


def give(visit: Visit, code: str) -> None:
    visit.page.fill("#id_code", code)
    with visit.page.expect_navigation():
        visit.page.press("#id_code", "Enter")


def begin_second_factor(visit: Visit, name: str) -> None:
    visit.page.context.clear_cookies()
    visit.sign_in(name)
    visit.page.wait_for_url("**/account/2fa/authenticate/")


def test_codes_of_an_app_and_recovery_codes_are_set_up_and_asked_for(visitor: Visitor) -> None:
    visit = visitor()
    sign_up(visit, "totp")
    visit.go("/account/2fa/totp/activate/")
    say_again(visit)
    visit.page.wait_for_url("**/account/2fa/totp/activate/")
    give(visit, "000000")
    assert visit.page.is_visible(".field-bad")
    secret = visit.page.inner_text("code.hash-full")
    give(visit, code_of(secret))
    visit.page.wait_for_url("**/account/2fa/recovery-codes/")
    codes = visit.page.inner_text("pre").split()
    assert len(set(codes)) == 10

    begin_second_factor(visit, "totp")
    give(visit, "123")
    assert visit.page.is_visible(".field-bad")
    used = code_of(secret)
    give(visit, used)
    visit.page.wait_for_url("**/account/me/")

    begin_second_factor(visit, "totp")
    give(visit, used)
    assert "authenticate" in visit.page.url, "a code works once"
    give(visit, codes[0])
    visit.page.wait_for_url("**/account/me/")

    begin_second_factor(visit, "totp")
    give(visit, codes[0])
    assert "authenticate" in visit.page.url, "a recovery code works once"
    give(visit, codes[1])
    visit.page.wait_for_url("**/account/me/")
    visit.go("/account/2fa/")
    assert "8 codes are left" in visit.page.inner_text("main")


def test_secrets_of_second_factors_are_not_plain_in_the_database(visitor: Visitor, site: RunningSite) -> None:
    visit = visitor()
    sign_up(visit, "hidden")
    visit.go("/account/2fa/totp/activate/")
    say_again(visit)
    secret = visit.page.inner_text("code.hash-full")
    give(visit, code_of(secret))
    visit.page.wait_for_url("**/account/2fa/recovery-codes/")
    kept = site.shell(
        "from allauth.mfa.models import Authenticator\n"
        "print(list(Authenticator.objects.filter(user__username='hidden').values_list('type', 'data')))"
    )
    assert "totp" in kept and "recovery_codes" in kept
    assert secret not in kept


def test_a_passkey_signs_in_alone_and_after_the_password(visitor: Visitor, site: RunningSite) -> None:
    visit = visitor(address=under_a_name(site))
    visit.add_authenticator()
    sign_up(visit, "passkey")
    visit.go("/account/2fa/webauthn/add/")
    say_again(visit)
    visit.page.click("#passkey_add")
    visit.page.wait_for_url("**/account/2fa/recovery-codes/")
    visit.go("/account/2fa/webauthn/")
    assert "Passkey 1" in visit.page.inner_text("main")

    visit.page.context.clear_cookies()
    visit.go("/account/login/?next=/account/tokens/")
    visit.page.click("#passkey_login")
    visit.page.wait_for_url(under_a_name(site) + "/account/tokens/")
    assert visit.page.inner_text(".mast-me [aria-current]") == "passkey"

    begin_second_factor(visit, "passkey")
    visit.page.click("#passkey_second")
    visit.page.wait_for_url("**/account/me/")

    visit.go("/account/2fa/webauthn/reauthenticate/")
    visit.page.click("#passkey_again")
    visit.page.wait_for_url(lambda url: "reauthenticate" not in url)

    visit.go("/account/2fa/webauthn/")
    visit.page.click("text=Rename")
    visit.page.fill("#id_name", "My phone")
    visit.page.press("#id_name", "Enter")
    visit.page.wait_for_selector("text=My phone")
    visit.page.click("text=Remove")
    visit.page.click("text=Remove it")
    visit.page.wait_for_selector("text=No passkey yet")

    visit.page.context.clear_cookies()
    visit.go("/account/login/")
    visit.page.click("#passkey_login")
    visit.page.wait_for_selector(".note-bad")
    assert "/account/login/" in visit.page.url, "a passkey that was removed opens nothing"


def test_a_device_that_does_not_know_its_owner_is_told_of_in_words(visitor: Visitor, site: RunningSite) -> None:
    visit = visitor(address=under_a_name(site))
    session, device = visit.add_authenticator()
    session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    sign_up(visit, "stranger")
    visit.go("/account/2fa/webauthn/add/")
    say_again(visit)
    visit.page.click("#passkey_add")
    visit.page.wait_for_selector("[role=alert] .note-bad")
    assert "gave no passkey" in visit.page.inner_text("[role=alert]")


def test_under_a_bare_address_the_page_says_where_passkeys_work(visitor: Visitor, site: RunningSite) -> None:
    visit = visitor()
    visit.go("/account/login/?next=/account/me/")
    assert visit.page.query_selector("#passkey_login") is None
    visit.address = under_a_name(site)
    with visit.page.expect_navigation():
        visit.page.click("main a:text-is('localhost')")
    assert visit.page.url == f"{under_a_name(site)}/account/login/?next=/account/me/"
    assert visit.page.is_visible("#passkey_login")


def test_without_script_the_password_form_stands_on_the_same_page(visitor: Visitor, site: RunningSite) -> None:
    make_account(site, "plain")
    visit = visitor(address=under_a_name(site), java_script_enabled=False)
    visit.go("/account/login/")
    assert visit.page.is_visible("noscript .note")
    visit.sign_in("plain")
    assert visit.page.url.endswith("/account/me/")


def test_a_forgotten_password_is_replaced_by_a_link_in_the_mail(visitor: Visitor, site: RunningSite) -> None:
    make_account(site, "forgetful")
    visit = visitor()
    visit.go("/account/password/reset/")
    visit.page.fill("#id_email", "forgetful@example.org")
    visit.page.press("#id_email", "Enter")
    visit.page.wait_for_url("**/account/password/reset/done/")
    (mail,) = (text for file in (site.data / "mail").iterdir() if "forgetful@" in (text := file.read_text()))
    (link,) = re.findall(r"http\S+/key/\S+", mail)
    assert link.startswith(site.site)
    visit.page.goto(link)
    visit.page.fill("#id_password1", "a quite different sentence")
    visit.page.fill("#id_password2", "a quite different sentence")
    visit.page.press("#id_password2", "Enter")
    visit.page.wait_for_url("**/key/done/")
    visit.sign_in("forgetful", "a quite different sentence")
    assert visit.page.url.endswith("/account/me/")
    visit.page.goto(link)
    assert "does not work" in visit.page.inner_text("h1"), "the link works once"
