"""
The fund's own check for `largesse check` and `largesse ledger check`: every published figure is recomputed from the postings.

Two roads lead to each sum: the postings of the ledger, and the payments that the desk works with. They have to meet, for every
drive, and again in what the API publishes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet, Sum

from largesse.drives.api import as_json
from largesse.drives.contract import hash_of
from largesse.drives.figures import Window, percent_of, window_at
from largesse.drives.models import (
    CarryOver,
    Contract,
    Counted,
    Dispute,
    Drive,
    Expense,
    Period,
    Refund,
    RefundOutcome,
    Settlement,
)
from largesse.journal.checks import Break
from largesse.kit.clock import utc_now
from largesse.ledger.models import Entry, Posting


def check() -> Iterator[Break]:
    """Yield whatever does not agree; nothing when all is well."""
    yield from _payments()
    for contract in Contract.objects.all().iterator():
        if hash_of(contract.terms_json) != contract.hash:
            yield Break(f"contract {contract.hash[:12]}", "Its hash is not over its terms.")
    for drive in Drive.objects.all():
        yield from _drive(drive)


def _payments() -> Iterator[Break]:
    """Each payment has an entry that moves its amount, and each entry of that kind has its payment."""
    moved: Counter[int] = Counter()
    received = Posting.objects.filter(amount_minor__gt=0).values_list("entry_id")
    moved.update(dict(received.annotate(amount=Sum("amount_minor"))))
    rows_of: dict[str, QuerySet[Any]] = {
        "gift": Settlement.objects.select_related("entry"),
        "refund": Refund.objects.select_related("entry"),
        "expense": Expense.objects.filter(entry__isnull=False).select_related("entry"),
    }
    for kind, rows in rows_of.items():
        known = 0
        for row in rows.iterator():
            known += 1
            if row.entry.kind != kind or moved[row.entry.pk] != row.amount_minor:
                yield Break(f"{kind} {row.public_id}", "Its entry moves something else.")
        booked = Entry.objects.filter(kind=kind).count()
        if booked != known:
            yield Break(f"entries of kind {kind}", f"The book has {booked}, the desk {known}.")
    for outcome in RefundOutcome.objects.select_related("entry", "refund").iterator():
        if moved[outcome.entry_id] != outcome.refund.amount_minor:
            yield Break(f"refund {outcome.refund.public_id}", "Its outcome's entry moves something else.")


def _drive(drive: Drive) -> Iterator[Break]:
    where = f"drive {drive.slug}"
    gifts, fees, spent, owed = (_postings(drive, part) for part in ("Gifts", "Fees", "Spent", "Refunds"))
    given = _sum(Settlement.objects.filter(donation__drive=drive))
    undone = _sum(Refund.objects.filter(settlement__donation__drive=drive, outcome__is_sent=False))
    back = _sum(Refund.objects.filter(settlement__donation__drive=drive)) - undone
    disputes = Dispute.objects.filter(settlement__donation__drive=drive)
    taken = _sum(disputes.filter(is_won=False)) - _sum(disputes.filter(is_won=True))
    if -gifts != given - back - taken:
        yield Break(where, f"The ledger says {-gifts} minor units were given, the payments say {given - back - taken}.")
    paid = _sum(Expense.objects.filter(drive=drive, entry__isnull=False))
    if spent != paid:
        yield Break(where, f"The ledger says {spent} minor units were spent, the expenses say {paid}.")
    waiting = _sum(Refund.objects.filter(settlement__donation__drive=drive, outcome__isnull=True))
    again = _sum_of_kind(drive, "refund_returned") - _sum_of_kind(drive, "refund_resent")
    if -owed != waiting + again:
        yield Break(where, f"The ledger says {-owed} minor units are owed, the refunds say {waiting + again}.")
    for settlement in Settlement.objects.filter(donation__drive=drive).prefetch_related("refunds__outcome"):
        sent = sum(
            refund.amount_minor
            for refund in settlement.refunds.all()
            if not hasattr(refund, "outcome") or refund.outcome.is_sent
        )
        if sent > settlement.amount_minor:
            yield Break(f"gift {settlement.public_id}", "More went back than was paid.")
    if fees < 0:
        yield Break(where, "Fees are below zero.")
    yield from _published(drive)


def _published(drive: Drive) -> Iterator[Break]:
    """Recompute what the API publishes of a drive, posting by posting, month after month where it has months."""
    now = utc_now()
    told = as_json(drive, clock=lambda: now)
    present = window_at(drive, now)
    windows = [present]
    if drive.period == Period.MONTHLY:
        windows = [window_at(drive, drive.starts_at)]
        while windows[-1].since < present.since and windows[-1].until is not None:
            windows.append(window_at(drive, windows[-1].until))
    carried = 0
    gross = net = counted = 0
    for window in windows:
        gross = -_postings(drive, "Gifts", window)
        net = gross - _postings(drive, "Fees", window)
        counted = (gross if drive.counted == Counted.GROSS else net) + carried
        does_carry = drive.period == Period.MONTHLY and drive.carry_over == CarryOver.CARRY
        if window is not windows[-1]:
            carried = max(0, counted - drive.goal_minor) if does_carry else 0
    again = {
        "gross_minor": gross,
        "net_minor": net,
        "fees_minor": gross - net,
        "carried_minor": carried,
        "settled_minor": counted,
        "missing_minor": max(0, drive.goal_minor - counted),
        "percent": percent_of(counted, drive.goal_minor),
    }
    for name, value in again.items():
        if told[name] != value:
            yield Break(f"drive {drive.slug}", f"Published as {name} is {told[name]}, the postings say {value}.")


def _postings(drive: Drive, part: str, window: Window | None = None) -> int:
    """Sum the postings of a drive's accounts one by one, as a reader of the export would."""
    rows = Posting.objects.filter(account__fund=drive.public_id).select_related("account", "entry")
    return sum(
        row.amount_minor
        for row in rows
        if row.account.name.split(":")[1] == part
        and (
            window is None
            or (
                window.since <= row.entry.occurred_at and (window.until is None or row.entry.occurred_at < window.until)
            )
        )
    )


def _sum_of_kind(drive: Drive, kind: str) -> int:
    rows = Posting.objects.filter(account__fund=drive.public_id, entry__kind=kind)
    return abs(int(rows.aggregate(amount=Sum("amount_minor"))["amount"] or 0))


def _sum(rows: QuerySet[Any]) -> int:
    return int(rows.aggregate(amount=Sum("amount_minor"))["amount"] or 0)
