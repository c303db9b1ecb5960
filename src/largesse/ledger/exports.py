"""
The book as others read it: beancount, hledger, CSV and JSON. Every published figure can be recomputed from each of them.

An export has pseudonymous ids only: neither the source's reference nor anything about a person is in it. Bitcoin and the like
are commodities as any other. Lines are streamed, so a long book takes no memory.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from largesse.kit.money import currency_exponent
from largesse.ledger.models import Account, Entry
from largesse.ledger.queries import balances, entries

CSV_COLUMNS = (
    "entry",
    "occurred_at",
    "posted_at",
    "kind",
    "about",
    "description",
    "reverses",
    "account",
    "fund",
    "currency",
    "amount_minor",
    "amount",
    "digest",
)
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet would take for a formula."""


def amount_text(amount_minor: int, currency: str) -> str:
    """Return the exact amount in major units: `-48.25`."""
    return f"{Decimal(amount_minor).scaleb(-currency_exponent(currency)):f}"


def beancount_lines(*, fund: str | None = None) -> Iterator[str]:
    """Yield the book in beancount's format (https://beancount.github.io/docs/beancount_language_syntax.html)."""
    yield 'option "title" "Public ledger"\n'
    currencies = sorted(set(Account.objects.values_list("currency", flat=True)))
    for currency in currencies:
        yield f'option "operating_currency" "{currency}"\n'
    opened: set[str] = set()
    for entry in entries(fund=fund):
        day = _day(entry)
        for posting in entry.postings.all():
            if posting.account.name not in opened:
                opened.add(posting.account.name)
                yield f"1970-01-01 open {posting.account.name} {posting.currency}\n"
        yield f'\n{day} * "{_quoted(entry.description)}" ^{entry.public_id}\n'
        yield f'  kind: "{entry.kind}"\n  about: "{_quoted(entry.subject)}"\n'
        if entry.reverses:
            yield f'  reverses: "{entry.reverses.public_id}"\n'
        for posting in entry.postings.all():
            amount = amount_text(posting.amount_minor, posting.currency)
            yield f"  {posting.account.name}  {amount} {posting.currency}\n"
    if fund is None:
        yield "\n"
        for held in balances():
            amount = amount_text(held.amount_minor, held.currency)
            # `~ 0`: by itself beancount lets a balance be wrong by one in its last digit.
            yield f"9999-12-31 balance {held.account}  {amount} ~ 0 {held.currency}\n"


def hledger_lines(*, fund: str | None = None) -> Iterator[str]:
    """Yield the book as an hledger journal (https://hledger.org/hledger.html), with what each account must hold at the end."""
    yield "decimal-mark .\n\n"
    for account in Account.objects.order_by("name"):
        yield f"account {account.name}\n"
    for currency in sorted(set(Account.objects.values_list("currency", flat=True))):
        sample = amount_text(0, currency)
        yield f"commodity {sample if '.' in sample else sample + '.'} {currency}\n"
    for entry in entries(fund=fund):
        about = f"; about:{entry.subject}, kind:{entry.kind}"
        about += f", reverses:{entry.reverses.public_id}" if entry.reverses else ""
        yield f"\n{_day(entry)} * ({entry.public_id}) {_plain(entry.description)}\n    {about}\n"
        for posting in entry.postings.all():
            amount = amount_text(posting.amount_minor, posting.currency)
            yield f"    {posting.account.name}  {amount} {posting.currency}\n"
    held = balances() if fund is None else []
    if held:
        yield "\n9999-12-31 * what each account holds\n"
        for line in held:
            zero = amount_text(0, line.currency)
            amount = amount_text(line.amount_minor, line.currency)
            yield f"    {line.account}  {zero} {line.currency} = {amount} {line.currency}\n"


def csv_lines(*, fund: str | None = None) -> Iterator[str]:
    """Yield one row a posting, with a head; a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    yield _csv_row(CSV_COLUMNS)
    for entry in entries(fund=fund):
        for posting in entry.postings.all():
            description = entry.description
            yield _csv_row(
                (
                    entry.public_id,
                    _time(entry.occurred_at),
                    _time(entry.posted_at),
                    entry.kind,
                    entry.subject,
                    f"'{description}" if description.startswith(DANGEROUS) else description,
                    entry.reverses.public_id if entry.reverses else "",
                    posting.account.name,
                    posting.account.fund,
                    posting.currency,
                    str(posting.amount_minor),
                    amount_text(posting.amount_minor, posting.currency),
                    entry.seal.digest,
                )
            )


def json_lines(*, fund: str | None = None) -> Iterator[str]:
    """Yield one JSON document: `entries` with their postings, and `balances` as a check."""
    yield '{"entries": ['
    for number, entry in enumerate(entries(fund=fund)):
        yield ("," if number else "") + "\n" + json.dumps(entry_json(entry), ensure_ascii=False)
    held = [
        {"account": line.account, "currency": line.currency, "amount_minor": line.amount_minor}
        for line in balances(fund=fund)
    ]
    yield f'\n], "balances": {json.dumps(held, ensure_ascii=False)}}}\n'


def entry_json(entry: Entry) -> dict[str, object]:
    """Return an entry as the JSON export and the API tell it."""
    return {
        "entry": entry.public_id,
        "occurred_at": _time(entry.occurred_at),
        "posted_at": _time(entry.posted_at),
        "kind": entry.kind,
        "about": entry.subject,
        "description": entry.description,
        "reverses": entry.reverses.public_id if entry.reverses else None,
        "digest": entry.seal.digest,
        "postings": [
            {
                "account": posting.account.name,
                "fund": posting.account.fund,
                "currency": posting.currency,
                "amount_minor": posting.amount_minor,
            }
            for posting in entry.postings.all()
        ],
    }


FORMATS: dict[str, Callable[..., Iterator[str]]] = {
    "beancount": beancount_lines,
    "hledger": hledger_lines,
    "csv": csv_lines,
    "json": json_lines,
}
MEDIA_TYPES = {
    "beancount": "text/plain; charset=utf-8",
    "hledger": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


def _day(entry: Entry) -> str:
    return entry.occurred_at.astimezone(UTC).date().isoformat()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _plain(text: str) -> str:
    """One line without the characters that begin a comment or part a payee from a note in hledger."""
    return " ".join(text.replace(";", ",").replace("|", "/").split())


def _quoted(text: str) -> str:
    """The inside of a beancount string, on one line."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')


def _csv_row(cells: tuple[str, ...]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="\r\n").writerow(cells)
    return target.getvalue()
