"""What providers do wrong: they duplicate, reorder, delay, drop, lie about amounts and die in the middle; the books stay right."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail

from drive_factories import make_drive
from factories import make_user
from fakes.http import Event, Fault
from fakes.stripe import FakeStripe, signature
from fund_site import begin, deliver, left, with_btcpay, with_stripe, work
from largesse.accounts.models import Role, User
from largesse.drives.actions.receive_event import body_of, forget_events
from largesse.drives.actions.refund import claim
from largesse.drives.actions.send_refund import record_refund, send_refund
from largesse.drives.actions.sweep import REACH, sweep_all
from largesse.drives.actions.wind_down import wind_down
from largesse.drives.alarms import settle_alarm
from largesse.drives.checks import check
from largesse.drives.errors import RefundTooLarge
from largesse.drives.models import (
    Alarm,
    AlarmCode,
    Dispute,
    Donation,
    Drive,
    ProviderEvent,
    Refund,
    RefundOutcome,
    RefundReason,
    Settlement,
)
from largesse.drives.money_tasks import poll
from largesse.drives.providers.base import ProviderUnavailable
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check as check_ledger
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


def at_stripe() -> int:
    return balance(Account.objects.get(name="Assets:Stripe:USD"))


def agree(stripe: FakeStripe) -> None:
    """The books hold what the provider holds, and nothing in them contradicts itself."""
    assert at_stripe() == stripe.balance["usd"]
    assert list(check()) == [] and list(check_ledger()) == []


def alarms() -> list[str]:
    return sorted(Alarm.objects.filter(settled_at=None).values_list("code", flat=True))


def paid(stripe: FakeStripe, drive: Drive, amount: int = 5_000) -> Settlement:
    donation, started = begin(drive, "stripe", amount)
    stripe.pay(started.reference)
    sweep_all(reach=REACH)
    return Settlement.objects.get(donation=donation)


def test_a_forged_a_stale_and_a_long_event_are_refused_and_not_kept(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference)
    body = stripe.events[0].body
    for headers in (
        {},
        {"Stripe-Signature": signature(body, secret="whsec_other")},
        {"Stripe-Signature": signature(body, at=1_102_000_000)},
        {"Stripe-Signature": signature(body + b" ")},
        {"Stripe-Signature": "nonsense"},
    ):
        assert deliver("stripe", Event(body, headers)) == 400
    assert deliver("stripe", Event(b"\xff", {"Stripe-Signature": signature(b"\xff")})) == 400
    long = b"x" * 300_000
    assert deliver("stripe", Event(long, {"Stripe-Signature": signature(long)})) == 413
    assert deliver("nobody", stripe.events[0]) == 404
    assert not ProviderEvent.objects.exists()
    assert deliver("stripe", stripe.events[0]) == 200
    kept = ProviderEvent.objects.get()
    assert body_of(kept) == body
    assert b"charge" not in bytes(kept.body)  # Sealed: events name payers.


def test_what_events_say_of_payers_is_emptied_and_they_stay_known(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference)
    for event in stripe.events:
        deliver("stripe", event)
    assert forget_events(older_than=REACH) == 0
    assert forget_events(older_than=REACH, clock=lambda: utc_now() + REACH + timedelta(days=1)) == 2
    assert [body_of(kept) for kept in ProviderEvent.objects.all()] == [b"", b""]
    assert deliver("stripe", stripe.events[0]) == 200
    assert ProviderEvent.objects.count() == 2
    work()


def test_an_event_that_lies_about_the_amount_is_only_a_hint(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference)
    for event in stripe.events:
        lie = json.loads(event.body)
        lie["data"]["object"].update(amount=999_999, amount_total=999_999)
        body = json.dumps(lie).encode()
        assert deliver("stripe", Event(body, {"Stripe-Signature": signature(body)})) == 200
    work()
    assert Settlement.objects.get().amount_minor == 5_000
    agree(stripe)


def test_a_provider_that_changes_its_word_changes_no_books_and_raises_an_alarm(
    stripe: FakeStripe, drive: Drive
) -> None:
    treasurer = make_user("keeper", role=Role.TREASURER)
    User.objects.filter(pk=treasurer.pk).update(email="keeper@a.example")
    paid(stripe, drive)
    stripe.lie = lambda item: {**item, "amount": 1} if item.get("object") == "charge" else item
    sweep_all(reach=REACH)
    sweep_all(reach=REACH)
    assert Settlement.objects.get().amount_minor == 5_000
    alarm = Alarm.objects.get(code=AlarmCode.AMOUNT)
    assert "0.01 USD" in alarm.sentence and "50.00 USD" in alarm.sentence
    work()
    told = [message for message in mail.outbox if "disagree" in message.subject]
    assert sorted(message.to[0] for message in told) == ["keeper@a.example", "treasurer-december@example.org"]
    assert {message.body.split("\n")[0] for message in told} == {alarm.sentence}
    settle_alarm(alarm, treasurer=treasurer)
    assert alarms() == []


def test_another_currency_than_the_drives_is_not_booked(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference, currency="eur")
    sweep_all(reach=REACH)
    assert not Settlement.objects.exists()
    assert AlarmCode.CURRENCY in alarms()


def test_dropped_webhooks_cost_nothing(stripe: FakeStripe, drive: Drive) -> None:
    settlement = paid(stripe, drive)
    stripe.refund_by_hand(settlement.reference, 1_000)
    dispute = stripe.dispute(paid(stripe, drive).reference)
    stripe.pay_out("usd", 500)
    sweep_all(reach=REACH)
    agree(stripe)
    stripe.win(dispute)
    assert not ProviderEvent.objects.exists()
    sweep_all(reach=REACH)
    agree(stripe)
    assert Refund.objects.get().reason == RefundReason.AT_PROVIDER
    assert Dispute.objects.filter(is_won=True).count() == 1
    assert alarms() == []


@pytest.mark.parametrize("seed", range(6))
def test_any_order_any_number_of_times_some_dropped_is_one_history(stripe: FakeStripe, drive: Drive, seed: int) -> None:
    for amount in (5_000, 7_000, 9_000):
        _, started = begin(drive, "stripe", amount)
        charge = stripe.pay(started.reference)
        if amount > 5_000:
            stripe.refund_by_hand(charge, 1_500)
        if amount > 7_000:
            stripe.win(stripe.dispute(charge))
    for event in stripe.shuffled(copies=4, seed=seed, drop=seed / 8):
        assert deliver("stripe", event) == 200
        if seed % 2:
            work()
    work()
    sweep_all(reach=REACH)
    work()
    assert Settlement.objects.count() == 3
    assert sorted(Refund.objects.values_list("amount_minor", flat=True)) == [1_500, 1_500]
    assert left() == []
    agree(stripe)


def test_a_late_event_is_answered_by_what_is_true_now(stripe: FakeStripe, drive: Drive) -> None:
    settlement = paid(stripe, drive)
    stripe.refund_by_hand(settlement.reference, 5_000)
    sweep_all(reach=REACH)
    for event in stripe.events:  # Among them: that it was paid.
        deliver("stripe", event)
    work()
    assert Settlement.objects.count() == 1
    agree(stripe)


def test_a_monthly_gift_is_booked_month_after_month(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 2_000, is_monthly=True)
    stripe.pay(started.reference)
    stripe.renew(started.reference)
    stripe.events.clear()  # All of that was dropped.
    stripe.renew(started.reference)
    for event in stripe.shuffled(copies=3):
        deliver("stripe", event)
    work()
    assert [one.amount_minor for one in Settlement.objects.all()] == [2_000] * 3
    agree(stripe)


def test_a_slow_payment_is_pending_and_not_counted(stripe: FakeStripe, drive: Drive) -> None:
    donation, started = begin(drive, "stripe", 5_000)
    stripe.submit(started.reference)
    deliver("stripe", stripe.events[-1])
    work()
    donation.refresh_from_db()
    assert (donation.pending_minor, Settlement.objects.count()) == (5_000, 0)
    stripe.expire(started.reference)
    deliver("stripe", stripe.events[-1])
    work()
    donation.refresh_from_db()
    assert donation.pending_minor == 0 and donation.failed_at is not None
    stripe.pay(started.reference)
    sweep_all(reach=REACH)
    donation.refresh_from_db()
    assert donation.failed_at is None and Settlement.objects.count() == 1


@pytest.mark.parametrize("is_after", [False, True])
def test_a_provider_that_dies_in_the_middle_of_a_refund_refunds_once(
    stripe: FakeStripe, drive: Drive, is_after: bool
) -> None:
    settlement = paid(stripe, drive)
    refund = claim(settlement, amount_minor=2_000, reason=RefundReason.CHANGE_OF_MIND)
    stripe.faults.append(Fault("POST /v1/refunds", times=9, is_after=is_after))
    with pytest.raises(ProviderUnavailable):
        send_refund(refund)
    assert not RefundOutcome.objects.exists()
    stripe.faults.clear()
    stripe.keys.clear()  # Stripe forgets idempotency keys after a day.
    sweep_all(reach=REACH)
    work()
    sweep_all(reach=REACH)
    assert len(stripe.items["refunds"]) == 1
    assert RefundOutcome.objects.get().is_sent
    agree(stripe)


def test_a_provider_that_answers_nonsense_or_nothing_is_told_and_catches_up(stripe: FakeStripe, drive: Drive) -> None:
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference)
    stripe.faults.append(Fault("GET ", times=99, status=500))
    assert sweep_all(reach=REACH) == {}
    assert alarms() == [AlarmCode.SILENT]
    stripe.faults.clear()
    stripe.lie = lambda item: {"object": "charge", "id": item["id"]} if item.get("object") == "charge" else item
    assert sweep_all(reach=REACH)["stripe"].unanswered != []
    stripe.lie = lambda item: item
    assert sweep_all(reach=REACH)["stripe"].booked == 1
    assert alarms() == []
    agree(stripe)


def test_a_refused_refund_is_undone_and_told(stripe: FakeStripe, drive: Drive) -> None:
    settlement = paid(stripe, drive)
    refund = claim(settlement, amount_minor=5_000, reason=RefundReason.CHANGE_OF_MIND)
    stripe.items["charges"][settlement.reference]["amount_refunded"] = 4_000  # Something of it is gone.
    outcome = send_refund(refund)
    assert outcome is not None and not outcome.is_sent
    assert alarms() == [AlarmCode.REFUND_REFUSED]
    assert list(check()) == []


def test_a_refund_that_comes_back_is_owed_until_it_is_sent_another_way(stripe: FakeStripe, drive: Drive) -> None:
    settlement = paid(stripe, drive)
    refund = claim(settlement, amount_minor=2_000, reason=RefundReason.CHANGE_OF_MIND)
    outcome = send_refund(refund)
    assert outcome is not None
    stripe.fail_refund(outcome.reference)
    for _ in range(2):
        sweep_all(reach=REACH)
        agree(stripe)
    assert AlarmCode.REFUND_RETURNED in alarms()
    owed = Account.objects.get(name__startswith="Liabilities:Refunds")
    assert balance(owed) == -2_000
    treasurer = make_user("sender", role=Role.TREASURER)
    for _ in range(2):
        record_refund(refund, treasurer=treasurer, paid_from="bank")
    assert balance(owed) == 0
    agree(stripe)
    with pytest.raises(RefundTooLarge):
        claim(settlement, amount_minor=3_001, reason=RefundReason.CHANGE_OF_MIND)


def test_more_refunded_there_than_is_left_here_is_an_alarm(stripe: FakeStripe, drive: Drive) -> None:
    settlement = paid(stripe, drive)
    claim(settlement, amount_minor=4_000, reason=RefundReason.CHANGE_OF_MIND)
    stripe.refund_by_hand(settlement.reference, 2_000)
    stripe.faults.append(Fault("POST /v1/refunds", times=9))
    sweep_all(reach=REACH)
    assert AlarmCode.REFUND_TOO_LARGE in alarms()
    assert list(check()) == []


def test_what_the_provider_holds_is_compared_with_the_books(stripe: FakeStripe, drive: Drive) -> None:
    paid(stripe, drive)
    stripe.balance["usd"] += 7
    sweep_all(reach=REACH)
    alarm = Alarm.objects.get(code=AlarmCode.BALANCE)
    assert "49.77 USD" in alarm.sentence
    stripe.balance["usd"] -= 7
    sweep_all(reach=REACH)
    assert alarms() == []


def test_a_payment_of_a_gift_that_is_not_here_is_an_alarm(stripe: FakeStripe, drive: Drive) -> None:
    donation, started = begin(drive, "stripe", 5_000)
    Donation.objects.filter(pk=donation.pk).delete()  # As after restoring an old backup.
    stripe.pay(started.reference)
    sweep_all(reach=REACH)
    assert AlarmCode.UNKNOWN_DONATION in alarms()
    for item in stripe.items["checkout/sessions"].values():
        item.update(client_reference_id=None, metadata={})
    stripe.items["charges"].clear()
    Alarm.objects.all().delete()
    sweep_all(reach=REACH)  # A payment without our mark is another shop's of the same account.
    assert alarms() == []


def test_money_the_provider_does_not_know_any_more_is_an_alarm(stripe: FakeStripe, drive: Drive) -> None:
    paid(stripe, drive)
    session = stripe.items["checkout/sessions"].popitem()
    sweep_all(reach=REACH)
    assert AlarmCode.NOT_AT_PROVIDER in alarms()
    stripe.items["checkout/sessions"][session[0]] = session[1]
    sweep_all(reach=REACH)
    assert alarms() == []


def test_wound_down_shares_are_sent_and_the_drive_closes(stripe: FakeStripe, drive: Drive) -> None:
    for amount in (5_000, 3_333, 1_667):
        paid(stripe, drive, amount)
    treasurer = make_user("closer", role=Role.TREASURER)
    wind_down(drive, treasurer=treasurer)
    work()
    sweep_all(reach=REACH)
    drive.refresh_from_db()
    assert drive.state == "closed"
    agree(stripe)


def test_a_gift_after_the_end_is_booked_and_told(stripe: FakeStripe, drive: Drive) -> None:
    donation, started = begin(drive, "stripe", 5_000)
    wind_down(drive, treasurer=make_user("closer", role=Role.TREASURER))
    stripe.pay(started.reference)
    sweep_all(reach=REACH)
    assert alarms() == [AlarmCode.CLOSED]
    assert Settlement.objects.get().donation == donation
    agree(stripe)


def test_btcpay_is_polled_since_it_stops_repeating() -> None:
    with with_btcpay() as btcpay:
        drive = make_drive()
        donation, started = begin(drive, "btcpay", 5_000)
        btcpay.see(started.reference)
        poll()
        donation.refresh_from_db()
        assert donation.pending_minor == 5_000
        btcpay.pay(started.reference)
        btcpay.faults.append(Fault("GET ", times=1))
        poll()
        assert not Settlement.objects.exists()
        poll()
        poll()
        assert Settlement.objects.get().amount_minor == 5_000
        assert list(check()) == []
