"""One contract over every provider: what it is asked once happens once, and every amount keeps its minor units."""

from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Protocol

import pytest

from drive_factories import make_drive
from factories import make_user
from fund_site import begin, deliver, fund, left, with_btcpay, with_stripe, work
from largesse.accounts.models import Role
from largesse.drives.actions.import_statement import import_statement
from largesse.drives.actions.record_cash import record_cash
from largesse.drives.actions.refund import claim
from largesse.drives.actions.send_refund import record_refund, send_refund
from largesse.drives.actions.start_payment import start_payment
from largesse.drives.actions.sweep import REACH, sweep_all
from largesse.drives.checks import check
from largesse.drives.models import Alarm, Donation, Drive, RefundOutcome, RefundReason, Settlement
from largesse.drives.providers.base import CannotRefundHere, Changed, ForgedEvent, Provider
from largesse.drives.providers.registry import LABELS, provider
from largesse.kit.money import Money

pytestmark = pytest.mark.django_db(transaction=True)


class Harness(Protocol):
    """How one provider's payer, and its messenger, act in the test."""

    name: str

    def pay(self, donation: Donation, *, amount_minor: int) -> None: ...

    def tell(self, *, copies: int) -> None:
        """Let the provider's news arrive, each as often as `copies`."""


class Stripe:
    name = "stripe"

    def __init__(self, fake: Any) -> None:
        self.fake = fake

    def pay(self, donation: Donation, *, amount_minor: int) -> None:
        self.fake.pay(donation.reference, amount=amount_minor)

    def tell(self, *, copies: int) -> None:
        statuses = {deliver(self.name, event) for event in self.fake.shuffled(copies=copies, seed=copies)}
        assert statuses == {200}
        work()


class BTCPay(Stripe):
    name = "btcpay"

    def pay(self, donation: Donation, *, amount_minor: int) -> None:
        self.fake.pay(donation.reference, amount=Decimal(amount_minor) / 100)


class Bank:
    name = "bank"

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pay(self, donation: Donation, *, amount_minor: int) -> None:
        self.lines.append(f"2004-12-14,{donation.reference},Ada,{Decimal(amount_minor) / 100}")

    def tell(self, *, copies: int) -> None:
        treasurer = make_user(f"importer-{copies}", role=Role.TREASURER)
        for number in range(copies):
            # A later export has the same lines and another checksum.
            content = "\n".join(["Date,Description,Name,Amount", *self.lines]) + "\n" * number
            import_statement(content.encode(), treasurer=treasurer, currency="USD")


class Cash:
    name = "cash"

    def __init__(self) -> None:
        self.counted: list[tuple[Donation, int]] = []

    def pay(self, donation: Donation, *, amount_minor: int) -> None:
        self.counted.append((donation, amount_minor))

    def tell(self, *, copies: int) -> None:
        treasurer = make_user(f"counter-{copies}", role=Role.TREASURER)
        for donation, amount_minor in self.counted * copies:
            # The desk's form is what the donor's payment is elsewhere.
            record_cash(donation.drive, treasurer=treasurer, amount_minor=amount_minor, form_key=donation.public_id)


@pytest.fixture(params=LABELS)
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    with ExitStack() as stack:
        match request.param:
            case "stripe":
                yield Stripe(stack.enter_context(with_stripe()))
            case "btcpay":
                yield BTCPay(stack.enter_context(with_btcpay()))
            case "bank":
                stack.enter_context(fund())
                yield Bank()
            case "cash":
                stack.enter_context(fund())
                yield Cash()


@pytest.fixture
def drive() -> Drive:
    return make_drive()


def settled() -> list[int]:
    return list(Settlement.objects.values_list("amount_minor", flat=True))


def test_it_names_itself_and_says_what_it_takes(harness: Harness) -> None:
    one: Provider = provider(harness.name)
    assert one.name == harness.name
    assert one.takes("USD")
    assert isinstance(one.may_recur(), bool)


