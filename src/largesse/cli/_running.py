"""What runs in each part: the web server, the tracker, the worker. The commands of the same names run the same."""

import socket
import threading
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from largesse.cli._folder import claimed
from largesse.cli._parts import Tell
from largesse.cli._serving import serve
from largesse.cli._sockets import address_of
from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.jobs.worker import Worker
from largesse.kit.errors import Unavailable, gettext_noop
from largesse.swarm.core import addresses_of, make_core, start_core
from largesse.swarm.probe import answers_http, answers_udp, http_status
from largesse.swarm.runtime import SiteTracker

HEALTH = "/health"
CHECK_SECONDS = 10.0


class DoesNotAnswer(Unavailable):
    """A part started, but does not answer what it is asked."""

    code = "does_not_answer"
    template = gettext_noop("{what} was started, but does not answer.")


def run_web(listening: socket.socket, stop: threading.Event, tell: Tell) -> None:
    """Serve the site; say that it is ready once it answered a request."""

    def when_serving() -> None:
        address = address_of(listening)
        status = http_status(address, path=HEALTH, seconds=CHECK_SECONDS)
        if stop.is_set():
            return
        if status != 200:
            raise DoesNotAnswer(what=f"The site at {address}{HEALTH}")
        tell({"ready": {}})

    serve(listening, stop, when_serving=when_serving)


def run_tracker(listen: Sequence[ListenAddress], stop: threading.Event, tell: Tell, *, node: str = "main") -> None:
    """Run the tracker over the data folder; say where it is once each address answered."""
    config: Config = settings.CONFIG
    with claimed(config.data, name="tracker"):
        tracker = make_core(config.tracker, listen=listen)
        site_tracker = SiteTracker(tracker, config, node=node)
        site_tracker.restore()
        start_core(tracker, config.tracker, listen=listen)
        try:
            addresses = addresses_of(tracker)
            require_answers(addresses)
            site_tracker.drop_snapshot()
            tell({"ready": facts_of(addresses, tracker.admin)})
            site_tracker.run_until(stop)
        finally:
            tracker.stop()


def require_answers(addresses: Sequence[ListenAddress]) -> None:
    """Raise DoesNotAnswer unless the tracker answers on each address, over UDP and HTTP."""
    for address in addresses:
        if not answers_udp(address):
            raise DoesNotAnswer(what=f"The tracker at {address} (UDP)")
        if not answers_http(address):
            raise DoesNotAnswer(what=f"The tracker at {address} (HTTP)")


def facts_of(addresses: Sequence[ListenAddress], admin: str | None) -> dict[str, Any]:
    """Return where a tracker is, as its parent is told."""
    return {"addresses": [str(address) for address in addresses], "admin": f"http://{admin}" if admin else None}


def run_worker(stop: threading.Event, tell: Tell, *, threads: int = 2) -> None:
    """Do background work."""
    worker = Worker(threads=threads)
    tell({"ready": {}})
    worker.run_until(stop)
