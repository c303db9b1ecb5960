"""Reverse an entry: the only way to correct one."""

from largesse.kit.clock import Clock, utc_now
from largesse.ledger.actions.post import Facts, Line, post
from largesse.ledger.errors import BookedBefore, ReversedBefore
from largesse.ledger.models import Entry


def reverse(entry: Entry, *, description: str, actor: str = "system", clock: Clock = utc_now) -> Entry:
    """
    Book the opposite of `entry`, in the caller's transaction; both stay in the book.

    Raises:
        ReversedBefore: it was reversed already, or is a reversal itself.
    """
    if entry.reverses_id is not None:
        raise ReversedBefore(entry=entry.public_id)
    lines = [Line(line.account, -line.amount_minor) for line in entry.postings.select_related("account")]
    facts = Facts(
        kind="reversal",
        source="desk",
        reference=entry.public_id,
        subject=entry.subject,
        description=description,
        occurred_at=clock(),
    )
    try:
        return post(facts, lines, actor=actor, reverses=entry, clock=clock)
    except BookedBefore as error:
        raise ReversedBefore(entry=entry.public_id) from error