def test_started_twice_it_is_one_payment(harness: Harness, drive: Drive) -> None:
    donation, first = begin(drive, harness.name, 2_501)
    again = start_payment(donation, return_url="https://a.example/", cancel_url="https://a.example/")
    assert again == first
    donation.refresh_from_db()
    assert donation.reference == first.reference
    assert not Settlement.objects.exists()
    _, other = begin(drive, harness.name, 2_501)
    assert other.reference != first.reference


def test_nothing_is_booked_before_it_was_paid(harness: Harness, drive: Drive) -> None:
    _, started = begin(drive, harness.name, 2_501)
    facts = provider(harness.name).facts(started.reference)
    assert facts == []
    sweep_all(reach=REACH)
    assert settled() == []


@pytest.mark.parametrize("copies", [1, 7])
def test_what_was_paid_is_booked_once_however_often_it_is_told(harness: Harness, drive: Drive, copies: int) -> None:
    donation, _ = begin(drive, harness.name, 2_501)
    harness.pay(donation, amount_minor=2_501)
    harness.tell(copies=copies)
    harness.tell(copies=copies + 1)
    sweep_all(reach=REACH)
    work()
    assert settled() == [2_501]
    assert left() == []
    assert list(check()) == []
    assert not Alarm.objects.exists()


def test_facts_are_told_alike_each_time(harness: Harness, drive: Drive) -> None:
    donation, started = begin(drive, harness.name, 2_501)
    harness.pay(donation, amount_minor=2_501)
    one = provider(harness.name)
    first, second = one.facts(started.reference), one.facts(started.reference)
    assert first == second
    assert [fact.amount for fact in first] == [Money(2_501, "USD")] * len(first)
    assert len({(fact.kind, fact.reference) for fact in first}) == len(first)


def test_what_came_is_booked_and_not_what_was_meant(harness: Harness, drive: Drive) -> None:
    donation, _ = begin(drive, harness.name, 2_501)
    harness.pay(donation, amount_minor=1_999)
    harness.tell(copies=2)
    sweep_all(reach=REACH)
    assert settled() == [1_999]
    assert list(check()) == []


def test_an_event_without_the_right_signature_is_refused(harness: Harness) -> None:
    one = provider(harness.name)
    for headers in ({}, {"Stripe-Signature": "t=1,v1=00"}, {"BTCPay-Sig": "sha256=00"}):
        with pytest.raises(ForgedEvent):
            one.verify(b'{"id": "evt_1", "type": "charge.succeeded", "data": {"object": {}}}', headers)


def test_a_refund_is_made_once_for_its_key_or_left_to_a_person(harness: Harness, drive: Drive) -> None:
    donation, _ = begin(drive, harness.name, 2_501)
    harness.pay(donation, amount_minor=2_501)
    harness.tell(copies=1)
    settlement = Settlement.objects.get()
    one = provider(harness.name)
    try:
        made = [one.refund(settlement.reference, amount=Money(501, "USD"), key="k1") for _ in range(3)]
        assert len({fact.reference for fact in made if fact}) == 1
        harness.tell(copies=2)
        assert RefundOutcome.objects.get().refund.amount_minor == 501
    except CannotRefundHere:
        refund = claim(settlement, amount_minor=501, reason=RefundReason.CHANGE_OF_MIND)
        assert send_refund(refund) is None
        treasurer = make_user("sender", role=Role.TREASURER)
        for _ in range(2):
            record_refund(refund, treasurer=treasurer, paid_from=harness.name)
    sweep_all(reach=REACH)
    assert RefundOutcome.objects.get().is_sent
    assert list(check()) == []


def test_it_says_what_changed_or_nothing(harness: Harness, drive: Drive) -> None:
    begin(drive, harness.name, 2_501)
    one = provider(harness.name)
    recent = list(one.recent(drive.starts_at))
    assert all(isinstance(changed, Changed) for changed in recent)
    assert bool(recent) == one.is_online
    held = one.balances()
    assert held is None or all(isinstance(amount, int) for amount in held.values())
    assert list(one.payouts(drive.starts_at)) == []
