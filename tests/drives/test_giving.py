"""Giving without an account or a script: the form, the transfer's instructions, the receipt, a change of mind, being forgotten."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client, override_settings

from drive_factories import make_drive
from largesse.drives.actions.change_mind import change_mind, returnable
from largesse.drives.actions.settle import settle
from largesse.drives.donors import identity_of, private_path
from largesse.drives.errors import RefundTooLate
from largesse.drives.figures import figures_of
from largesse.drives.models import Donation, Donor, Drive, Refund, Settlement
from largesse.jobs.worker import Worker
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check

pytestmark = pytest.mark.django_db
IBAN = "DE89370400440532013000"


@pytest.fixture(autouse=True)
def _bank() -> Iterator[None]:
    config = settings.CONFIG
    for key, value in (("bank_account_holder", "The Rivemont Society"), ("bank_iban", IBAN)):
        config = config.with_value(f"fund.{key}", value, origin="test")
    with override_settings(CONFIG=config):
        yield


@pytest.fixture
def drive() -> Drive:
    return make_drive()


def form_of(client: Client, drive: Drive) -> dict[str, str]:
    """Read the form as a browser does: what is hidden and what is chosen."""
    page = client.get(drive.path).content.decode()
    hidden = re.findall(r'<input type="hidden" name="(contract|nonce)" value="([^"]+)"', page)
    chosen = re.findall(r'<input type="radio" name="(\w+)" value="([^"]+)"[^>]* checked', page)
    return dict(hidden + chosen)


def send(client: Client, drive: Drive, **said: str) -> Donation:
    answer = client.post(f"{drive.path}give/", {**form_of(client, drive), **said})
    assert answer.status_code == 302, re.findall(r'class="err"[^>]*>.*?</span>', answer.content.decode())
    return Donation.objects.get(public_id=answer["Location"].split("/")[2])


def arrive(donation: Donation, *, reference: str = "line-1", amount_minor: int | None = None) -> Settlement:
    return settle(
        donation,
        provider="bank",
        reference=reference,
        amount_minor=amount_minor or donation.amount_minor,
        occurred_at=utc_now(),
    )


def work() -> None:
    worker = Worker()
    while worker.run_one():
        pass


def words(answer: object) -> str:
    return answer.content.decode().replace("\u00a0", " ")  # type: ignore[attr-defined]


def test_three_fields_are_enough(client: Client, drive: Drive) -> None:
    donation = send(client, drive, amount="5000", by="bank", email="")
    assert (donation.amount_minor, donation.provider, donation.shows_name) == (5_000, "bank", False)
    assert not Donor.objects.exists()
    page = words(client.get(private_path(donation)))
    assert "DE89 3704 0044 0532 0130 00" in page
    assert "The Rivemont Society" in page
    assert re.search(r"RF\d\d( [0-9A-Z]{4}){3}", page)
    assert "50.00 $" in page
    assert "<script" not in page


def test_euros_come_with_a_code_for_the_banks_program(client: Client) -> None:
    donation = send(client, make_drive(currency="EUR"), other="20,64", by="bank")
    assert donation.amount_minor == 2_064
    assert '<figure class="qr"' in words(client.get(private_path(donation)))


def test_the_terms_and_their_hash_are_shown_before_paying(client: Client, drive: Drive) -> None:
    contract = drive.contracts.get()
    for path in (drive.path, f"{drive.path}give/"):
        page = words(client.get(path))
        assert contract.hash in page
        assert "Legal costs of one month." in page
        assert page.index(contract.hash) < page.index('<button type="submit" class="btn btn-give btn-wide">')


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"amount": "other", "other": ""}, "Write or choose an amount."),
        ({"other": "much"}, "is not an amount in USD"),
        ({"other": "0.10"}, "Give at least 1"),
        ({"other": "-5"}, "Give at least 1"),
        ({"other": "99999999"}, "at most 1000000"),
        ({"by": "barter"}, "barter"),
        ({"email": "not an address"}, "valid email"),
        ({"wall": "name", "name": " "}, "Write the name to show"),
        ({"contract": "0" * 64}, "The terms were changed while you read them"),
    ],
)
def test_what_cannot_be_taken_is_said_at_the_form(
    client: Client, drive: Drive, said: dict[str, str], sentence: str
) -> None:
    answer = client.post(f"{drive.path}give/", {**form_of(client, drive), **said})
    assert answer.status_code == 422
    assert sentence in words(answer)
    assert not Donation.objects.exists()
    assert not Donor.objects.exists()


def test_a_form_sent_twice_is_one_gift(client: Client, drive: Drive) -> None:
    form = form_of(client, drive)
    paths = {client.post(f"{drive.path}give/", form)["Location"] for _ in range(3)}
    changed = client.post(f"{drive.path}give/", {**form, "amount": "2500"})["Location"]
    assert len(paths) == 1
    assert changed not in paths
    assert Donation.objects.count() == 2


def test_a_drive_that_is_over_takes_nothing(client: Client) -> None:
    drive = make_drive(ends_at=utc_now() - timedelta(hours=1))
    assert 'id="give"' not in words(client.get(drive.path))
    answer = client.post(f"{drive.path}give/", {"amount": "5000"})
    assert answer.status_code == 409
    assert "takes no gifts now" in words(answer)


def test_giving_hides_the_strip(client: Client) -> None:
    drive = make_drive(is_pinned=True)
    assert 'class="strip"' in words(client.get("/"))
    send(client, drive)
    assert 'class="strip"' not in words(client.get("/"))


def test_the_receipt_is_mailed_at_once_with_the_entrys_id(client: Client, drive: Drive) -> None:
    donation = send(client, drive, email="ines@example.org", wall="name", name="Inès Caron")
    settlement = arrive(donation)
    work()
    work()
    assert [sent.to for sent in mail.outbox] == [["ines@example.org"]]
    sent = mail.outbox[0]
    assert settlement.entry.public_id in sent.body
    assert private_path(donation) in sent.body
    name, pdf, kind = sent.attachments[0]
    assert (kind, pdf[:5]) == ("application/pdf", b"%PDF-")
    assert settlement.public_id in name
    page = words(client.get(private_path(donation)))
    assert settlement.entry.public_id in page
    link = f"{private_path(donation)}receipt/{settlement.public_id}/"
    assert settlement.entry.public_id in words(client.get(f"{link}html/"))
    assert client.get(f"{link}pdf/").content[:5] == b"%PDF-"
    assert settlement.entry.public_id in words(client.get(f"/ledger/entry/{settlement.entry.public_id}/"))


def test_a_receipt_is_in_the_donors_language(client: Client, drive: Drive) -> None:
    client.cookies["django_language"] = "fr"
    donation = send(client, drive, email="ines@example.org")
    client.cookies.clear()
    identity = identity_of(donation)
    assert identity is not None
    assert identity.language == "fr"
    arrive(donation)
    work()
    assert mail.outbox[0].subject == "Reçu : 50,00 $ à « December 2004 »"


def test_a_private_page_is_kept_by_nobody(client: Client, drive: Drive) -> None:
    donation = send(client, drive)
    answer = client.get(private_path(donation))
    assert "no-store" in answer["Cache-Control"]
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]
    assert client.get(f"/gifts/{donation.public_id}/{'0' * 40}/").status_code == 404
    assert client.get(f"/gifts/{donation.public_id}/back/")["Location"] == private_path(donation)
    assert private_path(donation) not in words(Client().get(f"/gifts/{donation.public_id}/back/"))


def test_a_donor_changes_what_the_wall_shows(client: Client, drive: Drive) -> None:
    donation = send(client, drive, wall="name", name="Ines", message="For the films", email="ines@example.org")
    arrive(donation)
    assert "Ines" in words(client.get(drive.path))
    assert "For the films" in words(client.get(drive.path))
    link = private_path(donation)
    client.post(f"{link}change/", {"name": "", "message": "For the films", "email": "ines@example.org"})
    page = words(client.get(drive.path))
    assert "Ines" not in page
    assert "For the films" not in page
    client.post(f"{link}change/", {"name": "I. C.", "shows_amount": "on", "email": "ines@example.org"})
    assert re.search(r"I\. C\..*?50 \$", words(client.get(drive.path)), re.DOTALL)


def test_a_change_of_mind_gives_everything_back(client: Client, drive: Drive) -> None:
    donation = send(client, drive, email="ines@example.org")
    arrive(donation)
    link = f"{private_path(donation)}refund/"
    assert "50.00 $ goes back, no reason needed" in words(client.get(link))
    assert client.post(link, {}).status_code == 422
    client.post(link, {"is_sure": "on", "refund_to": IBAN})
    assert Refund.objects.get().amount_minor == 5_000
    identity = identity_of(donation)
    assert identity is not None
    assert identity.refund_to == IBAN
    assert figures_of(drive).settled_minor == 0
    again = client.post(link, {"is_sure": "on"})
    assert again.status_code == 422
    assert "The time for a refund is over" in words(again)
    work()
    assert [sent.subject.replace("\u00a0", " ") for sent in mail.outbox][
        -1
    ] == "50.00 $ of December 2004 goes back to you"
    assert list(check()) == []


def test_a_refund_is_over_when_the_contract_says_so(drive: Drive) -> None:
    client = Client()
    donation = send(client, drive)
    settlement = arrive(donation)
    late = settlement.occurred_at + timedelta(days=30)
    assert returnable(donation, clock=lambda: late - timedelta(seconds=1))
    with pytest.raises(RefundTooLate):
        change_mind(donation, clock=lambda: late)


def test_being_forgotten_keeps_the_books(client: Client, drive: Drive) -> None:
    donation = send(client, drive, email="ines@example.org", wall="name", name="Ines")
    settlement = arrive(donation)
    client.post(f"{private_path(donation)}forget/")
    assert not Donor.objects.exists()
    page = words(client.get(drive.path))
    assert "Ines" not in page
    assert settlement.entry.public_id in page
    assert list(check()) == []
    work()
    assert mail.outbox == []


def test_a_yearly_statement_goes_to_the_address_alone(client: Client, drive: Drive) -> None:
    donation = send(client, drive, email="ines@example.org")
    settlement = arrive(donation)
    other = send(client, make_drive(slug="other", title="Other drive"), email=" Ines@example.org", amount="2500")
    arrive(other, reference="line-2")
    year = settlement.occurred_at.year
    answer = client.post(f"{private_path(donation)}statement/{year}/", follow=True)
    assert "Other drive" not in words(answer)
    mail.outbox.clear()
    work()
    sent = next(one for one in mail.outbox if f"Your gifts of {year}" in one.subject)
    assert sent.to == ["ines@example.org"]
    assert "75.00 $" in sent.body.replace("\u00a0", " ")
    link = re.search(r"/gifts/statement/\S+", sent.body)
    assert link is not None
    page = words(client.get(link.group()))
    assert "Other drive" in page
    assert settlement.entry.public_id in page
    assert client.get(f"{link.group()}pdf/").content[:5] == b"%PDF-"
    wrong = link.group()[:-5] + "0000/"
    assert client.get(wrong).status_code == 404
    assert client.post(f"{private_path(donation)}statement/{year - 1}/").status_code == 404


def test_a_draft_cannot_be_given_to(client: Client, drive: Drive) -> None:
    Drive.objects.update(state="draft")
    assert client.get(f"{drive.path}give/").status_code == 404
