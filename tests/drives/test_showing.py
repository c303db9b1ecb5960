"""Badge, widget, feed, page and API show the same figures, and ask nobody else for anything."""

import re
from xml.etree import ElementTree as ET

import pytest
from django.test import Client

from drive_factories import give, make_drive
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.settle import note_pending
from largesse.drives.models import Drive

pytestmark = pytest.mark.django_db
FIGURES = ["20 640 $ of 30 000 $", "69 %", "9 360 $ missing", "11 days left"]
PLACES = ["", "badge.svg", "widget/", "feed/"]


@pytest.fixture
def drive() -> Drive:
    made = make_drive(lede="For one month of counsel.")
    give(made, 2_064_000, fee_minor=1_050)
    return made


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.getvalue().decode().replace("\u00a0", " ").replace("&nbsp;", " ")


@pytest.mark.parametrize("place", PLACES)
def test_every_place_tells_the_canonical_case(client: Client, drive: Drive, place: str) -> None:
    shown = text(client, drive.path + place)
    for figure in FIGURES:
        assert figure in shown, figure


@pytest.mark.parametrize("place", PLACES)
def test_one_dollar_short_of_the_goal_is_99_percent_everywhere(client: Client, drive: Drive, place: str) -> None:
    give(drive, 935_900, reference="2")
    shown = text(client, drive.path + place)
    assert "99 %" in shown
    assert "100 %" not in shown


@pytest.mark.parametrize("place", PLACES)
def test_beyond_the_goal_is_told_in_words_everywhere(client: Client, drive: Drive, place: str) -> None:
    give(drive, 1_956_000, reference="2")
    shown = text(client, drive.path + place)
    assert "40 200 $, goal of 30 000 $ passed" in shown
    assert "134 %" in shown
    assert "10 200 $ beyond" in shown


def test_what_is_under_way_is_told_apart(client: Client, drive: Drive) -> None:
    contract = drive.contracts.get()
    donation = pledge(drive, provider="stripe", amount_minor=5_000, contract_hash=contract.hash)
    note_pending(donation, amount_minor=5_000)
    told = client.get("/api/v1/drives/december").json()
    assert (told["settled_minor"], told["pending_minor"], told["percent"]) == (2_064_000, 5_000, 69)
    assert "50.00 $ more is under way and not counted yet." in text(client, drive.path)


def test_the_badge_is_a_picture_that_names_itself(client: Client, drive: Drive) -> None:
    answer = client.get(f"{drive.path}badge.svg")
    assert answer["Content-Type"].startswith("image/svg+xml")
    root = ET.fromstring(answer.content)
    assert root.get("role") == "img"
    assert "69 %" in (root.get("aria-label") or "")
    assert len([one for one in root.iter() if one.get("height") == "12"]) == 17
    assert "http" not in answer.content.decode().replace("http://www.w3.org/2000/svg", "")


def test_the_widget_may_stand_in_a_frame_and_does_nothing_else(client: Client, drive: Drive) -> None:
    answer = client.get(f"{drive.path}widget/")
    assert "X-Frame-Options" not in answer
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    page = answer.content.decode()
    assert "<script" not in page
    assert "<form" not in page
    assert not answer.cookies
    assert client.get(drive.path)["X-Frame-Options"] == "DENY"


def test_others_choose_the_language(client: Client, drive: Drive) -> None:
    answer = client.get(f"{drive.path}widget/?lang=fr")
    assert answer["Content-Language"] == "fr"
    assert 'lang="fr"' in answer.content.decode()
    assert client.get(f"{drive.path}badge.svg?lang=xx")["Content-Language"] == "en"


def test_the_feed_tells_gifts_expenses_and_updates(client: Client, drive: Drive) -> None:
    answer = client.get(f"{drive.path}feed/")
    assert answer["Content-Type"].startswith("application/atom+xml")
    names = {"a": "http://www.w3.org/2005/Atom"}
    feed = ET.fromstring(answer.content)
    titles = [one.text for one in feed.findall("a:entry/a:title", names)]
    assert titles == ["Gift in cash or by cheque: +20 629.50 $"]
    ids = [one.text or "" for one in feed.findall("a:entry/a:id", names)]
    entry = drive.donations.get().settlements.get().entry.public_id
    assert re.search(rf"/entry/{entry}$", ids[0])


def test_each_entry_is_found_by_its_id(client: Client, drive: Drive) -> None:
    entry = drive.donations.get().settlements.get().entry
    assert client.get("/ledger/entry/", {"entry": f" {entry.public_id.upper()} "})["Location"] == (
        f"/ledger/entry/{entry.public_id}/"
    )
    page = text(client, f"/ledger/entry/{entry.public_id}/")
    assert "−20 640.00 $" in page
    assert entry.seal.digest in page
    assert client.get("/ledger/entry/", {"entry": "nothing"}).status_code == 404
    assert entry.public_id in text(client, f"{drive.path}ledger/")


def test_the_account_is_recomputed_from_the_book(client: Client, drive: Drive) -> None:
    page = text(client, f"{drive.path}account/")
    for figure in ("20 640.00 $", "−10.50 $", "20 629.50 $"):
        assert figure in page
