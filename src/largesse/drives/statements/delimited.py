"""
CSV as banks export it: the separator, the decimal sign and the columns differ, so they are recognised by their names.

A CSV file has no statement id, and banks list the newest first or last. So a line is placed by its day, by what it says, and by
how many lines of that day say the same before it: an export of a longer period, or later on the same day, gives the same keys,
and twins stay two.
"""

import csv
import hashlib
import io
from collections import Counter
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from largesse.drives.providers.bank import ids_in
from largesse.drives.statements.lines import StatementLine, UnreadableStatement
from largesse.kit.errors import BadInput
from largesse.kit.money import Money

FORMAT = "CSV"

COLUMNS = {
    "date": (
        "booking date",
        "date",
        "buchungstag",
        "date operation",
        "date comptable",
        "date de comptabilisation",
        "posted",
    ),
    "amount": ("amount", "betrag", "montant", "value", "amount eur", "amount usd"),
    "credit": ("credit", "crédit", "haben", "paid in"),
    "debit": ("debit", "débit", "soll", "paid out"),
    "currency": ("currency", "währung", "devise", "ccy"),
    "name": ("name", "counterparty", "beneficiary / remitter", "contrepartie", "payer", "auftraggeber", "nom"),
    "account": ("iban", "counterparty iban", "counterparty account", "compte contrepartie"),
    "bank_reference": ("id", "transaction id", "bank reference", "numéro", "référence bancaire"),
}
"""Column names that banks use for each fact, in English, German and French, lower case."""

TEXTS = (
    "reference",
    "description",
    "remittance",
    "verwendungszweck",
    "libellé",
    "libelle",
    "details",
    "memo",
    "communication",
    "purpose",
    "payment reference",
    "payment details",
    "remittance information",
    "transaction description",
    "narrative",
    "message",
    "mitteilung",
    "zahlungsreferenz",
    "référence",
    "motif",
    "objet",
    "buchungstext",
)
"""Names of the columns that may hold the text of a transfer; some banks give several, and keep the donor's words in any of them."""

SAID = ("remittance", "name", "account", "bank_reference")
"""What tells one line of a day from another, beside its amount."""

DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d.%m.%y", "%Y/%m/%d", "%d-%m-%Y")


def read_delimited(content: bytes, *, currency: str) -> list[StatementLine]:
    """
    Read every line of a CSV export.

    Args:
        currency: the account's currency, for files that do not say it in a column.

    Raises:
        UnreadableStatement: no header with a date and an amount, or a line that is not like the header says.
    """
    text = _decoded(content)
    header_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(";\t,|", key=header_line.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableStatement(format=FORMAT, reason=str(error)) from error
    header = [cell.strip().lower().strip("\ufeff") for cell in rows[0]] if rows else []
    columns = {
        fact: header.index(name) for fact, names in COLUMNS.items() for name in reversed(names) if name in header
    }
    texts = [header.index(name) for name in TEXTS if name in header]
    if "date" not in columns or not ({"amount"} <= columns.keys() or {"credit", "debit"} <= columns.keys()):
        reason = f"its first line needs a date and an amount column, not {', '.join(header[:8]) or 'nothing'}"
        raise UnreadableStatement(format=FORMAT, reason=reason)
    lines: list[StatementLine] = []
    twins: Counter[str] = Counter()
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(header):
            raise UnreadableStatement(
                format=FORMAT, reason=f"line {number} has {len(row)} fields instead of {len(header)}"
            )
        cell = {fact: row[index].strip() for fact, index in columns.items()}
        cell["remittance"] = _remittance([row[index].strip() for index in texts])
        booked_on = _day(cell["date"], number)
        amount = _signed(cell, cell.get("currency") or currency, number)
        said = "\x1f".join((booked_on.isoformat(), str(amount), *(cell.get(fact, "") for fact in SAID)))
        place = hashlib.sha256(said.encode()).hexdigest()
        lines.append(
            StatementLine(
                account="",
                statement_id=f"CSV {place}",
                entry_index=twins[place],
                detail_index=0,
                booked_on=booked_on,
                amount=amount,
                remittance=cell["remittance"],
                counterparty_name=cell.get("name", ""),
                counterparty_account=cell.get("account", ""),
                bank_reference=cell.get("bank_reference", ""),
            )
        )
        twins[place] += 1
    return lines


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _remittance(texts: list[str]) -> str:
    """Return the texts that hold references, each reference once, else the first text that says anything."""
    kept: list[str] = []
    known: set[str] = set()
    for text in texts:
        found = set(ids_in(text))
        if not found <= known:
            kept.append(text)
            known |= found
    return " ".join(kept) or next(filter(None, texts), "")


def _day(text: str, number: int) -> date:
    for pattern in DATE_FORMATS:
        try:
            return datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a booking day has no hour and no zone.
        except ValueError:
            continue
    raise UnreadableStatement(
        format=FORMAT, reason=f"“{text[:20]}” in line {number} is not a date like 2004-12-14 or 14.12.2004"
    )


def _signed(cell: dict[str, str], currency: str, number: int) -> Money:
    if cell.get("amount"):
        return _amount(cell["amount"], currency, number)
    credit, debit = cell.get("credit", ""), cell.get("debit", "")
    if bool(credit) == bool(debit):
        raise UnreadableStatement(format=FORMAT, reason=f"line {number} needs either a credit or a debit")
    money = _amount(credit or debit, currency, number)
    return money if credit else Money(-abs(money.amount_minor), money.currency)


def _amount(text: str, currency: str, number: int) -> Money:
    """Read `1.234,56`, `1,234.56`, `1 234,56` and `-12.00`: the last sign with one or two digits after it parts the decimals."""
    cleaned = "".join(text.split()).replace("\u2212", "-").replace("'", "").removeprefix("+")
    last = max(cleaned.rfind(","), cleaned.rfind("."))
    if last >= 0 and len(cleaned) - last - 1 != 3:
        cleaned = cleaned[:last].replace(",", "").replace(".", "") + "." + cleaned[last + 1 :]
    else:
        cleaned = cleaned.replace(",", "").replace(".", "")
    try:
        return Money.parse(str(Decimal(cleaned)), currency=currency.upper())
    except (InvalidOperation, BadInput) as error:
        raise UnreadableStatement(format=FORMAT, reason=f"“{text[:20]}” in line {number} is not an amount") from error
