"""Members' accounts in the database: every batch once, whatever fails in between; on SQLite and PostgreSQL."""

import errno
import importlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import IntegrityError, connection

from largesse.accounts.models import User
from largesse.swarm import accounting
from largesse.swarm.accounting import KEEP_REPORTS, Batch, MemberFeed, Spool, book
from largesse.swarm.core import Deed, Heard, Report
from largesse.swarm.errors import CountsRefused
from largesse.swarm.models import MemberReport, MemberTotal
from largesse.swarm.queries import member_sums

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
NOW = int(AT.timestamp())
KEY, PEER = b"k" * 20, b"-XX0001-aaaaaaaaaaaa"


class FakeTracker:
    """Hands over what a test tells it to."""

    def __init__(self) -> None:
        self.deeds: list[Deed] = []
        self.heard: list[Heard] = []
        self.restored: list[tuple[int, bytes, bytes, Report]] = []

    def drain_counts(self, limit: int) -> list[tuple[bytes, int, int, int, int]]:
        return []

    def drain_members(self) -> tuple[list[Deed], list[Heard]]:
        drained = self.deeds, self.heard
        self.deeds, self.heard = [], []
        return drained

    def restore_members(self, reports: list[tuple[int, bytes, bytes, Report]]) -> None:
        self.restored = reports


class FullSpool(Spool):
    """A spool on a disk that is full for a while."""

    is_full = True

    def put(self, batch: Batch) -> Path:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().put(batch)


@pytest.fixture(name="ada")
def _ada() -> int:
    return User.objects.create_user("ada").pk


def said(uploaded: int, downloaded: int, *, is_seeder: bool = False, heard_at: int = NOW) -> Report:
    return uploaded, downloaded, is_seeder, heard_at, NOW - 60, False, True


def total(account: int) -> tuple[int, int, int, int]:
    found = MemberTotal.objects.get(account_id=account, key=KEY.hex())
    return found.uploaded_bytes, found.downloaded_bytes, found.seed_seconds, found.completed


def test_a_batch_is_booked_once_and_sums_up(ada: int) -> None:
    first = Batch("a" * 32, AT, ((ada, KEY, 10, 20, 30, 1),), ((ada, KEY, PEER, said(10, 20, is_seeder=True)),))
    assert book(first)
    assert not book(first)
    later = Batch(
        "b" * 32,
        AT + timedelta(hours=1),
        ((ada, KEY, 1, 2, 3, 1),),
        ((ada, KEY, PEER, said(11, 22, is_seeder=True, heard_at=NOW + 9)),),
    )
    assert book(later)
    assert total(ada) == (11, 22, 33, 2)
    assert MemberTotal.objects.get().completed_at == AT, "the first completion is what a hit-and-run is measured from"
    report = MemberReport.objects.get()
    assert (report.uploaded_bytes, report.downloaded_bytes, report.is_seeder, report.heard_at) == (
        11,
        22,
        True,
        NOW + 9,
    )


def test_a_peer_that_stopped_or_was_silent_for_long_is_forgotten(ada: int) -> None:
    old = NOW - int(KEEP_REPORTS.total_seconds()) - 1
    silent, stopped = (ada, KEY, b"s" * 20, said(1, 1, heard_at=old)), (ada, KEY, PEER, said(1, 1))
    assert book(Batch("a" * 32, AT - KEEP_REPORTS, (), (silent, stopped)))
    assert MemberReport.objects.count() == 2
    assert book(Batch("b" * 32, AT, (), ((ada, KEY, PEER, None),)))
    assert MemberReport.objects.count() == 0


def test_an_account_that_is_gone_and_a_claim_beyond_all_bounds_stop_nothing(ada: int) -> None:
    batch = Batch(
        "a" * 32,
        AT,
        ((ada, KEY, 5, 0, 0, 0), (ada + 1000, KEY, 5, 0, 0, 0)),
        ((ada, KEY, PEER, said(2**64 - 1, 0)), (ada + 1000, KEY, PEER, said(1, 1))),
    )
    assert book(batch)
    assert total(ada) == (5, 0, 0, 0)
    assert MemberReport.objects.get().uploaded_bytes == 2**63 - 1


