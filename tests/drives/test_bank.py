"""Bank transfers: the reference survives what banks do to it, and the code says exactly what the page says."""

from decimal import Decimal

import pytest
import segno.helpers
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649

from largesse.config.settings import Config
from largesse.drives.providers.bank import BankProvider, ids_in, reference_of
from largesse.drives.providers.base import PaymentRequest
from largesse.kit.errors import BadSetting
from largesse.kit.ids import ALPHABET
from largesse.kit.money import Money

IBAN = "DE89370400440532013000"
public_ids = st.text(ALPHABET, min_size=12, max_size=12)


def request(amount: Money, donation_id: str = "7q4m2kxh9w3z") -> PaymentRequest:
    return PaymentRequest(donation_id, amount, "A drive", "https://a.example/", "https://a.example/")


@given(public_ids)
def test_a_reference_is_iso_11649_and_leads_back(public_id: str) -> None:
    reference = reference_of(public_id)
    assert iso11649.is_valid(reference)
    assert len(reference) <= 25
    assert ids_in(reference) == [public_id]


@given(
    public_ids,
    st.text(max_size=20),
    st.text(max_size=20),
    st.integers(1, 8),
    st.sampled_from([" ", "\n", "-", "/", "."]),
)
def test_a_reference_is_found_in_what_a_bank_makes_of_it(
    public_id: str, before: str, after: str, every: int, mark: str
) -> None:
    reference = reference_of(public_id)
    cut = mark.join(reference[at : at + every] for at in range(0, len(reference), every))
    assert public_id in ids_in(f"{before} {cut.lower()} {after}")


@given(public_ids, st.integers(4, 15), st.sampled_from(ALPHABET.upper()))
def test_a_mistyped_reference_finds_nobody(public_id: str, place: int, letter: str) -> None:
    reference = reference_of(public_id)
    wrong = reference[:place] + letter + reference[place + 1 :]
    if wrong != reference:
        assert ids_in(wrong) == []


def test_two_references_in_one_text_are_two() -> None:
    first, second = "7q4m2kxh9w3z", "abcdefghjkmn"
    assert ids_in(f"{reference_of(first)}{reference_of(second)} {reference_of(first)}") == [first, second]


@given(st.integers(1, 99_999_999_999), st.sampled_from(["COBADEFFXXX", ""]))
def test_the_epc_code_says_what_segno_says(amount_minor: int, bic: str) -> None:
    bank = BankProvider(holder="Verein für Bücher e.V.", iban=IBAN, bic=bic)
    money = Money(amount_minor, "EUR")
    lines = bank.start(request(money)).instructions["epc"].splitlines()
    theirs = segno.helpers._make_epc_qr_data(
        bank.holder, IBAN, money.decimal(), reference=reference_of("7q4m2kxh9w3z"), bic=bic or None, encoding="utf-8"
    ).decode()
    assert lines[:7] + lines[8:] == theirs.splitlines()[:7] + theirs.splitlines()[8:]
    assert lines[7].startswith("EUR") and theirs.splitlines()[7].startswith("EUR")
    assert Decimal(lines[7][3:]) == Decimal(theirs.splitlines()[7][3:]) == Decimal(amount_minor) / 100


def test_only_euros_get_a_code() -> None:
    bank = BankProvider(holder="Society", iban=IBAN)
    assert "<svg" in bank.start(request(Money(2_500, "EUR"))).instructions["epc_svg"]
    dollars = bank.start(request(Money(2_500, "USD"))).instructions
    assert "epc" not in dollars
    assert dollars["amount"] == "25.00"
    assert dollars["iban_printed"] == "DE89 3704 0044 0532 0130 00"
    assert dollars["reference_printed"].replace(" ", "") == dollars["reference"]


def test_an_iban_with_wrong_check_digits_is_refused_before_anybody_pays_to_it(tmp_path) -> None:
    config = Config.load(data=tmp_path, environ={"LARGESSE_FUND_BANK_IBAN": "DE89 3704 0044 0532 0130 00"})
    assert config.fund.bank_iban == IBAN
    with pytest.raises(BadSetting):
        Config.load(data=tmp_path, environ={"LARGESSE_FUND_BANK_IBAN": IBAN.replace("89", "88", 1)})
