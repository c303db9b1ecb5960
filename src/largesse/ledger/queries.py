"""Figures of the book, each recomputed from the postings; nothing is cached."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet, Sum

from largesse.ledger.models import Account, AccountKind, Entry, Posting

BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds, in minor units; what it received is positive."""

    account: str
    currency: str
    amount_minor: int


def balances(*, fund: str | None = None) -> list[Balance]:
    """Return every account that was ever posted to, by name; with `fund`, the accounts of one drive."""
    accounts = Account.objects.filter(postings__isnull=False)
    if fund is not None:
        accounts = accounts.filter(fund=fund)
    rows = accounts.annotate(amount=Sum("postings__amount_minor")).order_by("name")
    return [Balance(row.name, row.currency, int(row.amount)) for row in rows]


def balance(account: Account) -> int:
    """Return what one account holds, in minor units."""
    return int(account.postings.aggregate(amount=Sum("amount_minor"))["amount"] or 0)


def moved(
    *,
    fund: str,
    kind: AccountKind,
    part: str,
    currency: str,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """
    Return what a drive's accounts `Kind:Part:…` received in a time, in minor units.

    Args:
        since: from when on the entries occurred; None: from the beginning.
        until: before when they occurred; None: to the end.
    """
    rows = Posting.objects.filter(
        account__fund=fund, account__kind=kind, account__name__startswith=f"{kind.value}:{part}:", currency=currency
    )
    if since is not None:
        rows = rows.filter(entry__occurred_at__gte=since)
    if until is not None:
        rows = rows.filter(entry__occurred_at__lt=until)
    return int(rows.aggregate(amount=Sum("amount_minor"))["amount"] or 0)


def entries(*, fund: str | None = None) -> Iterator[Entry]:
    """Yield the entries with their postings, in the order they were booked; with `fund`, those that touch one drive."""
    yield from entry_rows(fund=fund).order_by("id").iterator(chunk_size=BATCH_ROWS)


def entry_rows(*, fund: str | None = None) -> QuerySet[Entry]:
    """Return the entries with accounts, postings and the entry that each one reverses."""
    rows = Entry.objects.select_related("reverses", "seal").prefetch_related("postings__account")
    if fund is not None:
        touching = Posting.objects.filter(account__fund=fund).values("entry_id")
        rows = rows.filter(id__in=touching)
    return rows
