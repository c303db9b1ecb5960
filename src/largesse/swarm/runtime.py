"""
The tracker of a site: the compiled tracker, with its policy from the journal and its facts into the database.

Two threads stand beside the tracker's own. One follows the journal, so a change holds a tenth of a second after it was committed,
however busy the other is. The other writes what the tracker counted, once a second. The tracker serves peers on its own threads,
which need neither, so a database that is away for a while is noticed by nobody who shares files.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from django.db import DatabaseError, close_old_connections, connections

from largesse import _core
from largesse.config.settings import Config
from largesse.journal.followers import Following, follow_until
from largesse.kit.logs import fields
from largesse.swarm.accounting import MemberFeed, Spool
from largesse.swarm.counts import CountFeed
from largesse.swarm.errors import CountsLost
from largesse.swarm.policy import TrackerPolicy
from largesse.swarm.watch import LOOK_SECONDS, Watch

FEED_SECONDS = 1.0
SILENT_SECONDS = 30
"""After how long without a beat of one of the two threads `/health` names it."""
RECONCILE_SECONDS = 60.0
"""How often all members are compared with the accounts, besides the changes that arrive at once."""

logger = logging.getLogger(__name__)


class SiteTracker:
    """A running tracker that belongs to a data folder."""

    def __init__(self, tracker: _core.Tracker, config: Config, *, node: str = "main") -> None:
        self.tracker = tracker
        self.config = config
        folder = config.data / "tracker"
        self.snapshot: Path = folder / "swarms.snapshot"
        self.policy = TrackerPolicy(tracker, config.tracker)
        self.following = Following(self.policy, node=node)
        spool = Spool(folder / "spool")
        self.members = MemberFeed(tracker, spool)
        self.counts = CountFeed(tracker, spool.folder)
        self.watch = Watch(tracker)
        self.reconciled = time.monotonic()
        self.look_at = time.monotonic() + LOOK_SECONDS
        self.forget_at: float | None = time.monotonic() + 2 * config.tracker.interval_seconds

    def restore(self) -> None:
        """Take the policy from the journal, what members' peers said last, and the swarms of a planned stop."""
        self.following.start()
        if self.policy.has_members:
            _patiently(self.members.restore)
        try:
            swarms = self.tracker.read_snapshot(str(self.snapshot))
        except OSError as error:
            logger.warning("the snapshot of the swarms was of no use, peers will announce themselves again: %s", error)
        else:
            logger.info("swarms came back from the snapshot", extra=fields(event="restored", swarms=swarms))
        self.counts.take_restored()

    def drop_snapshot(self) -> None:
        """Remove the snapshot, once the tracker serves: a start that fails leaves it, and a kill later finds none."""
        self.snapshot.unlink(missing_ok=True)

    def run_until(self, stop: threading.Event) -> None:
        """Serve until `stop` is set, then keep everything: what was counted, and the swarms."""
        threads = [
            threading.Thread(target=self._follow, args=(stop,), name="follow"),
            threading.Thread(target=self._feed, args=(stop,), name="feed"),
        ]
        for part in ("journal", "facts"):
            self.tracker.beat(part, SILENT_SECONDS)
        for thread in threads:
            thread.start()
        stop.wait()
        self.tracker.stop()
        for thread in threads:
            thread.join()
        self._keep()

    def _follow(self, stop: threading.Event) -> None:
        try:
            follow_until(stop, [self.following], between=self._tend)
        finally:
            connections.close_all()

    def _tend(self) -> None:
        self.tracker.beat("journal", SILENT_SECONDS)
        self.policy.admit_new()
        if self.policy.has_members and time.monotonic() - self.reconciled >= RECONCILE_SECONDS:
            self.reconciled = time.monotonic()
            self.policy.admit_all()

    def _feed(self, stop: threading.Event) -> None:
        try:
            while not stop.wait(FEED_SECONDS):
                try:
                    self._write_facts()
                except Exception:
                    # Nothing may end this thread: from then on nobody would write what the tracker counts.
                    logger.exception("what the tracker counted could not be written, it is tried again")
                    close_old_connections()
                else:
                    self.tracker.beat("facts", SILENT_SECONDS)
        finally:
            connections.close_all()

    def _write_facts(self) -> None:
        _patiently(self.members.gather)
        _patiently(self.members.book_waiting)
        _patiently(self.counts.feed)
        if time.monotonic() >= self.look_at:
            self.look_at += LOOK_SECONDS
            self.watch.look()
        if self.forget_at is not None and time.monotonic() >= self.forget_at:
            self.forget_at = None
            _patiently(self.counts.forget_gone)

    def _keep(self) -> None:
        """Write down what is left: the members' deeds first, which exist nowhere else."""
        _patiently(self.members.gather)
        try:
            swarms = self.tracker.write_snapshot(str(self.snapshot))
        except OSError as error:
            logger.error("the swarms could not be kept, peers will announce themselves again: %s", error)  # noqa: TRY400
        else:
            logger.info("the swarms are kept for the next start", extra=fields(event="kept", swarms=swarms))
        _patiently(self.members.book_waiting)
        while _patiently(self.counts.feed):
            pass
        _patiently(self.counts.keep)
        connections.close_all()
        self.watch.look()
        logger.info("the tracker stopped", extra=fields(event="stopped"))


def _patiently(step: Callable[[], object]) -> object:
    """Do a step; a database that is away, or a damaged file, is told and does not end the tracker."""
    try:
        return step()
    except DatabaseError as error:
        logger.warning("the database does not answer, the tracker keeps its facts and tries again: %s", error)
        close_old_connections()
    except (CountsLost, OSError):
        logger.exception("what the tracker counted could not be kept")
    return None
