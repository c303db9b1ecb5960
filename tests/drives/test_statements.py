"""Bank statements: every format gives the same lines, twins stay apart, damage is said."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from largesse.drives.providers.bank import reference_of
from largesse.drives.statements.lines import UnreadableStatement
from largesse.drives.statements.read import read_statement
from largesse.kit.money import Money

REFERENCE = "RF18539007547034"
OURS, ANOTHER = reference_of("zd54e46tywh4"), reference_of("zd54e46tywh5")

MT940 = b""":20:STARTUMS
:25:DE89370400440532013000
:28C:00012/001
:60F:C041213EUR1000,00
:61:0412141214CR25,00NTRFNONREF//BANKREF1
:86:166?00GUTSCHRIFT?20SVWZ+RF18539007547034?32ADA LOVELACE
:61:0412141214CR25,00NTRFNONREF//BANKREF2
:86:166?00GUTSCHRIFT?20SVWZ+RF18539007547034?32ADA LOVELACE
:61:0412151215DR5,00NCHGNONREF
:86:FEES
:62F:C041215EUR1045,00
-"""

OFX = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102
SECURITY:NONE
ENCODING:USASCII
CHARSET:1252
COMPRESSION:NONE
OLDFILEUID:NONE
NEWFILEUID:NONE

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20041215<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>1<ACCTID>DE89370400440532013000<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20041201<DTEND>20041231
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20041214<TRNAMT>25.00<FITID>A1<NAME>ADA LOVELACE<MEMO>RF18539007547034</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20041214<TRNAMT>25.00<FITID>A2<NAME>ADA LOVELACE<MEMO>RF18539007547034</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20041215<TRNAMT>-5.00<FITID>A3<NAME>FEES</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1045.00<DTASOF>20041231</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""

CSV_GERMAN = (
    "Buchungstag;Betrag;Währung;Verwendungszweck;Name\n"
    "14.12.2004;25,00;EUR;RF18539007547034;ADA LOVELACE\n"
    "14.12.2004;25,00;EUR;RF18539007547034;ADA LOVELACE\n"
    "15.12.2004;-5,00;EUR;FEES;\n"
).encode("cp1252")

CSV_ENGLISH = b"""Date,Description,Name,Credit,Debit
2004-12-14,RF18539007547034,ADA LOVELACE,25.00,
2004-12-14,RF18539007547034,ADA LOVELACE,25.00,
2004-12-15,FEES,,,5.00
"""


def entry(amount: str, direction: str, day: str, details: str = "", status: str = "BOOK") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts><Cd>{status}</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt>{details}</Ntry>"
    )


def detail(amount: str | None, reference: str = REFERENCE) -> str:
    money = f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>' if amount else ""
    return (
        f"<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>{money}<RltdPties><Dbtr><Pty><Nm>ADA LOVELACE</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Strd><CdtrRefInf><Ref>{reference}</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>"
    )


def camt(*entries: str, version: str = "08") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        "<Stmt><Id>2004-12</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>"
        + "".join(entries)
        + "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def details(*parts: str) -> str:
    return "<NtryDtls>" + "".join(parts) + "</NtryDtls>"


CAMT = camt(
    entry("25.00", "CRDT", "2004-12-14", details(detail(None))),
    entry("25.00", "CRDT", "2004-12-14", details(detail(None))),
    entry("5.00", "DBIT", "2004-12-15"),
)


@pytest.mark.parametrize(
    "content", [CAMT, MT940, OFX, CSV_GERMAN, CSV_ENGLISH], ids=["camt", "mt940", "ofx", "csv-de", "csv-en"]
)
def test_every_format_tells_the_same_movements(content: bytes) -> None:
    statement = read_statement(content, currency="EUR")
    assert [(line.booked_on, line.amount) for line in statement.lines] == [
        (date(2004, 12, 14), Money(2500, "EUR")),
        (date(2004, 12, 14), Money(2500, "EUR")),
        (date(2004, 12, 15), Money(-500, "EUR")),
    ]
    first, twin, _ = statement.lines
    assert REFERENCE in first.remittance
    assert first.counterparty_name == "ADA LOVELACE"
    assert first.key != twin.key
    assert [line.key for line in read_statement(content, currency="EUR").lines] == [
        line.key for line in statement.lines
    ]


@pytest.mark.parametrize(
    "column",
    [
        "Purpose",
        "Reference",
        "Payment Reference",
        "Description",
        "Verwendungszweck",
        "Libellé",
        "Communication",
        "Motif",
    ],
)
def test_a_csv_names_the_text_of_a_transfer_in_many_ways(column: str) -> None:
    lines = read_statement(f"Date;Amount;{column}\n2004-12-14;5,00;{OURS}\n".encode(), currency="EUR").lines
    assert [line.remittance for line in lines] == [OURS]


@pytest.mark.parametrize(
    ("first", "second", "remittance"),
    [
        (OURS, "SEPA transfer", OURS),
        ("20041214/0815", OURS, OURS),
        ("", "For the library", "For the library"),
        ("20041214/0815", "For the library", "20041214/0815"),
        (OURS, f"Gift {OURS}", OURS),
        (OURS, ANOTHER, f"{OURS} {ANOTHER}"),
        (OURS, OURS, OURS),
    ],
)
def test_a_reference_is_found_in_whichever_column_of_a_csv_it_stands(first: str, second: str, remittance: str) -> None:
    content = f"Date,Amount,Reference,Purpose\n2004-12-14,5.00,{first},{second}\n".encode()
    assert [line.remittance for line in read_statement(content, currency="EUR").lines] == [remittance]


def test_a_batch_is_split_into_its_payments() -> None:
    batch = camt(entry("30.00", "CRDT", "2004-12-14", details(detail("10.00"), detail("20.00", "RF712348231"))))
    first, second = read_statement(batch, currency="EUR").lines
    assert (first.amount.amount_minor, second.amount.amount_minor) == (1000, 2000)
    assert "RF712348231" in second.remittance
    assert first.key != second.key


def test_a_batch_that_does_not_sum_is_refused() -> None:
    with pytest.raises(UnreadableStatement, match="do not sum"):
        read_statement(
            camt(entry("31.00", "CRDT", "2004-12-14", details(detail("10.00"), detail("20.00")))), currency="EUR"
        )


def test_a_movement_that_is_only_announced_waits() -> None:
    statement = read_statement(camt(entry("9.00", "CRDT", "2004-12-14", status="PDNG")), currency="EUR")
    assert (statement.lines, statement.pending_left_out) == ((), 1)


@pytest.mark.parametrize("version", ["02", "04", "08", "12"])
def test_every_version_of_camt_is_read(version: str) -> None:
    assert len(read_statement(camt(entry("1.00", "CRDT", "2004-12-14"), version=version), currency="EUR").lines) == 1


HOSTILE = {
    "empty": b"",
    "a PDF": b"%PDF-1.7 statement",
    "binary": b"\0\1\2" * 99,
    "truncated camt": CAMT[:300],
    "camt with entities": CAMT.replace(b"?><", b'?><!DOCTYPE x [<!ENTITY a "b">]><', 1),
    "camt without statement": b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>',
    "camt without date": camt('<Ntry><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts></Ntry>'),
    "camt with a negative amount": camt(entry("-1.00", "CRDT", "2004-12-14")),
    "camt with a currency that is none": camt(entry("1.00", "CRDT", "2004-12-14")).replace(b"EUR", b"???"),
    "mt940 without transactions": b":20:X\n:25:Y\n:28C:1\n:60F:C041213EUR1,00\n:62F:C041213EUR1,00\n",
    "ofx with entities": OFX.replace(b"<OFX>", b"<!DOCTYPE OFX><OFX>"),
    "truncated ofx": OFX[:600],
    "csv without amount": b"Date,Name\n2004-12-14,Ada\n",
    "csv with a short line": b"Date,Amount,Name\n2004-12-14,5\n",
    "csv with words for a date": b"Date,Amount\nyesterday,5.00\n",
    "csv with words for an amount": b"Date,Amount\n2004-12-14,five\n",
    "too large": b"Date,Amount\n" + b"2004-12-14,1.00\n" * 1_300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_damage_is_said_and_nothing_is_half_read(name: str) -> None:
    with pytest.raises(UnreadableStatement, match="Nothing was booked"):
        read_statement(HOSTILE[name], currency="EUR")


@given(st.binary(max_size=400), st.sampled_from([b"", CAMT[:120], MT940[:60], OFX[:220], b"Date,Amount\n"]))
def test_any_bytes_are_read_or_refused(content: bytes, start: bytes) -> None:
    try:
        lines = read_statement(start + content, currency="EUR").lines
    except UnreadableStatement:
        return
    assert all(line.amount.currency for line in lines)


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1.234,56", 123_456),
        ("1,234.56", 123_456),
        ("1 234,56", 123_456),
        ("1'234.5", 123_450),
        ("12", 1200),
        ("1.234", 123_400),
        ("−3,00", -300),
    ],
)
def test_amounts_are_read_as_banks_write_them(text: str, minor: int) -> None:
    content = f'Date;Amount\n2004-12-14;"{text}"\n'.encode()
    assert read_statement(content, currency="EUR").lines[0].amount == Money(minor, "EUR")
