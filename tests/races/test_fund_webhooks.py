"""
10,000 deliveries of 1,000 events, 16 at once, shuffled and in bursts: none is booked twice, none is lost.

The control takes the key away: an event is looked for before it is kept, as one would do without a database that refuses, and
duplicates come through.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory

from drive_factories import make_drive
from fakes.http import Event
from fund_site import with_stripe
from largesse.drives.checks import check
from largesse.drives.models import Donation, Drive, ProviderEvent, Settlement
from largesse.drives.providers.base import FactKind, ProviderFact
from largesse.drives.providers.registry import provider
from largesse.drives.views.webhooks import webhook
from largesse.jobs.models import Job
from largesse.jobs.registry import enqueue
from largesse.jobs.worker import Worker
from largesse.kit.clock import utc_now
from largesse.kit.money import Money
from largesse.ledger.checks import check as check_ledger

EVENTS, COPIES, AT_ONCE, BURST = 1_000, 10, 16, 250
CONTROL_EVENTS = 8

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Payments:
    """What a provider would answer for each session, without its HTTP, which the contract tests drive."""

    amounts: dict[str, int]

    def facts(self, reference: str) -> list[ProviderFact]:
        amount = Money(self.amounts[reference], "USD")
        when = datetime(2004, 12, 14, tzinfo=UTC)
        return [ProviderFact(FactKind.SETTLED, f"ch_{reference}", amount, Money(30, "USD"), when)]


def begun(drive: Drive, number: int) -> list[Donation]:
    contract = drive.contracts.get()
    return Donation.objects.bulk_create(
        Donation(
            drive=drive,
            contract=contract,
            provider="stripe",
            reference=f"cs_{at}",
            amount_minor=1_000 + at,
            made_at=utc_now(),
        )
        for at in range(number)
    )


def events_of(fake: Any, donations: list[Donation]) -> list[Event]:
    for donation in donations:
        session = {"object": "checkout.session", "id": donation.reference, "client_reference_id": donation.public_id}
        fake._event("checkout.session.completed", session)
    return list(fake.events)


def at_once(
    work_of_one: Callable[[Any], Any], items: list[Any], *, threads: int = AT_ONCE, burst: int = BURST
) -> list[Any]:
    """Work through the items, in bursts that begin at one moment; close what each thread opened."""
    results: list[Any] = []
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(items), burst):
            results += pool.map(work_of_one, items[first : first + burst])
        barrier = threading.Barrier(threads)
        list(pool.map(lambda _: (barrier.wait(60), connection.close()), range(threads)))
    return results


def delivered(event: Event) -> int:
    request = RequestFactory().post(
        "/webhooks/stripe/", data=event.body, content_type="application/json", headers=event.headers
    )
    return int(webhook(request, "stripe").status_code)


def test_ten_thousand_deliveries_of_a_thousand_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with with_stripe() as fake:
        drive = make_drive()
        donations = begun(drive, EVENTS)
        deliveries = events_of(fake, donations) * COPIES
        random.Random(2004).shuffle(deliveries)
        payments = Payments({str(donation.reference): donation.amount_minor for donation in donations})
        monkeypatch.setattr(provider("stripe"), "facts", payments.facts)
        answers = Counter(at_once(delivered, deliveries))
        assert answers == {200: EVENTS * COPIES}
        assert ProviderEvent.objects.count() == EVENTS
        assert Job.objects.filter(name="drives.process_event").count() == EVENTS
        Job.objects.exclude(name="drives.process_event").delete()
        workers = 1 if connection.vendor == "sqlite" else 2
        at_once(
            lambda node: [1 for _ in iter(Worker(node=f"w{node}").run_one, False)],
            list(range(workers)),
            threads=workers,
        )
        booked = Counter(Settlement.objects.values_list("donation__reference", "amount_minor"))
        assert booked == Counter(payments.amounts.items())
        assert set(booked.values()) == {1}
        assert list(check()) == [] and list(check_ledger()) == []


def test_control_without_the_key_events_are_processed_more_than_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look, then insert, with what a slow network puts between both: the same event is taken as new many times."""
    taken: list[str] = []
    meet = threading.Barrier(AT_ONCE)

    def look_then_keep(event: Event) -> None:
        known = ProviderEvent.objects.filter(kind=event.headers["Stripe-Signature"]).exists()
        meet.wait(30)
        if not known:
            with transaction.atomic():
                # A row of its own for each delivery: there is no key that the event decides.
                ProviderEvent.objects.create(
                    id=f"{threading.get_ident()}-{len(taken)}-{random.random()}",
                    kind=event.headers["Stripe-Signature"],
                    body=event.body,
                    received_at=utc_now(),
                )
                enqueue("drives.process_event", event="x")
            taken.append(event.headers["Stripe-Signature"])

    with with_stripe() as fake:
        for number in range(CONTROL_EVENTS):
            fake._event("checkout.session.completed", {"object": "checkout.session", "id": f"cs_{number}"})
        for event in fake.events:
            event.headers["Stripe-Signature"] = event.headers["Stripe-Signature"][-60:]
        deliveries = [event for event in fake.events for _ in range(AT_ONCE)]
        at_once(look_then_keep, deliveries, burst=AT_ONCE)
    duplicates = len(taken) - len(set(taken))
    assert len(set(taken)) == CONTROL_EVENTS
    assert duplicates > CONTROL_EVENTS
