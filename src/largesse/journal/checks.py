"""
What a check of the data folder finds: each app's `checks.py` yields the first thing that does not agree, and the next.

An app's check is a function `check() -> Iterator[Break]`. Work that takes long may say how far it is with `tell_progress`, which
costs nothing when nobody listens.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from largesse.journal.models import GENESIS_HASH, Acknowledgement, Head, Row

BATCH_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that does not agree."""

    where: str
    """Which row, file or listing."""
    sentence: str
    """What does not agree, said plainly."""


Listener = Callable[[int, int], None]
"""Called with how much is done, and how much there is."""

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let `listener` hear how far the checks in this block are."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell_progress(done: int, total: int) -> None:
    """Say how far a check is."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total)


def check() -> Iterator[Break]:
    """
    Verify the journal: no serial is missing, every hash is right and names the one before, the head is the last row.

    The head is read first, so rows that are appended meanwhile are left for the next check.
    """
    head = Head.objects.get(id=1)
    serial, previous_hash = 0, GENESIS_HASH
    for row in Row.objects.filter(serial__lte=head.serial).order_by("serial").iterator(chunk_size=BATCH_ROWS):
        where = f"journal row {row.serial}"
        if row.serial != serial + 1:
            missing = (
                f"Row {serial + 1} is" if row.serial == serial + 2 else f"Rows {serial + 1} to {row.serial - 1} are"
            )
            yield Break(where, f"{missing} missing before it.")
        elif row.previous_hash != previous_hash:
            yield Break(where, "It does not name the hash of the row before it.")
        if row.computed_hash() != row.hash:
            yield Break(where, "Its hash is not the hash of what it says: the row was altered.")
        serial, previous_hash = row.serial, row.hash
        if serial % BATCH_ROWS == 0:
            tell_progress(serial, head.serial)
    if (serial, previous_hash) != (head.serial, head.hash):
        yield Break("journal head", f"It says that row {head.serial} is the last; the last is row {serial}.")
    yield from _followers_ahead()


def _followers_ahead() -> Iterator[Break]:
    newest = Head.objects.get(id=1).serial
    for ack in Acknowledgement.objects.filter(serial__gt=newest).order_by("follower", "node"):
        yield Break(
            f"follower {ack.follower}@{ack.node}",
            f"It acknowledged row {ack.serial}, which the journal does not have yet: the journal was set back.",
        )
