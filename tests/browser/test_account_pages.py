"""Every account page as every role sees it: whole, within the window, in both languages, with nothing that the policy refuses."""

import pytest

from browser.conftest import Visitor
from browsing import make_account
from processes import RunningSite

pytestmark = pytest.mark.browser

NEWCOMER = (
    "login/",
    "signup/",
    "password/reset/",
    "password/reset/done/",
    "password/reset/key/1-x-y/",
    "inactive/",
    "confirm-email/",
)
OWN = (
    "me/",
    "tokens/",
    "passkey/",
    "email/",
    "password/change/",
    "2fa/",
    "2fa/webauthn/",
    "2fa/webauthn/add/",
    "2fa/totp/activate/",
    "logout/",
    "reauthenticate/",
)
ROLES = ("member", "publisher", "moderator", "treasurer", "administrator")
LOOKS = [("en", 1280, "light"), ("fr", 390, "dark")]


@pytest.fixture(scope="module", autouse=True)
def _people(site: RunningSite) -> None:
    for role in ROLES:
        make_account(site, role, role=role)


@pytest.mark.parametrize(("language", "width", "colours"), LOOKS)
@pytest.mark.parametrize("role", ["", *ROLES])
def test_every_account_page_is_whole(visitor: Visitor, role: str, language: str, width: int, colours: str) -> None:
    visit = visitor(locale=language, viewport={"width": width, "height": 800}, color_scheme=colours)
    if role:
        visit.sign_in(role)
    for path in OWN if role else NEWCOMER:
        assert visit.go(f"/account/{path}") == 200, path
        assert visit.page.locator("h1").count() == 1, path
        assert visit.page.get_attribute("html", "lang") == language
        assert visit.width_beyond_window() <= 0, f"{path} scrolls sideways"
        bare = visit.page.locator("main :is(input:not([type=hidden]), select, textarea)").evaluate_all(
            "fields => fields.filter(field => field.labels.length === 0).map(field => field.name)"
        )
        assert bare == [], f"{path}: fields without a label"
    assert visit.go("/account/people/") == (200 if role in {"", "administrator"} else 403)


def test_an_administrator_gives_a_role_and_closes_an_account(visitor: Visitor, site: RunningSite) -> None:
    make_account(site, "newcomer")
    visit = visitor(locale="fr", viewport={"width": 390, "height": 800})
    visit.sign_in("administrator")
    visit.go("/account/people/")
    visit.page.fill("#name", "newc")
    visit.page.press("#name", "Enter")
    visit.page.click("main table a")
    visit.page.select_option("#id_role", "publisher")
    visit.page.click("main button:has-text('Donner ce rôle')")
    visit.page.click("main button:has-text('Donner le rôle')")
    visit.page.wait_for_selector("text=newcomer est maintenant : Éditeur.")
    visit.page.click("text=Le fermer…")
    assert "jetons d’API sont révoqués" in visit.page.inner_text("main")
    visit.page.click("main button:has-text('Fermer le compte')")
    visit.page.wait_for_selector("main button:has-text('Le rouvrir')")
    assert visit.width_beyond_window() <= 0
