"""
Every page that links lead to, in a real browser, as a visitor and as an administrator.

axe-core looks for what people who see, hear or move differently would stumble on (WCAG 2.2 A and AA, and good practice). The
fixture `visitor` fails for errors in the console, refusals of the policy and requests that leave the site.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, get_resolver, resolve

from browser.conftest import Visitor
from browser.demo_site import LONG_NAME, upload
from browsing import Visit
from factories import make_metainfo
from processes import RunningSite
from tools import node_packages

pytestmark = pytest.mark.browser

MOST_OF_A_KIND = 2
"""How many pages of one route are looked at: the first two that were found."""
NO_PAGES = {
    "api_list", "api_torrent", "api_files", "api_download", "download", "feed", "feed_rss", "health", "journal_api",
    "language", "news_feed", "opensearch", "restore", "theme",
}  # fmt: skip
"""Routes of the site and the index that machines read or that only take a form."""
ALONE = (
    "/nothing/",
    "/browse/?q=nothing+has+these+words&tag=none",
    "/browse/?category=sound&sort=size",
)
"""Pages that no link leads to."""
CHECK = "rules => axe.run({runOnly: rules}).then(found => found.violations)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def site(demo: tuple[RunningSite, list[str]]) -> RunningSite:
    return demo[0]


@pytest.fixture(scope="module")
def axe() -> str:
    return (node_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


class Crawl:
    """Goes wherever links lead, and gathers what is wrong with a page."""

    def __init__(self, visit: Visit, axe: str) -> None:
        self.visit = visit
        self.axe = axe
        self.seen: dict[str, list[str]] = {}
        self.wrong: list[str] = []

    def run(self, *first: str) -> None:
        """Look at these pages and all that they lead to."""
        waiting = list(first)
        queued = set(waiting)
        while waiting:
            path = waiting.pop(0)
            if not self._is_wanted(path):
                continue
            self.look_at(path)
            for link in self._links():
                if link not in queued:
                    queued.add(link)
                    waiting.append(link)

    def look_at(self, path: str) -> None:
        """Open one page and check it."""
        status = self.visit.go(path)
        if status >= 500:
            self.wrong.append(f"{path} answered {status}")
        self.check(path)

    def check(self, path: str) -> None:
        """Check the page that is open, narrow and light, then wide and dark."""
        page = self.visit.page
        # axe is put in by the debugger, past the page's own policy.
        page.evaluate(self.axe)
        for width, scheme in ((320, "light"), (1280, "dark")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            if beyond := self.visit.width_beyond_window():
                self.wrong.append(f"{path} is {beyond} px wider than {width}")
            found: list[dict[str, Any]] = page.evaluate(CHECK, RULES)
            self.wrong += [f"{path} at {width}, {scheme}: {_told(one)}" for one in found]

    def _links(self) -> list[str]:
        found: list[str] = self.visit.page.eval_on_selector_all(
            "a[href]:not([download])", "all => all.map(one => one.href)"
        )
        start = self.visit.address + "/"
        return [link.split("#")[0].removeprefix(self.visit.address) for link in found if link.startswith(start)]

    def _is_wanted(self, path: str) -> bool:
        match = resolve(urlsplit(path).path) if path not in ALONE else None
        if match is None:
            return True
        if match.app_name == "drives" or (match.url_name or "") in NO_PAGES | {"account_logout"}:
            return False  # Drives are looked at by their own tests.
        looked_at = self.seen.setdefault(match.url_name or path, [])
        if path in looked_at or len(looked_at) == MOST_OF_A_KIND:
            return False
        looked_at.append(path)
        return True


def _told(violation: dict[str, Any]) -> str:
    nodes = ", ".join(str(node["target"]) for node in violation["nodes"][:3])
    return f"{violation['id']} ({violation['help']}): {nodes}"


def _routes() -> set[str]:
    """Return the names of the pages of the site and the index."""
    resolver = get_resolver()
    own = [one for one in resolver.url_patterns if isinstance(one, URLPattern)]
    index = get_resolver("largesse.torrents.urls").url_patterns
    return {str(one.name) for one in [*own, *index] if one.name} - NO_PAGES


def test_control_what_people_stumble_on_is_noticed(visitor: Visitor, axe: str) -> None:
    crawl = Crawl(visitor(), axe)
    crawl.visit.go("/about/")
    crawl.visit.page.evaluate("""() => {
      const input = document.createElement("input");
      const wide = document.createElement("h5");
      wide.textContent = "W".repeat(400);
      wide.style.whiteSpace = "nowrap";
      document.querySelector("main").append(input, wide);
    }""")
    crawl.check("/about/")
    told = "\n".join(crawl.wrong)
    for words in ("px wider than 320", "px wider than 1280", "at 320, light: label", "1280, dark: heading-order"):
        assert words in told


def test_every_page_holds_for_a_visitor(visitor: Visitor, demo: tuple[RunningSite, list[str]], axe: str) -> None:
    crawl = Crawl(visitor(locale="fr"), axe)
    crawl.run("/", *ALONE, *demo[1])
    assert "\n".join(crawl.wrong) == ""
    assert {"home", "browse", "listing", "history", "publisher", "account_login", "account_signup"} <= set(crawl.seen)


def test_every_page_holds_for_an_administrator(visitor: Visitor, demo: tuple[RunningSite, list[str]], axe: str) -> None:
    visit = visitor()
    visit.sign_in("administrator")
    crawl = Crawl(visit, axe)
    crawl.run(upload(visit, make_metainfo("L" * 200)), "/", *ALONE, *demo[1])
    assert "\n".join(crawl.wrong) == ""
    assert _routes() == _routes() & set(crawl.seen)


def test_every_page_holds_for_somebody_with_a_very_long_name(
    visitor: Visitor, demo: tuple[RunningSite, list[str]], axe: str
) -> None:
    visit = visitor(locale="fr")
    visit.sign_in(LONG_NAME)
    crawl = Crawl(visit, axe)
    long = demo[1][0]
    for path in (
        "/",
        "/browse/",
        f"/publisher/{LONG_NAME}/",
        *demo[1],
        f"{long}edit/",
        f"{long}history/",
        "/account/me/",
    ):
        crawl.look_at(path)
    assert "\n".join(crawl.wrong) == ""
