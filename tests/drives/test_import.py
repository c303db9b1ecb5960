"""Importing statements: each line once, twins stay two, and what has no clear reference waits for a person."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from drive_factories import make_drive
from factories import make_user
from fund_site import begin, fund
from largesse.accounts.models import Role, User
from largesse.drives.actions.decide_line import (
    set_aside,
    take_as_gift,
    take_as_new_gift,
    take_as_refund,
    take_as_return,
)
from largesse.drives.actions.import_statement import (
    forget_lines,
    import_statement,
    line_facts,
    preview_statement,
)
from largesse.drives.actions.refund import claim
from largesse.drives.actions.wind_down import wind_down
from largesse.drives.checks import check
from largesse.drives.errors import LineDecided, LineDoesNotFit
from largesse.drives.models import (
    Alarm,
    BankLine,
    BankStatement,
    Drive,
    LineState,
    Refund,
    RefundReason,
    Settlement,
    WaitsFor,
)
from largesse.drives.providers.bank import reference_of
from largesse.drives.statements.lines import UnreadableStatement
from largesse.kit.clock import utc_now
from largesse.kit.errors import NotPermitted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fund() -> Iterator[None]:
    with fund():
        yield


@pytest.fixture
def drive() -> Drive:
    return make_drive(currency="EUR")


@pytest.fixture
def keeper() -> User:
    return make_user("keeper", role=Role.TREASURER)


def camt(*entries: str, statement: str = "S1") -> bytes:
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>'
        f"<Id>{statement}</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>"
        + "".join(entries)
        + "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(amount: str, text: str, *, sign: str = "CRDT", extra: str = "", currency: str = "EUR") -> str:
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>{extra}<Sts>BOOK</Sts>'
        "<BookgDt><Dt>2004-12-14</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>"
        f"{text}</Ustrd></RmtInf><RltdPties><Dbtr><Nm>Ada Lovelace</Nm></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>"
    )


def csv(*rows: str) -> bytes:
    return "\n".join(["Date,Description,Name,Amount", *rows, ""]).encode()


def gift(drive: Drive, amount_minor: int = 2_500) -> str:
    _, started = begin(drive, "bank", amount_minor)
    return started.reference


def take(content: bytes, keeper: User) -> BankStatement:
    return import_statement(content, treasurer=keeper, currency="EUR")


def waiting() -> list[str]:
    return sorted(BankLine.objects.filter(state=LineState.WAITING).values_list("waits_for", flat=True))


def test_twins_are_two_gifts_and_the_same_file_is_one(drive: Drive, keeper: User) -> None:
    reference = gift(drive)
    content = camt(entry("25.00", reference), entry("25.00", reference))
    first = take(content, keeper)
    assert take(content, keeper) == first
    take(content + b"\n", keeper)
    assert list(Settlement.objects.values_list("amount_minor", flat=True)) == [2_500, 2_500]
    assert waiting() == [] and list(check()) == []


def test_a_preview_says_what_an_import_does_and_does_nothing(drive: Drive, keeper: User) -> None:
    content = camt(entry("25.00", gift(drive)), entry("9.00", "for you"), entry("3.00", "fee", sign="DBIT"))
    preview = preview_statement(content, treasurer=keeper, currency="EUR")
    assert [preview.count(what) for what in ("gift", "refund", "known", "waiting")] == [1, 0, 0, 2]
    assert not BankLine.objects.exists() and not Settlement.objects.exists()
    take(content, keeper)
    again = preview_statement(content, treasurer=keeper, currency="EUR")
    assert again.was_imported and again.count("known") == 3
    assert Settlement.objects.count() == 1
    assert waiting() == [WaitsFor.NO_REFERENCE, WaitsFor.OUTGOING]


def test_a_later_csv_that_overlaps_books_only_what_is_new(drive: Drive, keeper: User) -> None:
    one, two = gift(drive), gift(drive)
    take(csv(f"2004-12-14,{one},Ada,25.00", f"2004-12-14,{one},Ada,25.00"), keeper)
    # In the evening the bank lists the newest first, and there is a third twin.
    rows = [f"2004-12-14,{two},Bob,25.00", *[f"2004-12-14,{one},Ada,25.00"] * 3]
    take(csv(*rows), keeper)
    assert Settlement.objects.filter(donation__reference=one).count() == 3
    assert Settlement.objects.filter(donation__reference=two).count() == 1
    assert waiting() == []


def test_the_same_money_in_another_format_waits_for_a_person(drive: Drive, keeper: User) -> None:
    reference = gift(drive)
    take(camt(entry("25.00", reference), entry("25.00", reference)), keeper)
    row = f"2004-12-14,{reference},Ada,25.00"
    take(csv(row, row, row), keeper)
    assert Settlement.objects.count() == 3  # The third is one more than the CAMT.053 had.
    assert waiting() == [WaitsFor.MAYBE_KNOWN] * 2
    line = BankLine.objects.filter(state=LineState.WAITING).first()
    assert line is not None
    set_aside(line, treasurer=keeper, note="It came with CAMT.053.")
    assert waiting() == [WaitsFor.MAYBE_KNOWN]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("thank you", WaitsFor.NO_REFERENCE),
        (reference_of("7q4m2kxh9w3z"), WaitsFor.UNKNOWN_REFERENCE),
        ("{}" + reference_of("7q4m2kxh9w3z"), WaitsFor.MANY_REFERENCES),
    ],
)
def test_what_no_reference_decides_waits(drive: Drive, keeper: User, text: str, why: WaitsFor) -> None:
    take(camt(entry("25.00", text.format(gift(drive)))), keeper)
    assert waiting() == [why]
    assert not Settlement.objects.exists()


def test_another_currency_a_closed_drive_and_a_return_wait(drive: Drive, keeper: User) -> None:
    reference, late = gift(drive), gift(make_drive(slug="other", currency="EUR"))
    other = Drive.objects.get(slug="other")
    wind_down(other, treasurer=keeper)
    take(
        camt(
            entry("25.00", reference, currency="USD"),
            entry("25.00", late),
            entry("25.00", reference, sign="DBIT", extra="<RvslInd>true</RvslInd>"),
        ),
        keeper,
    )
    assert waiting() == [WaitsFor.DRIVE_CLOSED, WaitsFor.OTHER_CURRENCY, WaitsFor.RETURN]


def test_another_amount_than_was_meant_is_booked_and_told(drive: Drive, keeper: User) -> None:
    take(camt(entry("20.00", gift(drive))), keeper)
    assert Settlement.objects.get().amount_minor == 2_000
    assert "20.00 EUR" in Alarm.objects.get().sentence


def test_a_person_decides_once(drive: Drive, keeper: User) -> None:
    donation, _ = begin(drive, "bank", 2_500)
    take(camt(entry("25.00", "no reference"), entry("7.00", "from Ada"), entry("1.00", "out", sign="DBIT")), keeper)
    first, second, out = BankLine.objects.order_by("position")
    with pytest.raises(NotPermitted):
        take_as_gift(first, donation, treasurer=make_user("member"))
    with pytest.raises(LineDoesNotFit):
        take_as_gift(out, donation, treasurer=keeper)
    assert take_as_gift(first, donation, treasurer=keeper).reference == first.key
    anonymous = take_as_new_gift(second, drive, treasurer=keeper)
    assert anonymous.donation.shows_name is False
    for line in (first, second):
        with pytest.raises(LineDecided):
            set_aside(line, treasurer=keeper, note="x")
    set_aside(out, treasurer=keeper, note="Bank fee, paid by the society.")
    assert waiting() == [] and list(check()) == []


def test_a_refund_is_found_on_the_next_statement(drive: Drive, keeper: User) -> None:
    take(camt(entry("25.00", gift(drive))), keeper)
    settlement = Settlement.objects.get()
    refund = claim(settlement, amount_minor=1_000, reason=RefundReason.CHANGE_OF_MIND)
    by_hand = claim(settlement, amount_minor=500, reason=RefundReason.CHANGE_OF_MIND)
    take(
        camt(
            entry("10.00", f"Refund {reference_of(refund.public_id)}", sign="DBIT"),
            entry("5.00", "Refund to Ada", sign="DBIT"),
            entry("9.99", reference_of(by_hand.public_id), sign="DBIT"),
            statement="S2",
        ),
        keeper,
    )
    assert waiting() == [WaitsFor.OUTGOING] * 2
    assert Refund.objects.get(outcome__is_sent=True) == refund
    line, wrong = BankLine.objects.filter(state=LineState.WAITING).order_by("position")
    with pytest.raises(LineDoesNotFit):
        take_as_refund(wrong, by_hand, treasurer=keeper)
    take_as_refund(line, by_hand, treasurer=keeper)
    assert list(check()) == []


def test_a_gift_that_the_bank_took_back_is_taken_from_the_drive(drive: Drive, keeper: User) -> None:
    take(camt(entry("25.00", gift(drive))), keeper)
    settlement = Settlement.objects.get()
    take(camt(entry("25.00", "returned", sign="DBIT", extra="<RvslInd>true</RvslInd>"), statement="S2"), keeper)
    take_as_return(BankLine.objects.get(state=LineState.WAITING), settlement, treasurer=keeper)
    assert list(check()) == []
    assert settlement.disputes.get().amount_minor == 2_500


def test_what_lines_say_of_people_is_sealed_and_forgotten(drive: Drive, keeper: User) -> None:
    reference = gift(drive)
    take(camt(entry("25.00", reference)), keeper)
    line = BankLine.objects.get()
    assert b"Lovelace" not in bytes(line.sealed)
    assert line_facts(line)["counterparty_name"] == "Ada Lovelace"
    assert forget_lines() == 0
    assert forget_lines(clock=lambda: utc_now() + timedelta(days=4_000)) == 1
    line.refresh_from_db()
    assert line_facts(line) == {}
    assert Settlement.objects.count() == 1 and list(check()) == []
    take(camt(entry("25.00", reference)) + b" ", keeper)  # It is known all the same.
    assert Settlement.objects.count() == 1


def test_a_broken_file_books_nothing(drive: Drive, keeper: User) -> None:
    good = camt(entry("25.00", gift(drive)))
    for content in (b"", b"%PDF-1.7", good[:-40], good.replace(b"25.00", b"x"), b"a,b\n1,2\n"):
        with pytest.raises(UnreadableStatement):
            take(content, keeper)
    with pytest.raises(NotPermitted):
        take(good, make_user("member"))
    assert not BankStatement.objects.exists() and not Settlement.objects.exists()


def test_a_line_that_changes_its_word_is_told_and_not_booked_again(drive: Drive, keeper: User) -> None:
    reference = gift(drive)
    take(camt(entry("25.00", reference)), keeper)
    take(camt(entry("99.00", reference)), keeper)
    assert Settlement.objects.get().amount_minor == 2_500
    assert Alarm.objects.get().code == "line_changed"
