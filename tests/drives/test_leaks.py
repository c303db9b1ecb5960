"""
Nobody who reads what is public can tell who gave: every public page, feed, API answer, export and log is searched.

Donors with unmistakable names, addresses and words give, are refunded, change their minds and ask for statements; then the whole
site is crawled as a visitor and as a signed-in publisher. A control shows that the search finds what is there.
"""

import base64
import logging
import re
import sqlite3
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from drive_factories import make_drive
from factories import make_listing, make_user
from largesse.drives.actions.change_mind import change_mind
from largesse.drives.actions.give import give
from largesse.drives.actions.settle import settle
from largesse.drives.donors import Identity, keep_identity, link_token, mail_index, private_path
from largesse.drives.models import Donation, Drive
from largesse.drives.quiet import WithoutPrivateLinks
from largesse.jobs.worker import Worker
from largesse.journal.models import Row
from largesse.kit.clock import utc_now
from largesse.ledger.exports import FORMATS
from largesse.ledger.models import Entry

pytestmark = pytest.mark.django_db

SECRET = [
    Identity(
        name=f"Zebedee Quillfeather {number}",
        email=f"zebedee.quillfeather{number}@unmistakable-{number}.example",
        message=f"xylophone gratitude {number}",
        language="fr" if number % 2 else "en",
        refund_to=f"DE8937040044053201300{number}",
    )
    for number in range(4)
]
NAMED = Identity(name="Wilhelmina Openhand", email="wilhelmina@unmistakable-named.example", message="Openly given")
IBAN = "DE89370400440532013000"


def needles(identity: Identity) -> list[str]:
    """Return what must not be found, in every writing that it could have."""
    plain = [identity.name, identity.email, identity.message, identity.refund_to, mail_index(identity.email)]
    plain += [identity.email.split("@")[0], identity.name.split()[1]]
    written = [
        form
        for text in plain
        if text
        for form in (text, quote(text), escape(text), base64.b64encode(text.encode()).decode())
    ]
    return sorted({form.casefold() for form in written})


@pytest.fixture(autouse=True)
def _bank() -> Iterator[None]:
    config = settings.CONFIG.with_value("fund.bank_iban", IBAN, origin="test")
    config = config.with_value("fund.bank_account_holder", "The Society", origin="test")
    with override_settings(CONFIG=config):
        yield


@pytest.fixture
def drive() -> Drive:
    make_listing(title="A recording")
    return make_drive(is_pinned=True)


def donate(drive: Drive, identity: Identity, number: int, *, shows_name: bool = False) -> Donation:
    donation = give(
        drive,
        provider="bank",
        amount_minor=1_000 * (number + 1),
        contract_hash=drive.contracts.get().hash,
        identity=identity,
        nonce=str(number),
        shows_name=shows_name,
        shows_amount=True,
    )
    settle(
        donation,
        provider="bank",
        reference=f"line {number}",
        amount_minor=donation.amount_minor,
        occurred_at=utc_now(),
    )
    return donation


def work() -> None:
    worker = Worker()
    while worker.run_one():
        pass


def crawl(client: Client) -> dict[str, str]:
    """Follow every link from the home page; return each address with what it answers."""
    waiting, seen = ["/", "/api/v1/journal", "/api/v1/drives", "/journal/", "/robots.txt", "/feed/"], {}
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith("/static/"):
            continue
        answer = client.get(path)
        seen[path] = answer.getvalue().decode("utf-8", "replace")
        if "html" not in answer.get("Content-Type", ""):
            continue
        for link in re.findall(r'(?:href|src|action)="([^"#]+)', seen[path]):
            target = urlsplit(urljoin(f"http://testserver{path}", link.replace("&amp;", "&")))
            if target.netloc == "testserver":
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return seen


def steady(page: str) -> str:
    """Return a page without what differs at each loading."""
    page = re.sub(r'name="(csrfmiddlewaretoken|nonce|challenge)" value="[^"]*"', "", page)
    return re.sub(r'"serial": ?\d+|<updated>[^<]*</updated>', "", page)


