"""The public pages of the fund, in both languages, and the strip."""

import pytest
from django.conf import settings
from django.test import Client, override_settings

from drive_factories import give, make_drive
from largesse.drives.models import Drive

pytestmark = pytest.mark.django_db


@pytest.fixture
def drive() -> Drive:
    made = make_drive(is_pinned=True)
    give(made, 2_064_000, fee_minor=1_050)
    return made


def text(client: Client, path: str, language: str = "en") -> str:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.getvalue().decode().replace("\u00a0", " ")


def test_the_page_tells_the_canonical_case(client: Client, drive: Drive) -> None:
    page = text(client, drive.path)
    assert "20 640 $ of 30 000 $ · 69 % · 9 360 $ missing · 11 days left" in page
    assert "Payment services kept 10.50 $" in page
    assert "style=" not in page
    assert text(client, drive.path, "fr").count("<h1") == 1


def test_beyond_the_goal_is_said_in_words(client: Client, drive: Drive) -> None:
    give(drive, 1_956_000, reference="2")
    assert "40 200 $, goal of 30 000 $ passed · 134 % · 10 200 $ beyond" in text(client, drive.path)


def test_the_contract_is_shown_as_it_was_frozen(client: Client, drive: Drive) -> None:
    contract = drive.contracts.get()
    page = text(client, f"{drive.path}contract/1/")
    assert contract.hash in page
    assert "&quot;goal_minor&quot;:3000000" in page


def test_the_strip_is_on_the_home_page_until_it_is_hidden(client: Client, drive: Drive) -> None:
    assert 'class="strip"' in text(client, "/")
    assert 'class="strip"' not in text(client, "/browse/")
    answer = client.post(f"{drive.path}dismiss/", {"next": "/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert 'class="strip"' not in text(client, "/")


def test_the_strip_is_gone_at_the_goal(client: Client, drive: Drive) -> None:
    give(drive, 936_000, reference="2")
    assert 'class="strip"' not in text(client, "/")


def test_dismissing_never_leads_to_another_site(client: Client, drive: Drive) -> None:
    answer = client.post(f"{drive.path}dismiss/", {"next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("form", ["beancount", "hledger", "csv", "json"])
def test_the_book_may_be_taken_away(client: Client, drive: Drive, form: str) -> None:
    for path in (f"/ledger/{form}/", f"{drive.path}ledger/{form}/"):
        assert f"Income:Gifts:D-{drive.public_id}:USD" in text(client, path)


def test_a_draft_is_not_public(client: Client) -> None:
    make_drive()
    Drive.objects.update(state="draft")
    assert client.get("/drives/december/").status_code == 404
    assert client.get("/api/v1/drives/december").status_code == 404


def test_the_operator_may_show_the_strip_on_every_public_page(client: Client, drive: Drive) -> None:
    del drive
    config = settings.CONFIG.with_value("fund.strip_everywhere", True, origin="test")
    with override_settings(CONFIG=config):
        assert 'class="strip"' in text(client, "/browse/")
        assert 'class="strip"' in text(client, "/news/")
        for form in ("/drives/december/", "/account/login/"):
            assert 'class="strip"' not in text(client, form)


def test_the_strip_stays_one_dollar_short_of_the_goal(client: Client, drive: Drive) -> None:
    give(drive, 935_900, reference="2")
    assert "99 %" in text(client, "/").partition('class="strip"')[2]
    give(drive, 100, reference="3")
    assert 'class="strip"' not in text(client, "/")


def test_the_strip_has_no_script(client: Client, drive: Drive) -> None:
    del drive
    strip = text(client, "/").partition('class="strip"')[2].partition("</aside>")[0]
    assert "<script" not in strip
    assert "onclick" not in strip
