"""The exports: two other programs read the book and agree to the cent; every figure can be recomputed from each."""

import csv
import io
import json
import subprocess
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import transaction

from largesse.ledger.actions.post import Facts, Line, account, post
from largesse.ledger.actions.reverse import reverse
from largesse.ledger.exports import FORMATS
from largesse.ledger.models import AccountKind, Entry
from largesse.ledger.queries import balances
from tools import tool

pytestmark = pytest.mark.django_db
WHEN = datetime(2004, 12, 14, 12, tzinfo=UTC)
CURRENCIES = ("USD", "EUR", "JPY", "BHD", "BTC", "HUF", "ISK")


def book(reference: str, *amounts: tuple[AccountKind, str, str, int], description: str = "A gift") -> Entry:
    with transaction.atomic():
        lines = [
            Line(account(kind, part, currency=currency, fund="x" if kind is AccountKind.INCOME else ""), amount)
            for kind, part, currency, amount in amounts
        ]
        return post(Facts("gift", "desk", reference, f"donation:{reference}", description, WHEN), lines)


@pytest.fixture
def a_book() -> None:
    for number, currency in enumerate(CURRENCIES, 1):
        book(
            f"g{number}",
            (AccountKind.ASSETS, "Bank", currency, 2_064_001 * number - 175),
            (AccountKind.EXPENSES, "Fees", currency, 175),
            (AccountKind.INCOME, "Gifts", currency, -2_064_001 * number),
            description='=SUM(A1) "quoted"; a | b\\ é',
        )
    undone = book("u", (AccountKind.ASSETS, "Cash", "USD", 5), (AccountKind.INCOME, "Gifts", "USD", -5))
    with transaction.atomic():
        reverse(undone, description="Booked by mistake")


def whole(form: str, **options: str) -> str:
    return "".join(FORMATS[form](**options))


def test_hledger_checks_the_export_and_has_the_same_balances(a_book: None, tmp_path: Path) -> None:
    path = tmp_path / "book.journal"
    path.write_text(whole("hledger"), encoding="utf-8")
    hledger = [tool("hledger"), "-f", str(path)]
    subprocess.run([*hledger, "check", "--strict"], check=True)
    told = subprocess.run(
        [*hledger, "balance", "--flat", "-E", "-O", "csv"], check=True, capture_output=True, text=True
    )
    shown = {row["account"]: row["balance"] for row in csv.DictReader(io.StringIO(told.stdout))}
    assert {held.account for held in balances()} == {account for account in shown if ":" in account} != set()
    for held in balances():
        number, _, currency = shown[held.account].rpartition(" ")
        digits = {"JPY": 0, "ISK": 0, "BHD": 3, "BTC": 8}.get(held.currency, 2)
        expected = (Decimal(held.amount_minor).scaleb(-digits), held.currency) if held.amount_minor else (0, "0")
        assert (Decimal(number or 0), currency) == expected


def bean_check(path: Path) -> "subprocess.CompletedProcess[str]":
    """Run beancount as a program of its own, without its cache; it is never imported here."""
    command = [tool("bean-check"), "--no-cache", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_bean_check_passes_the_export_with_the_balance_of_every_account(a_book: None, tmp_path: Path) -> None:
    path = tmp_path / "book.beancount"
    text = whole("beancount")
    path.write_text(text, encoding="utf-8")
    done = bean_check(path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    asserted = {line.split()[2] for line in text.splitlines() if line.startswith("9999-12-31 balance")}
    assert asserted == {held.account for held in balances()}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("20638.26 USD", "20638.27 USD"),
        ("balance Assets:Bank:EUR  41278.27 ~ 0 EUR", "balance Assets:Bank:EUR  41278.28 ~ 0 EUR"),
    ],
)
def test_a_wrong_cent_is_seen_by_bean_check(a_book: None, tmp_path: Path, right: str, wrong: str) -> None:
    path = tmp_path / "book.beancount"
    text = whole("beancount")
    assert right in text
    path.write_text(text.replace(right, wrong, 1), encoding="utf-8")
    done = bean_check(path)
    assert done.returncode != 0
    assert "balance" in (done.stdout + done.stderr).lower()


def test_a_wrong_amount_is_seen_by_hledger(a_book: None, tmp_path: Path) -> None:
    path = tmp_path / "book.journal"
    path.write_text(whole("hledger").replace("20638.26 USD", "20638.27 USD", 1), encoding="utf-8")
    done = subprocess.run([tool("hledger"), "-f", str(path), "check"], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_csv_and_json_recompute_the_balances(a_book: None) -> None:
    held = {line.account: line.amount_minor for line in balances()}
    from_csv: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(whole("csv"))):
        from_csv[row["account"]] += int(row["amount_minor"])
        assert not row["description"].startswith(("=", "+", "-", "@"))
    document = json.loads(whole("json"))
    from_json: Counter[str] = Counter()
    for entry in document["entries"]:
        for posting in entry["postings"]:
            from_json[posting["account"]] += posting["amount_minor"]
    assert dict(from_csv) == dict(from_json) == held
    assert {line["account"]: line["amount_minor"] for line in document["balances"]} == held


@pytest.mark.parametrize("form", FORMATS)
def test_no_export_has_the_reference_of_the_source(form: str) -> None:
    with transaction.atomic():
        cash = account(AccountKind.ASSETS, "Cash", currency="EUR")
        gifts = account(AccountKind.INCOME, "Gifts", currency="EUR")
        post(Facts("gift", "bank", "DE89-secret", "donation:q", "A gift", WHEN), [Line(cash, 1), Line(gifts, -1)])
    assert "DE89-secret" not in whole(form)
    assert "donation:q" in whole(form)
