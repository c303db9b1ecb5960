"""A fake provider is a real HTTP server on loopback that can be told to misbehave."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Fault:
    """What to do at the next requests whose `METHOD /path` begins with `at`."""

    at: str
    times: int = 1
    is_after: bool = False
    """The request takes effect, and its answer is lost; otherwise nothing happens at all."""
    status: int | None = None
    """Answer with this status instead of closing the connection."""


@dataclass
class Event:
    """A webhook that waits for its delivery."""

    body: bytes
    headers: dict[str, str]


class Fake:
    """State and faults that are the same for every fake; `answer` speaks the provider's language."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.faults: list[Fault] = []
        self.events: list[Event] = []
        self.requests: list[str] = []
        self.lie: Callable[[dict[str, Any]], dict[str, Any]] = lambda item: item
        """Changes what the API tells of an object, but not what is true."""
        self.address = ""

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: Any
    ) -> tuple[int, Any]:
        raise NotImplementedError

    def shuffled(self, *, copies: int = 1, seed: int = 0, drop: float = 0.0) -> list[Event]:
        """Return every event `copies` times, in an order of its own, some of them dropped altogether."""
        dice = random.Random(seed)
        kept = [event for event in self.events if dice.random() >= drop]
        many = kept * copies
        dice.shuffle(many)
        return many


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    fake: ClassVar[Fake]

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = f"{self.command} {parts.path}"
        with self.fake.lock:
            self.fake.requests.append(name)
            fault = next((one for one in self.fake.faults if one.times > 0 and name.startswith(one.at)), None)
            if fault:
                fault.times -= 1
            if fault is None or fault.is_after:
                status, value = self.fake.answer(
                    self.command, parts.path, parse_qsl(parts.query, keep_blank_values=True), body, self.headers
                )
        if fault is not None and fault.status is None:
            self.close_connection = True
            self.connection.close()  # As a server that dies: no answer at all.
            return
        content = json.dumps({"error": {"message": "made to fail", "type": "api_error"}} if fault else value).encode()
        self.send_response(fault.status if fault and fault.status else status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = handle_request  # noqa: N815 - the names are the base class’s.

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's.
        """Say nothing."""

    def handle(self) -> None:
        try:
            super().handle()
        except (OSError, ValueError):
            self.close_connection = True

    def finish(self) -> None:
        try:
            super().finish()
        except (OSError, ValueError):
            self.close_connection = True


@contextmanager
def serving(fake: Fake) -> Iterator[str]:
    """Serve a fake on a free port of loopback; give its address."""
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake.address
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def nested(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Read form fields as Stripe writes them: `a[b][0][c]=d`."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        keys = name.replace("]", "").split("[")
        place = root
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return root
