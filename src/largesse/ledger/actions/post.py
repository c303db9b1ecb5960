"""
Post an entry: with its postings, its seal and its journal row, in the caller's transaction.

The journal gets the entry under its pseudonymous id: amounts and accounts, never the source's reference.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.kit.ids import new_public_id
from largesse.kit.money import currency_exponent
from largesse.ledger.errors import BookedBefore, OtherCurrency, Unbalanced
from largesse.ledger.models import Account, AccountKind, Entry, Posting, Seal, entry_digest


@dataclass(frozen=True, slots=True)
class Line:
    """One posting that is wanted: minor units of the account's currency; what the account receives is positive."""

    account: Account
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What an entry says beside its postings; see `Entry` for each."""

    kind: str
    source: str
    reference: str
    subject: str
    description: str
    occurred_at: datetime


def post(
    facts: Facts, lines: Sequence[Line], *, actor: str = "system", reverses: Entry | None = None, clock: Clock = utc_now
) -> Entry:
    """
    Book an entry, in the caller's transaction, which it shares with the fact that makes it true.

    Args:
        lines: those of zero are left out; the rest sum to zero in each currency and are at least two.
        actor: public id of who booked it, for the journal.

    Raises:
        Unbalanced: the lines do not sum to zero, or are fewer than two.
        BookedBefore: this source told the same reference and kind before; carries that entry's public id.
        RuntimeError: there is no transaction to belong to.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("post belongs in the transaction that makes its fact true")
    moving = [line for line in lines if line.amount_minor]
    sums: Counter[str] = Counter()
    for line in moving:
        sums[line.account.currency] += line.amount_minor
    if len(moving) < 2 or any(sums.values()):
        raise Unbalanced(sums=", ".join(f"{amount} {currency}" for currency, amount in sorted(sums.items())) or "empty")
    public_id = new_public_id()
    entry = Entry(
        public_id=public_id,
        seal_id=public_id,
        kind=facts.kind,
        source=facts.source,
        reference=facts.reference,
        subject=facts.subject,
        description=facts.description,
        occurred_at=facts.occurred_at,
        posted_at=clock(),
        reverses=reverses,
    )
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except IntegrityError as error:
        booked = Entry.objects.filter(source=facts.source, reference=facts.reference, kind=facts.kind).first()
        if booked is None:
            raise
        raise BookedBefore(entry=booked.public_id) from error
    Posting.objects.bulk_create(
        Posting(entry=entry, account=line.account, amount_minor=line.amount_minor, currency=line.account.currency)
        for line in moving
    )
    told = [(line.account.name, line.amount_minor, line.account.currency) for line in moving]
    seal = Seal(public_id=public_id, postings=len(moving), digest=entry_digest(entry, told))
    seal.save(force_insert=True)
    payload = {
        "kind": facts.kind,
        "about": facts.subject,
        "description": facts.description,
        "digest": seal.digest,
        "postings": [{"account": name, "amount_minor": amount, "currency": code} for name, amount, code in told],
    }
    if reverses is not None:
        payload["reverses"] = reverses.public_id
    append(kind="ledger.posted", subject=f"entry:{public_id}", actor=actor, payload=payload, clock=clock)
    return entry


def account(kind: AccountKind, *parts: str, currency: str, fund: str = "") -> Account:
    """
    Return the account `Kind:Part:…:CURRENCY`, opened on first use.

    Args:
        parts: capitalised components, ASCII letters, digits and hyphens.
        fund: public id of the drive that its money is restricted to.

    Raises:
        OtherCurrency: an account of this name is kept in another currency.
        UnknownCurrency: not a code of ISO 4217.
    """
    currency_exponent(currency)
    name = ":".join((kind.value, *parts, currency))
    found, _ = Account.objects.get_or_create(name=name, defaults={"kind": kind, "currency": currency, "fund": fund})
    if found.currency != currency:
        raise OtherCurrency(account=name, currency=found.currency)
    return found
