"""The account of a drive: what came in, what was spent, what went back, and what is left; recomputed from the book."""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from largesse.drives.models import Drive, Refund, RefundReason
from largesse.ledger.models import AccountKind, Posting
from largesse.ledger.queries import moved

CLOSING = (RefundReason.WIND_DOWN, RefundReason.GOAL_MISSED)
"""Why money goes back when a drive ends."""


@dataclass(frozen=True, slots=True)
class DriveAccount:
    """The account of a drive in minor units of its currency; what it lost is positive."""

    given_minor: int
    fees_minor: int
    disputed_minor: int
    returned_minor: int
    """Went back while the drive was open, or at the payment service."""
    spent_minor: int
    shared_minor: int
    """Claimed for the donors when it ended."""
    sent_minor: int
    """Of what was claimed at its end, what was sent."""
    waiting_minor: int

    @property
    def back_minor(self) -> int:
        """What went back, or is owed to donors: at their wish, at the end, or by their banks."""
        return self.returned_minor + self.shared_minor + self.disputed_minor

    @property
    def left_minor(self) -> int:
        """What is left."""
        out = self.fees_minor + self.disputed_minor + self.returned_minor + self.spent_minor + self.shared_minor
        return self.given_minor - out


def account_of(drive: Drive) -> DriveAccount:
    """Return the account of a drive now."""
    gifts = {
        entry_kind: -int(amount)
        for entry_kind, amount in Posting.objects.filter(
            account__fund=drive.public_id, account__kind=AccountKind.INCOME
        )
        .order_by()
        .values_list("entry__kind")
        .annotate(amount=Sum("amount_minor"))
    }

    def income(*kinds: str) -> int:
        return sum(gifts.get(kind, 0) for kind in kinds)

    closing = Refund.objects.filter(settlement__donation__drive=drive, reason__in=CLOSING)
    shared = _sum(closing) - _sum(closing.filter(outcome__is_sent=False))
    sent = _sum(closing.filter(outcome__is_sent=True))
    return DriveAccount(
        given_minor=income("gift"),
        fees_minor=_moved(drive, "Fees"),
        disputed_minor=-income("dispute", "dispute_won"),
        returned_minor=-income("refund", "refund_failed") - shared,
        spent_minor=_moved(drive, "Spent"),
        shared_minor=shared,
        sent_minor=sent,
        waiting_minor=shared - sent,
    )


def _moved(drive: Drive, part: str) -> int:
    return moved(fund=drive.public_id, kind=AccountKind.EXPENSES, part=part, currency=drive.currency)


def _sum(refunds: QuerySet[Refund]) -> int:
    return int(refunds.aggregate(amount=Sum("amount_minor"))["amount"] or 0)
