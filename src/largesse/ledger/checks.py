"""The books' own check for `largesse check` and `largesse ledger check`: seals, sums, digests and the journal agree."""

from collections import Counter
from collections.abc import Iterator

from largesse.journal.checks import Break
from largesse.journal.models import Row
from largesse.ledger.models import Entry, Posting, Seal, entry_digest
from largesse.ledger.queries import entries


def check() -> Iterator[Break]:
    """Yield whatever does not agree; nothing when all is well."""
    told = {
        row.subject: row.payload["digest"]
        for row in Row.objects.filter(kind="ledger.posted").iterator(chunk_size=1_000)
    }
    for entry in entries():
        where = f"entry {entry.public_id}"
        postings = [(line.account.name, line.amount_minor, line.currency) for line in entry.postings.all()]
        sums: Counter[str] = Counter()
        for _, amount_minor, currency in postings:
            sums[currency] += amount_minor
        if any(sums.values()):
            yield Break(where, f"Its postings do not sum to zero: {dict(sums)}.")
        if len(postings) != entry.seal.postings:
            yield Break(where, f"It has {len(postings)} postings, its seal says {entry.seal.postings}.")
        if any(line.currency != line.account.currency for line in entry.postings.all()):
            yield Break(where, "A posting has another currency than its account.")
        if entry_digest(entry, postings) != entry.seal.digest:
            yield Break(where, "Its seal is not over what it says: the entry was altered.")
        if told.pop(f"entry:{entry.public_id}", None) != entry.seal.digest:
            yield Break(where, "The journal does not tell it as it is.")
    for subject in told:
        yield Break(subject, "The journal tells it, but it is not in the book.")
    for public_id in Entry.objects.exclude(seal__in=Seal.objects.all()).values_list("public_id", flat=True):
        yield Break(f"entry {public_id}", "It has no seal.")
    for number in Posting.objects.exclude(entry__in=Entry.objects.all()).values_list("id", flat=True):
        yield Break(f"posting {number}", "It belongs to no entry.")
