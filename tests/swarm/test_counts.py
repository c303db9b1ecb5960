"""Downloads completed reach the database once, though it is away when the tracker stops; on SQLite and PostgreSQL."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest
from django.db import OperationalError

from largesse import _core
from largesse.swarm import counts
from largesse.swarm.counts import CountFeed
from largesse.swarm.errors import CompletedLost
from largesse.swarm.models import SwarmCount
from processes import Running, run, start, wait_for
from tracker_talk import KEY, announce, get, made

OTHER = bytes(range(20, 40))
COMPLETED = """
from largesse.swarm.models import SwarmCount
print(*SwarmCount.objects.values_list("completed", flat=True))
"""
LIST = """
from django.db import transaction
from largesse.journal.actions.append import append
with transaction.atomic():
    append(kind="torrents.listed", subject="torrent:1", actor="test", payload={"announce_keys": ["%s"]})
"""


class Trackers:
    """One tracker after the other, with what is between them in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.snapshot = folder / "swarms.snapshot"
        self.start()

    def start(self) -> None:
        """Start a tracker from what the former one left."""
        self.tracker: _core.Tracker = made(policy="listed")
        self.tracker.apply([("allow", key, None) for key in (KEY, OTHER)])
        self.feed = CountFeed(self.tracker, self.folder)
        self.tracker.read_snapshot(str(self.snapshot))
        self.feed.take_restored()

    def stop(self) -> Path | None:
        """Stop it as planned; return the file of what could not be written."""
        self.tracker.stop()
        self.tracker.write_snapshot(str(self.snapshot))
        return self.feed.keep()

    def complete(self, number: int, *, key: bytes = KEY) -> None:
        """Let as many peers complete the torrent."""
        for port in range(7000, 7000 + number):
            announce(self.tracker, key=key, port=port, left=1)
            announce(self.tracker, key=key, port=port, left=0, event="completed")
            announce(self.tracker, key=key, port=port, left=0, event="stopped")


@pytest.fixture(name="trackers")
def _trackers(tmp_path: Path) -> Iterator[Trackers]:
    trackers = Trackers(tmp_path)
    yield trackers
    trackers.tracker.stop()


def completed(key: bytes = KEY) -> int:
    return SwarmCount.objects.get(pk=key.hex()).completed


@pytest.mark.django_db
def test_what_was_completed_while_the_database_was_away_at_the_stop_counts_once(
    trackers: Trackers, monkeypatch: pytest.MonkeyPatch
) -> None:
    trackers.complete(2)
    assert trackers.feed.feed() == 1
    with monkeypatch.context() as away:

        def fail(*_: object, **__: object) -> None:
            raise OperationalError("away")

        away.setattr(counts, "_write", fail)
        trackers.complete(3)
        trackers.complete(1, key=OTHER)
        with pytest.raises(OperationalError):
            trackers.feed.feed()
        trackers.complete(1, key=OTHER)
        path = trackers.stop()
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert completed() == 2
    kept = path.read_text()
    trackers.start()
    trackers.complete(1)
    trackers.feed.feed()
    assert (completed(), completed(OTHER)) == (6, 2)
    assert not path.exists()
    # A process that is killed before it removes the file leaves it to the next one.
    path.write_text(kept)
    trackers.feed.feed()
    assert (completed(), completed(OTHER)) == (6, 2)
    assert trackers.stop() is None
    trackers.start()
    trackers.feed.feed()
    assert (completed(), completed(OTHER)) == (6, 2)


@pytest.mark.django_db
def test_a_damaged_file_of_completed_downloads_is_put_aside(trackers: Trackers) -> None:
    trackers.complete(1)
    path = trackers.folder / "a.completed"
    path.write_text('{"id": "a"')
    with pytest.raises(CompletedLost, match=path.name):
        trackers.feed.feed()
    assert path.with_suffix(".damaged").exists()
    trackers.feed.feed()
    assert completed() == 1


def test_a_planned_stop_without_a_database_loses_no_completed_download(tmp_path: Path) -> None:
    def begin() -> tuple[Running, str]:
        running = start("tracker", "--data", str(tmp_path), "--listen", "127.0.0.1:0", "--workers", "1", "--json")
        told = json.loads(running.first_line())
        url: str = next(url for url in told["announce"] if url.startswith("http://"))
        return running, url.removeprefix("http://").removesuffix("/announce")

    def shell(code: str) -> str:
        arguments = ("manage", "shell", "--no-imports", "-v", "0", "-c", code)
        done = run(*arguments, environment={"LARGESSE_DATA": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def complete(host: str, port: int) -> bytes:
        peer = f"info_hash={quote_from_bytes(KEY)}&peer_id=-XX0001-{port:012}&port={port}"
        get(host, f"/announce?{peer}&left=1&event=started")
        return get(host, f"/announce?{peer}&left=0&event=completed")

    def rename(before: str, after: str) -> None:
        with sqlite3.connect(tmp_path / "largesse.sqlite3", timeout=20) as database:
            database.execute(f"ALTER TABLE {before} RENAME TO {after}")
        database.close()

    running, host = begin()
    try:
        shell(LIST % KEY.hex())
        wait_for(lambda: b"failure" not in complete(host, 6001))
        wait_for(lambda: shell(COMPLETED) == "1")
        rename("swarm_swarmcount", "away")
        complete(host, 6002)
        running.stop()
        rename("away", "swarm_swarmcount")
        running, host = begin()
        wait_for(lambda: shell(COMPLETED) == "2")
        complete(host, 6003)
        wait_for(lambda: shell(COMPLETED) == "3")
    finally:
        running.stop()
