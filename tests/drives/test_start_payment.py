"""Starting a payment: once, whatever happens to the answer, and found again when its reference was not kept."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from drive_factories import make_drive
from fakes.http import Fault
from fakes.stripe import FakeStripe
from fund_site import begin, deliver, with_stripe, work
from largesse.drives.actions.start_payment import start_payment
from largesse.drives.actions.sweep import REACH, sweep_all
from largesse.drives.checks import check
from largesse.drives.models import Donation, Drive, Settlement
from largesse.drives.providers.base import PaymentRefused, ProviderUnavailable
from largesse.kit.clock import utc_now
from largesse.ledger.models import Account
from largesse.ledger.queries import balance

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with with_stripe() as fake:
        yield fake


@pytest.fixture
def drive() -> Drive:
    return make_drive()


def agree(stripe: FakeStripe) -> None:
    """The books hold what the provider holds."""
    assert balance(Account.objects.get(name="Assets:Stripe:USD")) == stripe.balance["usd"]
    assert list(check()) == []


def test_a_provider_that_dies_in_the_middle_of_a_start_starts_one_payment(stripe: FakeStripe, drive: Drive) -> None:
    stripe.faults.append(Fault("POST /v1/checkout/sessions", times=9, is_after=True))
    with pytest.raises(ProviderUnavailable):
        begin(drive, "stripe", 5_000)
    donation = Donation.objects.get()
    assert donation.reference is None
    (session,) = stripe.items["checkout/sessions"]
    stripe.pay(session)  # The donor cannot have seen it; somebody could all the same.
    stripe.faults.clear()
    sweep_all(reach=REACH)
    donation.refresh_from_db()
    assert donation.reference == session and Settlement.objects.count() == 1
    agree(stripe)


def test_an_old_session_still_counts_when_a_newer_one_was_made(stripe: FakeStripe, drive: Drive) -> None:
    donation, first = begin(drive, "stripe", 5_000)
    stripe.keys.clear()  # A day later, the donor opens the private link again.
    second = start_payment(donation, return_url="https://a.example/", cancel_url="https://a.example/")
    assert second.reference != first.reference
    stripe.pay(first.reference)
    for event in stripe.events:
        deliver("stripe", event)
    work()
    assert Settlement.objects.get().donation == donation
    assert utc_now() - Settlement.objects.get().occurred_at < timedelta(minutes=5)
    agree(stripe)


def test_coming_back_in_another_language_starts_no_trouble(stripe: FakeStripe, drive: Drive) -> None:
    donation, first = begin(drive, "stripe", 5_000)
    french = start_payment(donation, return_url="https://a.example/", cancel_url="https://a.example/", language="fr")
    stripe.pay(french.reference)
    stripe.expire(first.reference)
    for event in stripe.events:
        deliver("stripe", event)
    work()
    assert Settlement.objects.get().donation == donation
    agree(stripe)


def test_a_payment_that_stripe_does_not_take_is_told_as_that(stripe: FakeStripe, drive: Drive) -> None:
    stripe.least = 10_000
    with pytest.raises(PaymentRefused, match="amount_too_small"):
        begin(drive, "stripe", 5_000)
    assert Donation.objects.get().reference is None
