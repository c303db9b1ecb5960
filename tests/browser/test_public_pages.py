"""Public pages in a real browser: nothing leaves the site, nothing is refused by its policy, nothing scrolls sideways."""

import pytest
from playwright.sync_api import Browser

from browser.conftest import Visitor
from browsing import open_visit
from processes import RunningSite

pytestmark = pytest.mark.browser

PAGES = (
    "/",
    "/browse/",
    "/news/",
    "/about/",
    "/accessibility/",
    "/how-to/",
    "/journal/",
    "/account/login/",
    "/nothing/",
)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [390, 1280])
def test_public_pages_stay_on_the_site_and_within_the_window(visitor: Visitor, language: str, width: int) -> None:
    visit = visitor(locale=language, viewport={"width": width, "height": 900})
    for path in PAGES:
        visit.go(path)
        assert visit.page.get_attribute("html", "lang") == language
        assert visit.width_beyond_window() <= 0, f"{path} scrolls sideways"


def test_control_an_inline_script_and_a_foreign_picture_are_noticed(site: RunningSite, browser: Browser) -> None:
    visit = open_visit(browser, site.site)
    visit.go("/about/")
    with visit.page.expect_console_message(lambda message: "elsewhere.example" in message.text):
        visit.page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
      const picture = document.createElement("img");
      picture.src = "https://elsewhere.example/1.png";
      document.body.append(picture);
    }""")
    assert any("script-src" in line for line in visit.errors)
    assert any("elsewhere.example" in line for line in visit.trouble())
    assert visit.page.evaluate("window.ran") is None
    visit.page.context.close()
