"""The site's own pages: what they hold, what their addresses take, and what they refuse."""

from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from factories import make_listing, make_user
from largesse.accounts.models import Role, User
from largesse.kit.clock import utc_now
from largesse.site import machines
from largesse.site.actions.publish_news import publish_news
from largesse.site.models import News
from largesse.swarm.models import SwarmCount
from largesse.torrents.models import Listing

pytestmark = pytest.mark.django_db

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def test_home_without_anything_says_what_comes_first(client: Client) -> None:
    page = client.get("/").content.decode()
    assert "Nothing is published yet" in page
    assert "No news yet." in page
    assert "Needs seeds" not in page


def test_home_shows_what_needs_seeds_the_rarest_first(client: Client) -> None:
    listings = {seeders: make_listing(title=f"seeds {seeders}") for seeders in (0, 1, 40)}
    for seeders, listing in listings.items():
        SwarmCount.objects.create(
            key=listing.torrent.swarm_key, seeders=seeders, leechers=0, completed=0, counted_at=utc_now()
        )
    page = client.get("/").content.decode()
    needs = page[page.index("Needs seeds") :]
    assert needs.index("seeds 0") < needs.index("seeds 1")
    assert "seeds 40" not in needs
    assert f"xt=urn:btih:{listings[0].torrent.v1}" in needs


def test_lengths_of_the_map_are_written_as_svg_wants_them_in_every_language(client: Client) -> None:
    make_listing()
    page = client.get("/", headers={"Accept-Language": "fr"}).content.decode()
    beginning = page.index('class="map"')
    squares = page[beginning : page.index("</svg>", beginning)]
    assert 'x="0.75"' in squares


@pytest.mark.parametrize("path", ["/about/", "/accessibility/", "/how-to/", "/news/", "/journal/", "/browse/"])
def test_every_plain_page_has_one_heading_and_stands_in_both_languages(client: Client, path: str) -> None:
    english = client.get(path, headers={"Accept-Language": "en"}).content.decode()
    french = client.get(path, headers={"Accept-Language": "fr"}).content.decode()
    assert english.count("<h1") == french.count("<h1") == 1
    assert '<html lang="en"' in english
    assert '<html lang="fr"' in french
    heading = english[english.index("<h1") : english.index("</h1>")]
    if "Journal" not in heading and "torrents" not in heading:  # French has the same word.
        assert heading not in french


@pytest.mark.parametrize("before", ["²", "-1", "abc", "9" * 40, "", "٣"])
def test_a_journal_address_that_makes_no_sense_shows_the_newest(client: Client, before: str) -> None:
    assert client.get("/journal/", {"before": before}).status_code == 200
    assert client.get("/api/v1/journal", {"after": before}).status_code == 200


def test_the_sitemap_lists_what_is_shown_and_nothing_else(client: Client) -> None:
    shown, hidden = make_listing(), make_listing()
    Listing.objects.filter(pk=hidden.pk).update(state="withdrawn")
    root = ET.fromstring(client.get("/sitemap.xml").content)
    found = [element.text for element in root.iter(f"{SITEMAP}loc")]
    assert [address for address in found if address and "/t/" in address] == [f"http://127.0.0.1:8000{shown.path}"]


def test_a_large_sitemap_is_an_index_of_files(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    listings = [make_listing() for _ in range(3)]
    monkeypatch.setattr(machines, "SITEMAP_PAGES", 2)
    index = ET.fromstring(client.get("/sitemap.xml").content)
    files = [element.text or "" for element in index.iter(f"{SITEMAP}loc")]
    assert len(files) == 2
    text = "".join(client.get(address.partition("8000")[2]).content.decode() for address in files)
    assert all(listing.path in text for listing in listings)
    assert client.get("/sitemap.xml?page=3").status_code == 404
    assert client.get("/sitemap.xml?page=²").status_code == 200


def test_tools_find_their_files(client: Client) -> None:
    assert "Sitemap: http" in client.get("/robots.txt").content.decode()
    security = client.get("/.well-known/security.txt").content.decode()
    expires = next(line for line in security.splitlines() if line.startswith("Expires: "))
    assert expires[9:13] in {str(utc_now().year), str((utc_now() + timedelta(days=365)).year)}
    search = ET.fromstring(client.get("/opensearch.xml").content)
    assert any("{searchTerms}" in element.get("template", "") for element in search)
    home = client.get("/").content.decode()
    assert 'rel="search"' in home
    assert home.count('rel="alternate"') >= 2


def test_news_stands_on_its_page_on_the_home_page_and_in_the_feed(client: Client) -> None:
    author = User.objects.create(username="root", role=Role.ADMINISTRATOR)
    publish_news(author=author, title="The disks <arrived>", text="All *four* of them. <script>alert(1)</script>")
    item = News.objects.get()
    for path in ("/", "/news/", f"/news/{item.public_id}/", "/news/feed/"):
        page = client.get(path).content.decode()
        assert "The disks &lt;arrived&gt;" in page, path
        assert "<script>alert" not in page, path
    assert "<em>four</em>" in client.get(f"/news/{item.public_id}/").content.decode()


def test_only_administrators_write_news(client: Client) -> None:
    assert client.get("/news/write/").status_code == 302
    client.force_login(make_user())
    assert client.get("/news/write/").status_code == 403
    client.force_login(User.objects.create(username="root", role=Role.ADMINISTRATOR))
    assert client.post("/news/write/", {"title": "", "text": ""}).status_code == 422
    assert not News.objects.exists()
    client.post("/news/write/", {"title": "Open", "text": "We are."})
    assert News.objects.get().title == "Open"


def test_the_language_and_the_colours_are_kept_and_lead_nowhere_else(client: Client) -> None:
    answer = client.get("/language/fr/", {"next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"
    assert client.get("/").content.decode().startswith('<!doctype html>\n<html lang="fr"')
    assert client.get("/language/xx/").status_code == 404
    client.post("/theme/", {"theme": "dark", "next": "/about/"})
    assert 'data-theme="dark"' in client.get("/about/").content.decode()
    client.post("/theme/", {"theme": "<b>", "next": "//elsewhere.example"})
    assert "data-theme" not in client.get("/about/").content.decode()
