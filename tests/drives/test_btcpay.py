"""BTCPay: one settlement for an invoice, at what was worth what came; paid late, in part or beyond, polled or told."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from drive_factories import make_drive
from fakes.btcpay import FakeBTCPay
from fakes.http import Fault
from fund_site import begin, deliver, with_btcpay, work
from largesse.drives.actions.sweep import REACH, sweep_all
from largesse.drives.checks import check
from largesse.drives.models import Alarm, AlarmCode, Donation, Drive, ProviderEvent, Settlement
from largesse.drives.providers.base import ProviderUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def btcpay() -> Iterator[FakeBTCPay]:
    with with_btcpay() as fake:
        yield fake


@pytest.fixture
def drive() -> Drive:
    return make_drive()


@pytest.mark.parametrize(
    ("paid", "settled"),
    [("50.00", 5_000), ("49.99", 4_999), ("0.01", 1), ("60.005", 6_000), ("120", 12_000)],
)
def test_what_came_is_booked_rounded_down(btcpay: FakeBTCPay, drive: Drive, paid: str, settled: int) -> None:
    _, started = begin(drive, "btcpay", 5_000)
    btcpay.pay(started.reference, amount=Decimal(paid))
    for event in btcpay.shuffled(copies=5):
        assert deliver("btcpay", event) == 200
    work()
    sweep_all(reach=REACH)
    assert Settlement.objects.get().amount_minor == settled
    assert Alarm.objects.filter(code=AlarmCode.OTHER_AMOUNT).exists() == (settled != 5_000)
    assert list(check()) == []


def test_a_redelivery_with_a_new_id_is_the_same_event(btcpay: FakeBTCPay, drive: Drive) -> None:
    _, started = begin(drive, "btcpay", 5_000)
    btcpay.pay(started.reference)
    btcpay._event("InvoiceSettled", btcpay.invoices[started.reference])  # BTCPay gives each delivery a new id.
    assert btcpay.events[0].body != btcpay.events[1].body
    assert {deliver("btcpay", event) for event in btcpay.events} == {200}
    assert ProviderEvent.objects.count() == 1


def test_a_start_whose_answer_was_lost_finds_its_invoice_again(btcpay: FakeBTCPay, drive: Drive) -> None:
    btcpay.faults.append(Fault("POST ", is_after=True))
    with pytest.raises(ProviderUnavailable):
        begin(drive, "btcpay", 5_000)
    donation = Donation.objects.get()
    assert donation.reference is None
    sweep_all(reach=REACH)
    donation.refresh_from_db()
    assert [donation.reference] == list(btcpay.invoices)


def test_an_expired_invoice_fails_and_a_new_one_may_be_paid(btcpay: FakeBTCPay, drive: Drive) -> None:
    donation, started = begin(drive, "btcpay", 5_000)
    btcpay.expire(started.reference)
    sweep_all(reach=REACH)
    donation.refresh_from_db()
    assert donation.failed_at is not None
    btcpay.invoices[started.reference]["additionalStatus"] = "PaidLate"
    btcpay.payments[started.reference].append({"id": "tx-0", "value": "0.001", "status": "Settled"})
    sweep_all(reach=REACH)
    assert Settlement.objects.get().amount_minor == 5_000


def test_many_invoices_come_in_pages(btcpay: FakeBTCPay, drive: Drive) -> None:
    for _ in range(120):
        _, started = begin(drive, "btcpay", 1_000)
    btcpay.pay(started.reference)
    assert sweep_all(reach=REACH)["btcpay"].booked == 1
    pages = [request for request in btcpay.requests if request.endswith("/invoices") and request.startswith("GET")]
    assert len(pages) >= 122
