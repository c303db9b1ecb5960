"""`/health`: every part of the tracker says that it is at work, and one that does not is named."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from largesse import _core
from largesse.config.settings import Config
from largesse.journal import followers
from largesse.swarm import runtime
from largesse.swarm.runtime import SiteTracker
from processes import wait_for
from tracker_talk import made


def asked(tracker: _core.Tracker, path: str, *, method: str = "GET") -> tuple[int, bytes, str | None]:
    """Return the status, the body and the length that was told."""
    connection = http.client.HTTPConnection(str(tracker.admin), timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    found = response.status, response.read(), response.getheader("Content-Length")
    connection.close()
    return found


def silent(tracker: _core.Tracker) -> list[str]:
    """Return the parts that `/health` names, after seeing that its status agrees."""
    status, body, _ = asked(tracker, "/health")
    said = json.loads(body)
    assert (status, said["ok"]) == ((503, False) if "silent" in said else (200, True))
    return list(said.get("silent", []))


@contextmanager
def running(work: Any) -> Iterator[None]:
    """Do `work(stop)` in a thread meanwhile."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture(name="site")
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SiteTracker]:
    monkeypatch.setattr(runtime, "SILENT_SECONDS", 1)
    monkeypatch.setattr(runtime, "FEED_SECONDS", 0.02)
    tracker = made(policy="listed")
    yield SiteTracker(tracker, Config.load(data=tmp_path, environ={}))
    tracker.stop()


def test_the_admin_address_takes_queries_and_heads() -> None:
    tracker = made(policy="listed")
    assert asked(tracker, "/health") == asked(tracker, "/health?probe=1") == (200, b'{"ok": true}\n', "13")
    assert asked(tracker, "/health", method="HEAD") == (200, b"", "13")
    assert asked(tracker, "/nothing")[0] == 404
    assert asked(tracker, "/health", method="POST")[0] == 405
    tracker.stop()


def test_a_part_that_falls_silent_is_named_until_it_is_heard_again() -> None:
    tracker = made(policy="listed")
    tracker.beat("patient", 3600)
    tracker.beat("hasty", 0)
    wait_for(lambda: silent(tracker) == ["hasty"])
    tracker.stop()


def test_a_journal_that_cannot_be_read_is_named_until_it_can(
    site: SiteTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_away = threading.Event()

    def last_serial() -> int:
        if is_away.is_set():
            raise DatabaseError("the database is away")
        return 0

    monkeypatch.setattr(followers, "last_serial", last_serial)
    monkeypatch.setattr(followers, "TROUBLE_SECONDS", 0.02)
    site.following.serial = 0
    with running(site._follow):
        wait_for(lambda: silent(site.tracker) == [])
        is_away.set()
        wait_for(lambda: silent(site.tracker) == ["journal"])
        is_away.clear()
        wait_for(lambda: silent(site.tracker) == [])


def test_whatever_befalls_the_writing_of_facts_it_goes_on(site: SiteTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    is_broken = threading.Event()
    is_broken.set()
    written = threading.Event()

    def feed() -> int:
        if is_broken.is_set():
            raise RuntimeError("nobody thought of this")
        written.set()
        return 0

    monkeypatch.setattr(site.counts, "feed", feed)
    site.tracker.beat("facts", 1)
    with running(site._feed):
        wait_for(lambda: silent(site.tracker) == ["facts"])
        is_broken.clear()
        assert written.wait(10)
        wait_for(lambda: silent(site.tracker) == [])
