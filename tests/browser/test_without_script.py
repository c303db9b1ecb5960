"""Every step of a visitor and a publisher without JavaScript: find, choose colours and language, publish, edit, withdraw, undo."""

import re
from urllib.parse import urlsplit

import pytest

from browser.conftest import Visitor
from browser.demo_site import upload
from browsing import Visit
from factories import make_metainfo
from largesse.torrents.metainfo import scan
from processes import RunningSite

pytestmark = pytest.mark.browser

PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def site(demo: tuple[RunningSite, list[str]]) -> RunningSite:
    return demo[0]


@pytest.fixture
def publisher(visitor: Visitor) -> Visit:
    visit = visitor(java_script_enabled=False)
    visit.sign_in("publisher")
    return visit


def press(visit: Visit, name: str) -> None:
    visit.page.locator("main").get_by_role("button", name=name, exact=True).click()


def follow(visit: Visit, name: str) -> None:
    visit.page.locator("main").get_by_role("link", name=name, exact=True).first.click()


def path(visit: Visit) -> str:
    return urlsplit(visit.page.url).path


def fetched(visit: Visit, address: str) -> bytes:
    answer = visit.page.context.request.get(address)
    assert answer.ok, answer.status
    return answer.body()


def test_a_torrent_is_published_from_the_file_to_its_page(publisher: Visit) -> None:
    page, content = publisher.page, make_metainfo("Lectures 1987.ogg")
    upload(publisher, content, name="lectures.torrent")
    report = page.locator(".report")
    assert "No licence is stated" in report.inner_text()
    assert page.input_value("#id_title") == "Lectures 1987.ogg"

    page.fill("#id_title", "Lectures, 1987")
    page.fill("#id_licence", "CC-BY-4")
    page.fill("#id_tags", "Talks, radio")
    page.fill("#id_description", "Recorded **live**.\n\n<script>alert(1)</script>")
    page.select_option("#id_category", "sound")
    press(publisher, "Publish")
    licence = page.locator("#id_licence")
    assert licence.get_attribute("aria-invalid") == "true"
    assert "Did you mean" in page.locator("#id_licence-e, #id_licence_error").first.inner_text()
    assert page.locator("[role=alert] a").get_attribute("href") == "#id_licence"
    assert page.input_value("#id_description").startswith("Recorded **live**."), "nothing that was written is lost"

    page.fill("#id_licence", "CC-BY-4.0")
    press(publisher, "Publish")
    assert page.locator("h1").inner_text() == "Lectures, 1987"
    assert page.locator(".prose strong").inner_text() == "live"
    assert page.locator("main").get_by_role("link", name="radio", exact=True).count() == 1
    found = scan(content).metainfo
    assert found
    assert found.v1
    assert found.v2
    magnet = page.get_by_role("link", name="Open the magnet link").get_attribute("href") or ""
    assert f"xt=urn:btih:{found.v1.hex()}" in magnet
    assert f"xt=urn:btmh:1220{found.v2.hex()}" in magnet
    address = page.get_by_role("link", name="Save the .torrent file").get_attribute("href") or ""
    given = fetched(publisher, publisher.address + address)
    again = scan(given).metainfo
    assert again
    assert (again.v1, again.v2) == (found.v1, found.v2), "info is the very bytes that were brought"
    assert any(url.startswith("udp://127.0.0.1:") for tier in again.announce for url in tier)
    for listed in ("/", "/browse/", "/browse/?q=lectures&licence=CC-BY-4.0&tag=radio", "/publisher/publisher/"):
        publisher.go(listed)
        assert page.locator("main").get_by_role("link", name="Lectures, 1987", exact=True).count() >= 1, listed


def test_a_torrent_that_is_here_already_leads_to_its_page(publisher: Visit) -> None:
    content = make_metainfo()
    upload(publisher, content)
    publisher.page.fill("#id_title", "The first")
    press(publisher, "Publish")
    listing = path(publisher)
    upload(publisher, content)
    assert "This torrent is here already" in publisher.page.locator("main").inner_text()
    assert publisher.page.get_by_role("button", name="Publish", exact=True).count() == 0
    follow(publisher, "The first")
    assert path(publisher) == listing


def test_a_file_that_is_no_torrent_is_refused_with_where_and_why(publisher: Visit) -> None:
    upload(publisher, b"d4:infoi1ee", name="broken.torrent")
    words = publisher.page.locator("main").inner_text()
    assert "This file cannot be published as it is." in words
    assert "At byte 7." in words
    assert publisher.page.get_by_role("button", name="Publish", exact=True).count() == 0