def test_no_public_output_names_a_donor(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    donations = [donate(drive, identity, number) for number, identity in enumerate(SECRET)]
    donate(drive, NAMED, 9, shows_name=True)
    change_mind(donations[0])
    work()
    assert len(mail.outbox) >= 5
    for donation in donations:
        Client().get(private_path(donation))
        Client().get(f"/gifts/{donation.public_id}/wrong/")
    visitor, publisher = Client(), Client()
    publisher.force_login(make_user("bo"), backend="allauth.account.auth_backends.AuthenticationBackend")
    pages = {f"visitor {path}": text for path, text in crawl(visitor).items()}
    pages |= {f"publisher {path}": text for path, text in crawl(publisher).items()}
    pages |= {f"export {form}": "".join(FORMATS[form]()) for form in FORMATS}
    pages["journal"] = "\n".join(f"{row.subject} {row.actor} {row.payload}" for row in Row.objects.all())
    pages["book"] = "\n".join(f"{entry.reference} {entry.description}" for entry in Entry.objects.all())
    # Handlers filter private links; nothing else of a donor may reach a record at all.
    pages["log"] = "\n".join(record.getMessage() for record in caplog.records if "/gifts/" not in record.getMessage())
    assert len(pages) > 60
    assert any("/drives/december/wall" in name or name.endswith("/drives/december/") for name in pages)
    for identity in SECRET:
        for needle in needles(identity):
            assert [name for name, text in pages.items() if needle in text.casefold()] == []
    for donation in donations:
        assert [name for name, text in pages.items() if link_token(donation) in text] == []
    for needle in (NAMED.email, mail_index(NAMED.email)):
        assert [name for name, text in pages.items() if needle in text] == []
    assert NAMED.name in pages["visitor /drives/december/"]
    assert [
        name for name in pages if name.startswith(("export", "journal", "log", "book")) and NAMED.name in pages[name]
    ] == []


def test_an_anonymous_gift_looks_the_same_whether_its_donor_is_known_or_not(drive: Drive) -> None:
    donation = donate(drive, Identity(), 0)
    before = {path: steady(text) for path, text in crawl(Client()).items()}
    keep_identity(donation, SECRET[0])
    after = {path: steady(text) for path, text in crawl(Client()).items()}
    assert before == after


def test_nothing_is_readable_in_the_database(drive: Drive, tmp_path: Path) -> None:
    for number, identity in enumerate([*SECRET, NAMED]):
        donate(drive, identity, number, shows_name=identity is NAMED)
    work()
    if connection.vendor == "sqlite":
        assert isinstance(connection.connection, sqlite3.Connection)
        dump = "\n".join(connection.connection.iterdump())
    else:
        path = tmp_path / "dump.json"
        call_command("dumpdata", output=str(path), verbosity=0)
        dump = path.read_text()
    assert drive.public_id in dump
    for identity in [*SECRET, NAMED]:
        for told in (identity.name, identity.email, identity.message, identity.refund_to):
            assert not told or told not in dump
            assert not told or told.encode().hex() not in dump.casefold()


def test_the_search_finds_what_is_there(drive: Drive) -> None:
    """The control: a name that is published by mistake is found."""
    donation = donate(drive, SECRET[0], 0)
    Donation.objects.filter(pk=donation.pk).update(shows_name=True)
    found = [path for path, text in crawl(Client()).items() if SECRET[0].name.casefold() in text.casefold()]
    assert found == ["/drives/december/"]


def test_private_links_are_cut_in_the_log() -> None:
    record = logging.LogRecord("django.request", 30, "", 0, "Not Found: %s", ("/gifts/abc/0123/refund/",), None)
    assert WithoutPrivateLinks().filter(record)
    assert record.getMessage() == "Not Found: /gifts/…"
    assert settings.LOGGING["handlers"]["stderr"]["filters"] == ["private"]
