"""
Random histories of gifts, refunds, disputes, expenses, payouts and wind-downs: sums stay zero and every export agrees.

Two thousand histories in the suite; 100,000 histories in the nightly profile (HYPOTHESIS_PROFILE=nightly).
"""

import csv
import io
import json
import os
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from drive_factories import make_drive
from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.actions.refund import claim, conclude, give_back, refundable_minor, send_again
from largesse.drives.actions.settle import add_fee, dispute, settle
from largesse.drives.actions.sweep import book_payout
from largesse.drives.actions.wind_down import unspent_minor, wind_down
from largesse.drives.checks import check as check_drives
from largesse.drives.errors import DriveNotOpen, FundTooSmall, RefundTooLarge
from largesse.drives.figures import figures_of
from largesse.drives.models import Donation, Drive, RefundOutcome, RefundReason, Settlement
from largesse.kit.money import Money, currency_exponent
from largesse.ledger.checks import check as check_ledger
from largesse.ledger.exports import FORMATS
from largesse.ledger.queries import balances
from tools import tool

pytestmark = pytest.mark.django_db
IS_NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
HISTORIES = 100_000 if IS_NIGHTLY else 2_000
CURRENCIES = ("USD", "EUR", "JPY", "BHD", "HUF", "ISK", "BTC")

amounts = st.integers(1, 10**9)
picks = st.integers(0, 10**6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("gift"), amounts, st.integers(0, 40)),
        st.tuples(st.just("refund"), picks, amounts),
        st.tuples(st.just("sent"), picks, st.booleans()),
        st.tuples(st.just("returned"), picks, st.booleans()),
        st.tuples(st.just("dispute"), picks, st.booleans()),
        st.tuples(st.just("fee"), picks, st.integers(1, 50)),
        st.tuples(st.just("expense"), amounts, st.booleans()),
        st.tuples(st.just("payout"), amounts, st.just(0)),
        st.tuples(st.just("again"), picks, st.just(0)),
        st.tuples(st.just("wind_down"), st.just(0), st.just(0)),
    ),
    min_size=10,
    max_size=60,
)


class History:
    """Does to a drive what a list of steps says, in the order that it says it."""

    def __init__(self, currency: str) -> None:
        number = Drive.objects.count()
        self.drive = make_drive(slug=f"h{number}", currency=currency, goal_minor=10**8)
        self.people = [make_user(f"h{number}-{letter}", role=Role.TREASURER) for letter in "ab"]
        self.contract = self.drive.contracts.get()
        self.number = 0
        self.when = datetime(2004, 12, 1, tzinfo=UTC)

    def next_name(self) -> str:
        self.number += 1
        self.when += timedelta(minutes=7)
        return f"{self.drive.slug}-{self.number}"

    def picked(self, pick: int) -> Settlement | None:
        found = list(Settlement.objects.filter(donation__drive=self.drive).order_by("pk"))
        return found[pick % len(found)] if found else None

    def do(self, kind: str, first: int, second: int) -> None:
        name = self.next_name()
        getattr(self, kind)(name, first, second)

    def gift(self, name: str, amount: int, fee: int) -> None:
        donation = Donation.objects.create(
            drive=self.drive, contract=self.contract, provider="stripe", amount_minor=amount, made_at=self.when
        )
        settle(
            donation,
            provider="stripe",
            reference=name,
            amount_minor=amount,
            fee_minor=min(fee, amount),
            occurred_at=self.when,
        )

    def again(self, name: str, pick: int, nothing: int) -> None:
        """The same money is told again."""
        del name, nothing
        if known := self.picked(pick):
            before = Settlement.objects.count()
            told = settle(
                known.donation,
                provider=known.provider,
                reference=known.reference,
                amount_minor=known.amount_minor,
                occurred_at=self.when,
            )
            assert told == known and Settlement.objects.count() == before

    def refund(self, name: str, pick: int, amount: int) -> None:
        del name
        if settlement := self.picked(pick):
            left = refundable_minor(settlement)
            try:
                claim(settlement, amount_minor=amount % 3_000 + 1, reason=RefundReason.CHANGE_OF_MIND)
            except RefundTooLarge:
                assert left < amount % 3_000 + 1
            else:
                assert refundable_minor(settlement) == left - (amount % 3_000 + 1)

    def sent(self, name: str, pick: int, is_sent: int) -> None:
        if settlement := self.picked(pick):
            for refund in settlement.refunds.filter(outcome__isnull=True)[:1]:
                for _ in range(2):
                    conclude(refund, provider="stripe", reference=name, is_sent=bool(is_sent), occurred_at=self.when)

    def returned(self, name: str, pick: int, is_resent: int) -> None:
        del name
        outcomes = list(RefundOutcome.objects.filter(refund__settlement__donation__drive=self.drive, is_sent=True))
        if outcomes:
            outcome = outcomes[pick % len(outcomes)]
            give_back(outcome, occurred_at=self.when)
            assert not give_back(outcome, occurred_at=self.when)
            if is_resent:
                send_again(outcome, paid_from="bank", actor="system")

    def dispute(self, name: str, pick: int, is_won: int) -> None:
        settlement = self.picked(pick)
        if settlement and (left := refundable_minor(settlement)):
            dispute(settlement, reference=name, amount_minor=left, fee_minor=15, occurred_at=self.when, is_won=False)
            if is_won:
                dispute(settlement, reference=name, amount_minor=left, occurred_at=self.when, is_won=True)

    def fee(self, name: str, pick: int, fee: int) -> None:
        del name
        if settlement := self.picked(pick):
            add_fee(settlement, fee_minor=fee + 1)

    def expense(self, name: str, amount: int, is_privileged: int) -> None:
        proposed = propose_expense(
            self.drive,
            treasurer=self.people[0],
            description=f"{name} =1+1; “quoted” | \\",
            amount_minor=amount,
            incurred_at=self.when,
            is_privileged=bool(is_privileged),
        )
        try:
            for person in self.people:
                approve_expense(proposed, person=person)
        except FundTooSmall:
            assert unspent_minor(self.drive) < amount

    def payout(self, name: str, amount: int, nothing: int) -> None:
        del nothing
        money = Money(amount, self.drive.currency)
        assert book_payout("stripe", reference=name, amount=money, at=self.when)
        assert not book_payout("stripe", reference=name, amount=money, at=self.when)

    def wind_down(self, name: str, first: int, second: int) -> None:
        del name, first, second
        try:
            wind_down(self.drive, treasurer=self.people[0])
        except DriveNotOpen:
            self.drive.refresh_from_db()
            assert self.drive.state != "open"


