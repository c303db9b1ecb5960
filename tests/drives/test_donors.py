"""Who gave is sealed, bound to its donation, forgotten in time, and never needed by the books."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Model
from django.test import Client, override_settings

from drive_factories import give, make_drive
from factories import make_user
from largesse.accounts.models import User
from largesse.drives.actions.settle import settle
from largesse.drives.donors import (
    Identity,
    donation_of_link,
    forget,
    forget_expired,
    identity_of,
    keep_identity,
    link_token,
    mail_index,
)
from largesse.drives.errors import NoSuchDonation
from largesse.drives.models import Donation, Donor, SentMail
from largesse.journal.models import Row
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check

pytestmark = pytest.mark.django_db
ADA = Identity(name="Ada Ferraioli", email="ada.ferraioli@example.org", message="For the films", language="fr")


@pytest.fixture
def donation() -> Donation:
    return give(make_drive(), 5_000).donation


def test_an_identity_opens_with_the_key_and_stands_nowhere_in_clear(donation: Donation) -> None:
    keep_identity(donation, ADA)
    assert identity_of(donation) == ADA
    with connection.cursor() as cursor:
        cursor.execute("SELECT sealed, mail_index FROM drives_donor")
        sealed, index = cursor.fetchone()
    for told in (ADA.name, ADA.email, ADA.message):
        assert told.encode() not in bytes(sealed)
        assert told not in index


def test_an_identity_does_not_open_with_another_key(donation: Donation, caplog: pytest.LogCaptureFixture) -> None:
    keep_identity(donation, ADA)
    with override_settings(DONOR_KEY="another key"):
        assert identity_of(donation) is None
    assert donation.public_id in caplog.text
    assert "Ada" not in caplog.text


def test_an_identity_does_not_open_for_another_donation(donation: Donation) -> None:
    keep_identity(donation, ADA)
    other = give(donation.drive, 700, reference="2").donation
    keep_identity(other, Identity(name="Bo"))
    Donor.objects.filter(donation=other).update(sealed=Donor.objects.get(donation=donation).sealed)
    assert identity_of(other) is None


def test_who_tells_nothing_is_not_kept(donation: Donation) -> None:
    keep_identity(donation, Identity(language="fr"))
    assert not Donor.objects.exists()


def test_forgetting_leaves_the_books_as_they_are(donation: Donation) -> None:
    keep_identity(donation, ADA)
    forget(donation)
    assert identity_of(donation) is None
    assert list(check()) == []
    assert donation.settlements.count() == 1


def test_the_time_of_an_identity_ends(donation: Donation) -> None:
    keep_identity(donation, ADA)
    limit = Donor.objects.get().forget_at
    assert forget_expired(clock=lambda: limit - timedelta(seconds=1)) == 0
    assert forget_expired(clock=lambda: limit) == 1
    assert not Donor.objects.exists()
    assert limit - utc_now() > timedelta(days=3_600)


def test_a_private_link_cannot_be_made_from_what_is_public(donation: Donation) -> None:
    assert donation_of_link(donation.public_id, link_token(donation)) == donation
    other = give(donation.drive, 700, reference="2").donation
    for public_id, token in (
        (donation.public_id, ""),
        (donation.public_id, link_token(other)),
        ("nobody", link_token(donation)),
        (donation.public_id, link_token(donation)[:-1] + "é"),
    ):
        with pytest.raises(NoSuchDonation):
            donation_of_link(public_id, token)


def test_one_address_has_one_index_however_it_is_written() -> None:
    assert mail_index(" Ada@Example.org ") == mail_index("ada@example.org")
    assert mail_index("") == ""


def related(model: type[Model]) -> set[type[Model]]:
    return {field.related_model for field in model._meta.get_fields() if field.is_relation and field.related_model}


def test_by_structure_a_gift_is_joined_to_no_account_address_or_swarm() -> None:
    assert related(Donor) == {Donation}
    allowed = {"ledger", "drives"}
    assert {model._meta.app_label for model in related(Donation)} <= allowed
    for model in (Donation, Donor, SentMail):
        names = {field.name for field in model._meta.get_fields()}
        assert not names & {"user", "account", "session", "address", "ip", "remote_addr", "user_agent", "peer"}
        assert User not in related(model)


def test_a_signed_in_account_gives_as_anybody(client: Client) -> None:
    drive = make_drive()
    user = make_user("zoe-unmistakable")
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    config = settings.CONFIG.with_value("fund.bank_iban", "DE89370400440532013000", origin="test")
    with override_settings(CONFIG=config.with_value("fund.bank_account_holder", "Society", origin="test")):
        said = {"amount": "5000", "by": "bank", "contract": drive.contracts.get().hash, "nonce": "n"}
        assert client.post(f"{drive.path}give/", said).status_code == 302
    row = Donation.objects.values().get()
    assert not {value for value in row.values() if value in {user.username, user.public_id, user.email}}
    assert not Donor.objects.exists()
    settle(Donation.objects.get(), provider="bank", reference="1", amount_minor=5_000, occurred_at=utc_now())
    told = [f"{one.actor} {one.payload}" for one in Row.objects.filter(subject__startswith="donation:")]
    assert [user.public_id in line for line in told] == [False]
