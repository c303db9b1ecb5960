"""The journal's page: each fact with what it is about, linked where that has a page."""

import re

import pytest
from django.test import Client

from drive_factories import give, make_drive
from factories import make_listing, make_user
from largesse.accounts.actions.set_role import set_role
from largesse.accounts.models import Role
from largesse.drives.models import Drive
from largesse.site.actions.publish_news import publish_news
from largesse.site.models import News

pytestmark = pytest.mark.django_db

ROW = re.compile(r"<code>([a-z_.]+)</code></th>.*?</tr>", re.DOTALL)
LINK = re.compile(r'<a href="([^"]+)"><code>([a-z]+):')


def links(client: Client) -> dict[str, list[tuple[str, str]]]:
    """Return by kind of fact which addresses its row leads to, with what kind of subject."""
    page = client.get("/journal/").content.decode()
    return {found[1]: LINK.findall(found[0]) for found in ROW.finditer(page)}


def test_what_a_fact_is_about_is_linked_where_it_has_a_page(client: Client) -> None:
    root = make_user("root", role=Role.ADMINISTRATOR)
    listing = make_listing(title="A talk")
    publish_news(author=root, title="The disks arrived", text="All of them.")
    entry = give(make_drive(), 5_000).entry.public_id
    drive, news = Drive.objects.get(), News.objects.get()
    assert links(client) == {
        "torrents.listed": [(listing.path, "listing")],
        "site.news_published": [(f"/news/{news.public_id}/", "news")],
        "drives.opened": [(drive.path, "drive")],
        "ledger.posted": [(f"/ledger/entry/{entry}/", "entry")],
        "drives.settled": [(f"/ledger/entry/{entry}/", "donation")],
    }
    assert {client.get(path).status_code for rows in links(client).values() for path, _ in rows} == {200}


def test_what_a_fact_is_about_stands_there_without_a_page_too(client: Client) -> None:
    member = make_user("bo")
    set_role(member, administrator=make_user("root", role=Role.ADMINISTRATOR), role=Role.MODERATOR)
    give(make_drive(), 5_000)
    Drive.objects.update(state="draft")
    assert {kind: rows for kind, rows in links(client).items() if not rows} == {
        "accounts.role_given": [],
        "drives.opened": [],
    }
    page = client.get("/journal/").content.decode()
    assert f'<td role="cell"><code>{member.actor}</code></td>' in page
