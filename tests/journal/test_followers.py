"""Followers: in order, from their cursor, again after an error, and acknowledged."""

import threading
from collections.abc import Sequence

import pytest
from django.db import connection, transaction

from largesse.journal.actions.append import append
from largesse.journal.followers import (
    BATCH_ROWS,
    BrokenSequenceError,
    Following,
    acknowledged_by,
    follow_until,
    last_serial,
)
from largesse.journal.models import Acknowledgement, Row
from processes import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


class Remembering:
    """A follower with a memory, which may stand at a snapshot, and may stumble."""

    name = "remembering"

    def __init__(self, *, stands_at: int = 0, stumbles: int = 0) -> None:
        self.stands_at = stands_at
        self.stumbles = stumbles
        self.serials: list[int] = []

    def restore(self) -> int:
        return self.stands_at

    def apply(self, rows: Sequence[Row]) -> None:
        if self.stumbles:
            self.stumbles -= 1
            raise OSError("a follower's own trouble")
        self.serials += [row.serial for row in rows]


def append_many(number: int) -> None:
    with transaction.atomic():
        for _ in range(number):
            append(kind="test.happened", subject="listing:a")


def test_a_new_follower_replays_everything_in_batches_and_acknowledges() -> None:
    append_many(BATCH_ROWS + 3)
    follower = Remembering()
    following = Following(follower, node="a")
    assert following.catch_up() == BATCH_ROWS
    assert acknowledged_by(BATCH_ROWS + 1) == {"remembering@a": False}
    assert following.catch_up() == 3
    assert following.catch_up() == 0
    assert follower.serials == list(range(1, BATCH_ROWS + 4))
    assert acknowledged_by(BATCH_ROWS + 3) == {"remembering@a": True}


def test_a_follower_with_a_snapshot_goes_on_from_there() -> None:
    append_many(5)
    follower = Remembering(stands_at=3)
    Following(follower, node="a").catch_up()
    assert follower.serials == [4, 5]


def test_each_node_acknowledges_for_itself() -> None:
    append_many(2)
    for node in ("a", "b"):
        Following(Remembering(), node=node).catch_up()
    append_many(1)
    Following(Remembering(stands_at=2), node="b").catch_up()
    assert acknowledged_by(3) == {"remembering@a": False, "remembering@b": True}


def test_a_follower_that_stumbles_is_told_the_same_rows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("largesse.journal.followers.TROUBLE_SECONDS", 0.01)
    append_many(4)
    follower, stop = Remembering(stumbles=2), threading.Event()

    def follow() -> None:
        follow_until(stop, [Following(follower, node="a")])
        connection.close()

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        wait_for(lambda: follower.serials == [1, 2, 3, 4])
        append_many(1)
        wait_for(lambda: follower.serials == [1, 2, 3, 4, 5])
    finally:
        stop.set()
        thread.join()
    assert Acknowledgement.objects.get().serial == 5


def test_a_journal_that_skips_a_serial_stops_its_followers() -> None:
    append_many(3)
    follower = Remembering(stands_at=1)
    following = Following(follower, node="a")
    following.start()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in drop_guard("journal_row_no_delete"):
            cursor.execute(statement)
        cursor.execute("DELETE FROM journal_row WHERE serial = 2")
        with pytest.raises(BrokenSequenceError, match="after 1"):
            following.catch_up()
        transaction.set_rollback(True)
    assert follower.serials == []
    assert last_serial() == 3


def drop_guard(name: str) -> list[str]:
    table = name.rsplit("_no_", 1)[0].rsplit("_forward", 1)[0]
    return [f"DROP TRIGGER {name}" + ("" if connection.vendor == "sqlite" else f" ON {table}")]
