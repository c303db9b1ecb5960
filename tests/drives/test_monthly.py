"""A monthly gift: each month is a settlement with its receipt, and it ends when its donor or its drive does."""

import pytest
from django.core import mail
from django.test import Client

from drive_factories import make_drive
from factories import make_user
from fakes.http import Fault
from fund_site import begin, deliver, with_stripe, work
from largesse.accounts.models import Role
from largesse.drives.actions.stop_monthly import stop_monthly
from largesse.drives.actions.wind_down import wind_down
from largesse.drives.donors import Identity, keep_identity, private_path
from largesse.drives.figures import figures_of
from largesse.drives.providers.base import ProviderUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_month_arrives_has_its_receipt_and_ends_when_its_donor_wants(client: Client) -> None:
    drive = make_drive()
    with with_stripe() as fake:
        donation, start = begin(drive, "stripe", 5_000, is_monthly=True)
        keep_identity(donation, Identity(email="donor@example.org"))
        fake.pay(start.reference)
        fake.renew(start.reference)
        for event in fake.events:
            deliver("stripe", event)
        work()
        assert donation.settlements.count() == 2
        assert figures_of(drive).settled_minor == 10_000
        assert len([one for one in mail.outbox if one.subject.startswith("Receipt")]) == 2
        link = private_path(donation)
        assert "Stop the monthly gift" in client.get(link).content.decode()
        for _ in range(2):
            client.post(f"{link}stop/")
        assert len(fake.canceled) == 1
        assert "The monthly gift was stopped on" in client.get(link).content.decode()


def test_a_drive_that_closes_stops_its_monthly_gifts() -> None:
    drive = make_drive()
    with with_stripe() as fake:
        paid, start = begin(drive, "stripe", 5_000, is_monthly=True)
        fake.pay(start.reference)
        _, unpaid = begin(drive, "stripe", 700, is_monthly=True)
        for event in fake.events:
            deliver("stripe", event)
        work()
        wind_down(drive, treasurer=make_user("ines", role=Role.TREASURER))
        work()
        paid.refresh_from_db()
        assert paid.stopped_at is not None
        assert len(fake.canceled) == 1
        assert fake.items["checkout/sessions"][unpaid.reference]["status"] == "expired"


def test_a_gift_is_not_called_stopped_before_its_provider_said_so() -> None:
    drive = make_drive()
    with with_stripe() as fake:
        donation, start = begin(drive, "stripe", 5_000, is_monthly=True)
        fake.pay(start.reference)
        fake.faults.append(Fault("DELETE /v1/subscriptions", times=10, status=500))
        with pytest.raises(ProviderUnavailable):
            stop_monthly(donation)
        donation.refresh_from_db()
        assert donation.stopped_at is None


def test_whoever_looks_at_their_gift_makes_us_look_again(client: Client) -> None:
    drive = make_drive()
    with with_stripe() as fake:
        donation, start = begin(drive, "stripe", 5_000)
        fake.pay(start.reference)
        link = private_path(donation)
        assert "is not paid yet" in client.get(link).content.decode()
        work()
        assert "What arrived" in client.get(link).content.decode()