def test_an_edit_is_undone_by_nobody_unseen_and_withdrawing_is_undone(publisher: Visit) -> None:
    page = publisher.page
    upload(publisher, make_metainfo())
    page.fill("#id_title", "Before")
    press(publisher, "Publish")
    listing = path(publisher)
    follow(publisher, "Edit")
    page.fill("#id_title", "After")
    press(publisher, "Save")
    assert page.locator("h1").inner_text() == "After"
    follow(publisher, "Page history")
    assert page.locator("del").inner_text() == "Before"
    assert page.locator("ins").inner_text() == "After"

    publisher.go(listing)
    follow(publisher, "Withdraw")
    assert publisher.go(listing) == 200, "nothing is withdrawn before the second page"
    follow(publisher, "Withdraw")
    page.fill("#id_reason", "A better scan is coming")
    press(publisher, "Withdraw")
    assert publisher.go(listing) == 410
    assert "withdrew this torrent" in page.locator("main").inner_text()
    press(publisher, "List it again")
    assert publisher.go(listing) == 200


def test_somebody_else_sees_no_way_to_edit(visitor: Visitor, publisher: Visit) -> None:
    upload(publisher, make_metainfo())
    press(publisher, "Publish")
    listing = path(publisher)
    other = visitor(java_script_enabled=False)
    other.sign_in("member")
    other.go(listing)
    for name in ("Edit", "Withdraw"):
        assert other.page.locator("main").get_by_role("link", name=name, exact=True).count() == 0
    assert other.go(f"{listing}edit/") == 403
    assert other.page.locator("h1").count() == 1


@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours_are_chosen_by_a_cookie(visitor: Visitor, system: str) -> None:
    visit = visitor(java_script_enabled=False, color_scheme=system)
    page = visit.page
    visit.go("/about/")
    followed = page.evaluate(PAPER)
    papers = {}
    for name in ("Light", "Dark"):
        page.locator("footer").get_by_role("button", name=name, exact=True).click()
        assert path(visit) == "/about/", "one stays on the page"
        visit.go("/browse/")
        assert page.get_attribute("html", "data-theme") == name.lower()
        assert (
            page.locator("footer").get_by_role("button", name=name, exact=True).get_attribute("aria-pressed") == "true"
        )
        papers[name.lower()] = page.evaluate(PAPER)
        visit.go("/about/")
    assert papers["light"] != papers["dark"]
    assert followed == papers[system]
    page.locator("footer").get_by_role("button", name="Auto", exact=True).click()
    assert page.get_attribute("html", "data-theme") is None
    assert "theme" not in {cookie.get("name") for cookie in page.context.cookies()}


def test_the_language_is_chosen_by_a_link_and_kept(visitor: Visitor) -> None:
    visit = visitor(java_script_enabled=False, locale="de")
    page = visit.page
    visit.go("/browse/?category=sound&sort=size")
    assert page.get_attribute("html", "lang") == "en", "English is spoken where nobody speaks the visitor's language"
    page.get_by_role("link", name="Français").first.click()
    assert page.url.endswith("/browse/?category=sound&sort=size"), "one stays on the page"
    assert page.get_attribute("html", "lang") == "fr"
    visit.go("/about/")
    assert page.get_attribute("html", "lang") == "fr"
    page.get_by_role("link", name="English").first.click()
    assert page.get_attribute("html", "lang") == "en"


def test_a_search_is_narrowed_and_widened_by_links_and_forms(visitor: Visitor) -> None:
    visit = visitor(java_script_enabled=False)
    page = visit.page
    visit.go("/")
    page.locator("main [type=search]").fill("rivemont")
    page.locator("main [role=search] button").click()
    everything = _count(visit)
    assert everything >= 2
    page.get_by_role("radio", name=re.compile("^Text")).check()
    page.get_by_role("button", name="Show", exact=True).click()
    assert 1 <= _count(visit) < everything
    page.get_by_role("link", name=re.compile("^Remove category")).click()
    assert _count(visit) == everything
    page.locator("thead").get_by_role("link", name="Size").click()
    assert page.locator("th[aria-sort]").inner_text().startswith("Size")
    visit.go("/browse/?q=words+that+nothing+has")
    assert _count(visit) == 0
    assert "Nothing matches" in page.locator("main").inner_text()


def _count(visit: Visit) -> int:
    """Return how many torrents the page says it found."""
    found = re.match(r"\d+", visit.page.locator("h1").inner_text())
    assert found
    return int(found[0])