def test_totals_end_at_the_largest_number_of_the_database_and_stay_whole(ada: int) -> None:
    most = (2**63 - 1, 2**63 - 1, 2**63 - 1, 2**31 - 1)
    for number, deed in enumerate([most, (5, 5, 5, 5), (2**64 - 1, 2**63, 2**65, 2**32 - 1)]):
        assert book(Batch(f"{number:032}", AT, ((ada, KEY, *deed), (ada, b"o" * 20, *deed))))
        assert total(ada) == most
    assert all(type(found) is int for found in total(ada)), "SQLite would go on with an inexact number"
    (found,) = member_sums()
    assert (found.torrents, found.uploaded_bytes, found.completed) == (2, 2**64 - 2, 2**32 - 2)
    just_below = (2**63 - 3, 0, 0, 2**31 - 3)
    bob = User.objects.create_user("bob").pk
    for number, deed in enumerate([just_below, (1, 2, 3, 1)]):
        assert book(Batch(f"b{number:031}", AT, ((bob, KEY, *deed),)))
    assert total(bob) == (2**63 - 2, 2, 3, 2**31 - 2)
    assert [(one.account.pk, one.uploaded_bytes) for one in member_sums()] == [(ada, 2**64 - 2), (bob, 2**63 - 2)]


def test_a_batch_that_the_database_refuses_is_put_aside_and_blocks_nothing(ada: int, tmp_path: Path) -> None:
    feed = MemberFeed(FakeTracker(), Spool(tmp_path / "spool"), clock=lambda: AT)
    batches = [
        Batch("a" * 32, AT, ((ada, KEY, 1, 0, 0, -5),)),
        Batch("b" * 32, AT, ((ada, KEY, 1, 0, 0, 0),), ((ada, KEY, PEER, said(1, 0, heard_at=2**70)),)),
        Batch("c" * 32, AT, ((ada, KEY, 7, 0, 0, 0),)),
    ]
    paths = [feed.spool.put(batch) for batch in batches]
    for path in paths[:2]:
        with pytest.raises(CountsRefused, match=path.name):
            feed.book_waiting()
        assert path.with_suffix(".damaged").exists()
    assert feed.book_waiting() == 1
    assert total(ada) == (7, 0, 0, 0)
    assert not feed.spool.waiting()


def test_a_batch_of_an_account_that_goes_meanwhile_is_booked_for_the_others(
    ada: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def gone_at_first(batch: Batch) -> bool:
        calls.append(batch.id)
        if len(calls) == 1:
            raise IntegrityError("the account is gone")
        return book(batch)

    monkeypatch.setattr(accounting, "book", gone_at_first)
    feed = MemberFeed(FakeTracker(), Spool(tmp_path / "spool"), clock=lambda: AT)
    feed.spool.put(Batch("a" * 32, AT, ((ada, KEY, 7, 0, 0, 0),)))
    assert feed.book_waiting() == 1
    assert total(ada) == (7, 0, 0, 0)


def test_what_a_full_disk_refused_is_kept_and_written_later(ada: int, tmp_path: Path) -> None:
    tracker, spool = FakeTracker(), FullSpool(tmp_path / "spool")
    feed = MemberFeed(tracker, spool, clock=lambda: AT)
    for uploaded in (10, 30):
        tracker.deeds = [(ada, KEY, 10, 0, 0, 0)]
        tracker.heard = [(ada, KEY, PEER, said(uploaded, 0))]
        with pytest.raises(OSError, match="No space left"):
            feed.gather()
    spool.is_full = False
    path = feed.gather()
    assert path is not None
    assert path.stat().st_mode & 0o077 == 0
    assert feed.gather() is None, "it is handed over once"
    assert Batch.parse(path).text() == path.read_text()
    assert feed.book_waiting() == 1
    assert total(ada) == (20, 0, 0, 0)
    assert feed.restore() == 1
    assert tracker.restored == [(ada, KEY, PEER, said(30, 0))]


def test_a_spool_of_the_version_before_is_read_on(ada: int, tmp_path: Path) -> None:
    path = tmp_path / "old.batch"
    heard = [[ada, KEY.hex(), PEER.hex(), [30, 7, True, NOW]], [ada, KEY.hex(), (b"s" * 20).hex(), None]]
    path.write_text(json.dumps({"id": "a" * 32, "at": AT.isoformat(), "deeds": [], "heard": heard}))
    assert Batch.parse(path).heard == (
        (ada, KEY, PEER, (30, 7, True, NOW, NOW, False, True)),
        (ada, KEY, b"s" * 20, None),
    )


@pytest.mark.django_db(transaction=True)
def test_reports_of_the_version_before_stay_sessions_that_go_on(ada: int, tmp_path: Path) -> None:
    MemberReport.objects.create(
        account_id=ada,
        key=KEY.hex(),
        peer_id=PEER.hex(),
        uploaded_bytes=30,
        downloaded_bytes=7,
        is_seeder=True,
        heard_at=NOW,
    )
    migration = importlib.import_module("largesse.swarm.migrations.0004_sessions_of_members")
    with connection.schema_editor() as editor:
        migration.fill(apps, editor)
    tracker = FakeTracker()
    MemberFeed(tracker, Spool(tmp_path)).restore()
    assert tracker.restored == [(ada, KEY, PEER, (30, 7, True, NOW, NOW, False, True))]
