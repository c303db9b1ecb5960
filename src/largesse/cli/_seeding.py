"""Seed published files with libtorrent until told to stop."""

import ipaddress
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import libtorrent

from largesse.kit.errors import Unavailable, gettext_noop

STOP_SECONDS = 5
"""How long the last announce (`event=stopped`) may take."""
SKIPPED = "skipping tracker announce"
"""How libtorrent tells that an address family has no route here, or that it tries again later."""
EARLY_SECONDS = 5.0
"""A tracker follows its site's journal within a second: a refusal before this is asked again, not told."""
LOOK_SECONDS = 1.0
"""How often it is looked whether the tracker moved, and what the torrents do."""


class SeedingFailed(Unavailable):
    """The files cannot be seeded: they changed, or cannot be read."""

    code = "seeding_failed"
    template = gettext_noop(
        "{name}: seeding stopped, because {reason}. The listing stays; run publish again when it is mended."
    )


@dataclass(frozen=True, slots=True)
class SeedingFacts:
    """What a seeder does at this moment."""

    peers: int
    uploaded_bytes: int
    upload_rate_bytes: int
    news: tuple[str, ...] = ()
    """What the trackers said since the last time."""


Where = tuple[int | None, tuple[str, ...]]
"""What runs the tracker, None for nothing, and its announce URLs."""


class Seeder:
    """A libtorrent session that only gives."""

    def __init__(self, *, announce: Sequence[str], port: int = 0) -> None:
        local = is_local(announce)
        hosts = ("127.0.0.1", "[::1]") if local else ("0.0.0.0", "[::]")  # noqa: S104 - peers come from everywhere.
        settings: libtorrent.settings_pack = {
            "listen_interfaces": ",".join(f"{host}:{port}" for host in hosts),
            "user_agent": "Largesse",
            "alert_mask": libtorrent.alert.category_t.error_notification
            | libtorrent.alert.category_t.status_notification
            | libtorrent.alert.category_t.tracker_notification,
            # The site's tracker introduces peers; the public DHT would have to ask strangers' machines first.
            "enable_dht": False,
            "enable_lsd": not local,
            "enable_upnp": not local,
            "enable_natpmp": not local,
            "announce_to_all_trackers": True,
            "announce_to_all_tiers": True,
            "allow_multiple_connections_per_ip": local,
            "stop_tracker_timeout": STOP_SECONDS,
        }
        self.session = libtorrent.session(settings)
        self.torrents: list[Any] = []
        self.announce = tuple(announce)
        self.said: dict[tuple[str, str], str] = {}
        self.is_early_until = 0.0
        self.is_refused_early = False

    def add(self, metainfo_bytes: bytes, *, save_path: Path) -> None:
        """Seed a torrent whose files are complete under `save_path`; they were hashed a moment ago."""
        parameters = libtorrent.load_torrent_buffer(metainfo_bytes)
        parameters.save_path = str(save_path)
        parameters.flags |= libtorrent.torrent_flags.seed_mode
        parameters.flags &= ~libtorrent.torrent_flags.auto_managed & ~libtorrent.torrent_flags.paused
        self.torrents.append(self.session.add_torrent(parameters))

    def announce_again(self, announce: Sequence[str]) -> None:
        """Announce now, and to these trackers from now on: they moved, or were away."""
        for torrent in self.torrents:
            if tuple(announce) != self.announce:
                torrent.replace_trackers([{"url": url, "tier": tier} for tier, url in enumerate(announce)])
            torrent.force_reannounce()
        self.announce = tuple(announce)

    def facts_until(
        self, stop: threading.Event, *, seconds: float | None, where: Callable[[], Where]
    ) -> Iterator[SeedingFacts]:
        """
        Seed until `stop` is set or `seconds` are over, and yield what is given, about once a second.

        Args:
            where: tells where the tracker is now; where it moved or was started again, we announce at once.

        Raises:
            SeedingFailed: a torrent is in error, for example because a file was removed.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        former, _ = where()
        self.is_early_until = time.monotonic() + EARLY_SECONDS
        while deadline is None or time.monotonic() < deadline:
            if stop.wait(
                LOOK_SECONDS if deadline is None else min(LOOK_SECONDS, max(0.0, deadline - time.monotonic()))
            ):
                return
            running, announce = where()
            if running is not None and (running, announce) != (former, self.announce):
                self.announce_again(announce)
            former = running
            if self.is_refused_early:
                self.is_refused_early = False
                self.announce_again(self.announce)
            yield self._facts(tuple(self._news(is_running=running is not None)))

    def _facts(self, news: tuple[str, ...]) -> SeedingFacts:
        states = [torrent.status() for torrent in self.torrents]
        for state in states:
            if state.errc.value():
                raise SeedingFailed(name=state.name, reason=state.errc.message())
        peers = sum(state.num_peers for state in states)
        given = sum(state.total_payload_upload for state in states)
        return SeedingFacts(peers, given, sum(state.upload_payload_rate for state in states), news)

    def _news(self, *, is_running: bool) -> Iterator[str]:
        """Yield what a tracker says of a torrent that it did not say before: why it refuses, or that it answers again."""
        for alert in self.session.pop_alerts():
            if isinstance(alert, libtorrent.tracker_error_alert):
                how = alert.failure_reason() or alert.error.message()
            elif isinstance(alert, libtorrent.tracker_reply_alert):
                how = ""
            else:
                continue
            if not is_running or how.startswith(SKIPPED):
                continue
            if how and time.monotonic() < self.is_early_until:
                self.is_refused_early = True
                continue
            place = (alert.torrent_name, alert.url)
            if self.said.get(place, "") != how:
                yield f"{alert.torrent_name}: {alert.url} {f'says: {how}' if how else 'answers again.'}"
            self.said[place] = how

    def close(self) -> None:
        """Tell the trackers that we leave, and wait for that a little."""
        self.session.pause()
        deadline = time.monotonic() + STOP_SECONDS
        for torrent in self.torrents:
            self.session.remove_torrent(torrent)
        removed = 0
        while removed < len(self.torrents) and time.monotonic() < deadline:
            self.session.wait_for_alert(100)
            removed += sum(isinstance(alert, libtorrent.torrent_removed_alert) for alert in self.session.pop_alerts())


@contextmanager
def until_signalled() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; a second signal interrupts. The former handlers come back afterwards."""
    stop = threading.Event()

    def hear(number: int, frame: object) -> None:
        del number, frame
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    former = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def is_local(announce: Sequence[str]) -> bool:
    """Return whether every tracker is on this machine's loopback, so that nothing needs to leave it."""
    hosts = [urlsplit(url).hostname or "" for url in announce]
    return bool(hosts) and all(host == "localhost" or _is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
