"""
Followers: what reacts to the journal.

A follower reads the rows after its cursor in order, applies them, and acknowledges the last serial it applied. One that was
down catches up from its cursor; one that is new replays from the first row, or loads a snapshot and says which serial that
snapshot stands at.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from django.db import close_old_connections, transaction

from largesse.journal.models import Acknowledgement, Head, Row
from largesse.kit.clock import Clock, utc_now

BATCH_ROWS = 500
"""How many rows are applied before they are acknowledged together."""
POLL_SECONDS = 0.1
"""How often a follower looks for new rows: one read of one row, some fifty microseconds."""
TROUBLE_SECONDS = 1.0
"""How long a follower rests after an error, before it tries the same rows again."""

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """Something that reacts to every row of the journal, in order."""

    name: str

    def restore(self) -> int:
        """Load a snapshot of the present state and return the serial it stands at; 0 replays every row."""

    def apply(self, rows: Sequence[Row]) -> None:
        """Apply rows in serial order. Raise, and none of them counts as acknowledged."""


class Following:
    """One follower on one node, with its cursor."""

    def __init__(self, follower: Follower, *, node: str, clock: Clock = utc_now) -> None:
        self.follower = follower
        self.node = node
        self.clock = clock
        self.serial: int | None = None

    def start(self) -> None:
        """Take the cursor: a follower whose state lives in memory restores it, and stands where its snapshot stands."""
        self.serial = self.follower.restore()
        self._acknowledge(self.serial)

    def catch_up(self, *, limit: int = BATCH_ROWS) -> int:
        """
        Apply the rows after the cursor, at most `limit`, and acknowledge them. Return how many were applied.

        Raises:
            BrokenSequenceError: a serial is missing, which must never happen; nothing is applied.
        """
        if self.serial is None:
            self.start()
        cursor = self.serial or 0
        rows = list(Row.objects.filter(serial__gt=cursor).order_by("serial")[:limit])
        if not rows:
            return 0
        if [row.serial for row in rows] != list(range(cursor + 1, cursor + 1 + len(rows))):
            raise BrokenSequenceError(f"{self.follower.name}: the journal skips a serial after {cursor}")
        self.follower.apply(rows)
        self.serial = rows[-1].serial
        self._acknowledge(self.serial)
        return len(rows)

    def _acknowledge(self, serial: int) -> None:
        with transaction.atomic():
            Acknowledgement.objects.update_or_create(
                follower=self.follower.name, node=self.node, defaults={"serial": serial, "time": self.clock()}
            )


def follow_until(
    stop: threading.Event, followings: Sequence[Following], *, between: Callable[[], object] | None = None
) -> None:
    """
    Keep followers at the journal's end until `stop` is set.

    An error is logged, and the same rows are tried again: a follower never skips one. A database that is away is waited for.

    Args:
        between: called after each look, in this thread, with the database at hand.
    """
    while not stop.is_set():
        try:
            newest = last_serial()
            for following in followings:
                while not stop.is_set() and (following.serial is None or following.serial < newest):
                    following.catch_up()
            if between is not None:
                between()
        except Exception:
            # A follower's own fault and a lost database look alike from here; neither may end the process that serves peers.
            logger.exception("a follower of the journal stumbled and tries again")
            close_old_connections()
            stop.wait(TROUBLE_SECONDS)
        else:
            stop.wait(POLL_SECONDS)


class BrokenSequenceError(RuntimeError):
    """The journal skips a serial: the database was altered from outside."""


def last_serial() -> int:
    """Return the serial of the newest row, 0 when there is none."""
    return Head.objects.values_list("serial", flat=True).get(id=1)


def acknowledged_by(serial: int) -> dict[str, bool]:
    """Return for each known `follower@node` whether it has acknowledged `serial`."""
    return {f"{ack.follower}@{ack.node}": ack.serial >= serial for ack in Acknowledgement.objects.all()}
