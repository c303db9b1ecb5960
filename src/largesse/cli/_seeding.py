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
TRACKER_FAILURE = 173
"""libtorrent's number for a refusal by the tracker, which over UDP comes without its reason."""
NEIGHBOUR_SECONDS = 5.0
"""How often we announce to a tracker on this machine, where it costs nothing: a neighbour is found at once, and so are clients
that, as Transmission does, never connect to loopback by themselves."""
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


SERVED, REFUSED, SILENT = range(3)
SENTENCES = {
    SERVED: "the tracker serves it again.",
    REFUSED: "the tracker refuses it: {reason}.",
    SILENT: "the tracker cannot be reached: {reason}.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tracker made of an announce."""

    kind: int
    reason: str = ""


Where = tuple[int | None, tuple[str, ...]]
"""What runs the tracker, None for nothing, and its announce URLs."""


class Seeder:
    """A libtorrent session that only gives."""

    def __init__(self, *, announce: Sequence[str], port: int = 0) -> None:
        self.is_local = local = is_local(announce)
        hosts = ("127.0.0.1", "[::1]") if local else ("0.0.0.0", "[::]")  # noqa: S104 - peers come from everywhere.
        settings: libtorrent.settings_pack = {
            "listen_interfaces": ",".join(f"{host}:{port}" for host in hosts),
            "user_agent": "Largesse",
            "alert_mask": libtorrent.alert.category_t.error_notification
            | libtorrent.alert.category_t.status_notification
            | libtorrent.alert.category_t.tracker_notification,
            # The site's tracker introduces peers; the public DHT would have to ask strangers' machines first.
            "enable_dht": False,
            "webtorrent_stun_server": "",
            "enable_lsd": not local,
            "enable_upnp": not local,
            "enable_natpmp": not local,
            "announce_to_all_trackers": True,
            "announce_to_all_tiers": True,
            "allow_multiple_connections_per_ip": local,
            "unchoke_slots_limit": -1 if local else 20,
            "stop_tracker_timeout": STOP_SECONDS,
        }
        self.session = libtorrent.session(settings)
        self.torrents: list[Any] = []
        self.announce = tuple(announce)
        self.answers: dict[str, dict[str, Answer]] = {}
        """What each tracker said last of each torrent."""
        self.told: dict[str, int] = {}
        self.announced_at = time.monotonic()
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
            torrent.force_reannounce(0, -1, libtorrent.torrent_handle.ignore_min_interval)
        if tuple(announce) != self.announce:
            self.answers.clear()
        self.announce = tuple(announce)
        self.announced_at = time.monotonic()

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
            is_due = self.is_local and time.monotonic() - self.announced_at >= NEIGHBOUR_SECONDS
            if self.is_refused_early or is_due:
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
        """Yield what became of each torrent's announces, when it is something else than before."""
        for alert in self.session.pop_alerts():
            if getattr(alert, "url", "").startswith("ws"):
                continue  # libtorrent takes a refusal over WebSocket for an answer.
            if isinstance(alert, libtorrent.tracker_reply_alert):
                answer = Answer(SERVED)
            elif isinstance(alert, libtorrent.tracker_error_alert) and not alert.error.message().startswith(SKIPPED):
                is_refusal = bool(alert.failure_reason()) or alert.error.value() == TRACKER_FAILURE
                answer = Answer(REFUSED if is_refusal else SILENT, alert.failure_reason() or alert.error.message())
            else:
                continue
            self.answers.setdefault(alert.torrent_name, {})[alert.url] = answer
        if any(answer.kind == REFUSED for answers in self.answers.values() for answer in answers.values()):
            self.is_refused_early = time.monotonic() < self.is_early_until
        if not is_running or self.is_refused_early:
            return
        for name, answers in self.answers.items():
            best = min(answers.values(), key=lambda answer: (answer.kind, -len(answer.reason)))
            if best.kind != self.told.get(name, SERVED):
                yield f"{name}: {SENTENCES[best.kind].format(reason=best.reason)}"
            self.told[name] = best.kind

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