class Undo(Exception):
    """Ends a history, so that the next one begins with empty books."""


def held_in_csv() -> dict[str, int]:
    sums: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO("".join(FORMATS["csv"]()))):
        sums[row["account"]] += int(row["amount_minor"])
        assert Decimal(row["amount"]).scaleb(currency_exponent(row["currency"])) == int(row["amount_minor"])
    return dict(sums)


def held_in_json() -> dict[str, int]:
    sums: Counter[str] = Counter()
    for entry in json.loads("".join(FORMATS["json"]()))["entries"]:
        by_currency: Counter[str] = Counter()
        for posting in entry["postings"]:
            sums[posting["account"]] += posting["amount_minor"]
            by_currency[posting["currency"]] += posting["amount_minor"]
        assert not any(by_currency.values())
    return dict(sums)


def held_in_text(form: str) -> dict[str, int]:
    """Read the indented postings, without the assertions."""
    sums: Counter[str] = Counter()
    for line in "".join(FORMATS[form]()).splitlines():
        parts = line.split()
        if line.startswith("  ") and len(parts) == 3 and ":" in parts[0] and not parts[0].endswith(":"):
            sums[parts[0]] += int(Decimal(parts[1]).scaleb(currency_exponent(parts[2])))
    return dict(sums)


def checked(drive: Drive) -> None:
    held = {line.account: line.amount_minor for line in balances()}
    assert held_in_csv() == held_in_json() == held
    assert held_in_text("beancount") == held_in_text("hledger") == held
    by_currency: Counter[str] = Counter()
    for line in balances():
        by_currency[line.currency] += line.amount_minor
    assert not any(by_currency.values())
    assert list(check_ledger()) == [] and list(check_drives()) == []
    gifts = f"Income:Gifts:{drive.fund_part}:{drive.currency}"
    assert figures_of(drive).gross_minor == -held.get(gifts, 0)


@pytest.mark.timeout(0 if IS_NIGHTLY else 1_800)
@given(st.sampled_from(CURRENCIES), steps)
@settings(
    max_examples=HISTORIES,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
def test_every_history_sums_to_zero_and_every_export_agrees(currency: str, plan: list[tuple[str, int, int]]) -> None:
    try:
        with transaction.atomic():
            history = History(currency)
            for step in plan:
                history.do(*step)
            checked(history.drive)
            raise Undo
    except Undo:
        pass


LONG = [
    (kind, number * 7_919 % 100_000 + 1, number % 2)
    for number in range(15)
    for kind in ("gift", "gift", "refund", "sent", "dispute", "fee", "expense", "payout", "returned", "again")
]


def test_two_other_programs_agree_with_a_long_history_to_the_cent(tmp_path: Path) -> None:
    for currency in ("USD", "JPY", "BHD"):
        history = History(currency)
        for step in LONG:
            history.do(*step)
        history.do("wind_down", 0, 0)
        checked(history.drive)
    for form, command in (
        ("beancount", [tool("bean-check"), "--no-cache"]),
        ("hledger", [tool("hledger"), "check", "--strict", "-f"]),
    ):
        path = tmp_path / f"book.{form}"
        path.write_text("".join(FORMATS[form]()), encoding="utf-8")
        done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), form
