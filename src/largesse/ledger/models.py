"""
The book: accounts, entries, postings and seals. It only ever grows.

An entry is written in one transaction: the entry, its postings, then its seal. The database refuses a seal unless the postings
sum to zero in each currency and are at least two; it refuses postings after the seal; and an entry's deferred foreign key to
its seal means that no transaction commits an entry without one. SQLite and PostgreSQL enforce the same (migrations).
"""

import hashlib
from datetime import UTC

from django.db import models

from largesse.kit.canonical import canonical_json
from largesse.kit.ids import new_public_id


class AccountKind(models.TextChoices):
    """The five kinds of double entry; the value is the root of the account's name in beancount and hledger."""

    ASSETS = "Assets"
    LIABILITIES = "Liabilities"
    EQUITY = "Equity"
    INCOME = "Income"
    EXPENSES = "Expenses"


class Account(models.Model):
    """One account, in one currency; its fund is the drive that its money is restricted to, or empty."""

    name = models.CharField(max_length=120, unique=True)
    """As beancount writes it: `Income:Gifts:D-7q4m2kx:USD`."""
    kind = models.CharField(max_length=12, choices=AccountKind)
    currency = models.CharField(max_length=3)
    fund = models.CharField(max_length=16, blank=True)
    """Public id of the drive."""

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(kind__in=[kind.value for kind in AccountKind]), name="ledger_account_kind_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"), name="ledger_account_currency_is_a_code"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Seal(models.Model):
    """Says that an entry is whole: how many postings it has, and the hash over everything it says."""

    public_id = models.CharField(max_length=16, primary_key=True)
    """The entry's."""
    postings = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=64)
    """SHA-256 in hex over the canonical JSON of the entry with its postings (`entry_digest`)."""

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(postings__gte=2), name="ledger_seal_of_two_or_more"),)

    def __str__(self) -> str:
        return self.public_id


class Entry(models.Model):
    """One thing that happened to money. `source`, `reference` and `kind` together name the fact, once."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id)
    kind = models.CharField(max_length=16)
    """What happened: gift, refund, expense, …"""
    source = models.CharField(max_length=32)
    """Who told it: a payment provider, or `desk`."""
    reference = models.CharField(max_length=160)
    """The source's own id of it; never public."""
    subject = models.CharField(max_length=64)
    """Pseudonymous public id of what it is about: `donation:…`, `expense:…`."""
    description = models.CharField(max_length=200)
    """Public words; nothing about a person."""
    occurred_at = models.DateTimeField()
    posted_at = models.DateTimeField()
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="reversal")
    seal = models.OneToOneField(Seal, on_delete=models.PROTECT, related_name="entry")
    """Its key is this entry's public id; the foreign key is checked at the commit."""

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "entries"
        constraints = (
            models.UniqueConstraint(fields=("source", "reference", "kind"), name="ledger_fact_is_booked_once"),
            models.CheckConstraint(condition=models.Q(seal=models.F("public_id")), name="ledger_seal_is_its_own"),
        )
        indexes = (models.Index(fields=("subject",)), models.Index(fields=("occurred_at",)))

    def __str__(self) -> str:
        return f"{self.public_id} {self.kind}"


class Posting(models.Model):
    """A change of one account by whole minor units; what an account receives is positive."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="postings")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=~models.Q(amount_minor=0), name="ledger_posting_moves_something"),
        )

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


def entry_digest(entry: Entry, postings: list[tuple[str, int, str]]) -> str:
    """
    Return the SHA-256, in hex, of all that an entry says.

    Args:
        postings: account name, minor units, currency, in the order they were booked.
    """
    said = {
        "description": entry.description,
        "kind": entry.kind,
        "occurred_at": entry.occurred_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "posted_at": entry.posted_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "postings": [[account, amount_minor, currency] for account, amount_minor, currency in postings],
        "public_id": entry.public_id,
        "reference": entry.reference,
        "reverses": entry.reverses.public_id if entry.reverses else None,
        "source": entry.source,
        "subject": entry.subject,
    }
    return hashlib.sha256(canonical_json(said).encode()).hexdigest()
