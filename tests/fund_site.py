"""A fund with its providers set up for a test: fakes on loopback, deliveries of webhooks, and the background work."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.test import Client, override_settings

from fakes import btcpay, stripe
from fakes.http import Event, serving
from largesse.config.settings import Config
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.start_payment import start_payment
from largesse.drives.models import Donation, Drive
from largesse.drives.providers.base import PaymentStart
from largesse.drives.providers.btcpay import BTCPayProvider
from largesse.drives.providers.registry import _made, providers
from largesse.drives.providers.stripe import StripeProvider
from largesse.jobs.models import Job
from largesse.jobs.worker import Worker
from largesse.kit.clock import Clock, utc_now

IBAN = "DE89370400440532013000"


@contextmanager
def fund(**fund_settings: str) -> Iterator[Config]:
    """Run with these settings of `[fund]`, and a bank account."""
    config = settings.CONFIG
    given = {"bank_iban": IBAN, "bank_account_holder": "Society", **fund_settings}
    for name, value in given.items():
        config = config.with_value(f"fund.{name}", value, origin="test")
    with override_settings(CONFIG=config):
        try:
            yield config
        finally:
            for one in providers().values():
                if isinstance(one, StripeProvider | BTCPayProvider):
                    one.http.close()
            _made.cache_clear()


@contextmanager
def with_stripe(fake: stripe.FakeStripe | None = None) -> Iterator[stripe.FakeStripe]:
    """Run with a fake Stripe."""
    fake = fake or stripe.FakeStripe()
    with (
        serving(fake) as address,
        fund(stripe_secret_key=stripe.SECRET_KEY, stripe_webhook_secret=stripe.WEBHOOK_SECRET, stripe_api=address),
    ):
        yield fake


@contextmanager
def with_btcpay() -> Iterator[btcpay.FakeBTCPay]:
    """Run with a fake BTCPay Server."""
    fake = btcpay.FakeBTCPay()
    with (
        serving(fake) as address,
        fund(
            btcpay_address=address,
            btcpay_store=btcpay.STORE,
            btcpay_api_key=btcpay.API_KEY,
            btcpay_webhook_secret=btcpay.WEBHOOK_SECRET,
        ),
    ):
        yield fake


def begin(drive: Drive, provider: str, amount_minor: int, *, is_monthly: bool = False) -> tuple[Donation, PaymentStart]:
    """Pledge a gift and start its payment."""
    donation = pledge(
        drive,
        provider=provider,
        amount_minor=amount_minor,
        contract_hash=drive.contracts.get().hash,
        is_monthly=is_monthly,
    )
    return donation, start_payment(donation, return_url="https://a.example/", cancel_url="https://a.example/")


def deliver(provider: str, event: Event, *, client: Client | None = None) -> int:
    """Send a webhook; return the answer's status."""
    answer = (client or Client()).post(
        f"/webhooks/{provider}/", data=event.body, content_type="application/json", headers=event.headers
    )
    return int(answer.status_code)


def work(*, clock: Clock = utc_now, most: int = 100_000) -> int:
    """Do the background work that is due; return how many jobs were run."""
    worker = Worker(node="test", clock=clock)
    for number in range(most):
        if not worker.run_one():
            return number
    raise AssertionError("the queue does not end")


def left() -> list[Any]:
    """Return the jobs that wait or gave up."""
    return list(Job.objects.exclude(name__startswith="swarm.").values_list("name", "state", "last_error"))
