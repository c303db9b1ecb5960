"""
What a tracker's counters say that an operator should read: one line for each that grew since the last look.

Counters know no addresses, so neither do these lines.
"""

import logging
from typing import Protocol

from largesse.kit.logs import fields

LOOK_SECONDS = 10.0
"""How often the counters are looked at; an attack makes a line for each of them in that time, not one for each packet."""

TOLD = {
    "worker_panics": (logging.ERROR, "a worker panicked and was started again: a defect of Largesse"),
    "tls_reload_failures": (
        logging.ERROR,
        "the certificate could not be loaded again, the former one is still in use",
    ),
    "tls_reloads": (logging.INFO, "the certificate was loaded again"),
    "udp_unsent": (logging.WARNING, "the kernel did not take replies, its send buffer is full"),
    "refused_full": (logging.WARNING, "new torrents were refused, there are as many as tracker.most_torrents allows"),
    "peers_refused": (
        logging.WARNING,
        "peers were not taken, their swarm is full or their address has its share of it",
    ),
    "over_limit": (logging.WARNING, "requests over the limit of their address were turned away"),
    "http_connections_cut": (
        logging.WARNING,
        "connections were turned away, there are too many of one address or in all",
    ),
    "http_connections_evicted": (
        logging.WARNING,
        "all places for connections were taken, the addresses with most gave some up to others",
    ),
    "http_slow": (logging.INFO, "connections were cut, their requests came too slowly"),
    "ws_connections_cut": (
        logging.INFO,
        "WebSocket connections were cut, they were silent, slow or broke the protocol",
    ),
}
"""Counters that are told, how loudly, and in which words."""

logger = logging.getLogger("largesse.tracker")


class HasStats(Protocol):
    """Something with counters."""

    def stats(self) -> dict[str, int]:
        """Return every counter by its name."""


class Watch:
    """Remembers the counters of one tracker."""

    def __init__(self, tracker: HasStats) -> None:
        self.tracker = tracker
        self.seen: dict[str, int] = {}

    def look(self) -> None:
        """Tell what grew since the last look."""
        now = self.tracker.stats()
        for name, (level, sentence) in TOLD.items():
            grown = now[name] - self.seen.get(name, 0)
            if grown:
                logger.log(level, sentence, extra=fields(event=name, count=grown, total=now[name]))
        self.seen = now
