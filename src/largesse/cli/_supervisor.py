"""
The supervisor: keeps the parts running, starts a crashed one again ever more slowly, and stops them all in time.

It has one thread, which sleeps until a signal, a part's message or a moment wakes it, so that it may fork at any time.
"""

import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from largesse.cli._parts import STOP_SECONDS, Child, Part, start
from largesse.kit.errors import LargesseError, Unavailable, gettext_noop

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 30.0
"""A part that ran for this long was well: its next crash is counted as the first."""
KILL_SECONDS = STOP_SECONDS - 0.5

logger = logging.getLogger("largesse.up")


class StartFailed(Unavailable):
    """A part ended before it was ready; the message is its own."""

    code = "start_failed"
    template = gettext_noop("{reason}")

    def __init__(self, *, reason: str, exit_code: int) -> None:
        super().__init__(reason=reason)
        self.exit_code = exit_code  # type: ignore[misc]


class Interrupted(LargesseError):
    """Somebody stopped the program before it was up."""

    code = "interrupted"
    exit_code = 130
    template = gettext_noop("Stopped before everything was up.")


@dataclass(slots=True)
class Kept:
    """A part as the supervisor keeps it."""

    part: Part
    child: Child | None = None
    started_at: float = 0.0
    crashes: int = 0
    start_at: float | None = None
    """When it is to be started again."""
    said: bytes = b""
    ready: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class Supervisor:
    """Runs parts until it is told to stop."""

    parts: Sequence[Part]
    on_ready: Callable[[str, dict[str, Any]], None] = lambda _name, _facts: None
    """Called whenever a part says that it is ready, the first time and after each restart."""
    kept: dict[str, Kept] = field(default_factory=dict)
    is_stopping: bool = False
    _bell: socket.socket = field(init=False)
    _selector: selectors.BaseSelector = field(init=False)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start all parts; when the block ends, stop them."""
        with self._signals():
            self.kept = {part.name: Kept(part) for part in self.parts}
            try:
                for kept in self.kept.values():
                    self._start(kept)
                yield
            finally:
                self.stop()

    def wait_ready(self, *, seconds: float) -> dict[str, dict[str, Any]]:
        """
        Wait until every part was ready once; return what each said.

        Raises:
            StartFailed: a part ended before, or took longer than `seconds`.
            Interrupted: a signal came first.
        """
        deadline = time.monotonic() + seconds
        while any(kept.ready is None for kept in self.kept.values()):
            self.turn(deadline - time.monotonic())
            if self.is_stopping:
                raise Interrupted
            for name, kept in self.kept.items():
                if kept.ready is None and kept.crashes:
                    said = kept.error or {"error": f"{name} ended before it was ready.", "exit_code": 70}
                    raise StartFailed(reason=said["error"], exit_code=said["exit_code"])
            if time.monotonic() > deadline:
                slow = ", ".join(name for name, kept in self.kept.items() if kept.ready is None)
                raise StartFailed(reason=f"{slow} was not ready within {seconds:.0f} seconds.", exit_code=70)
        return {name: kept.ready or {} for name, kept in self.kept.items()}

    def keep(self) -> None:
        """Keep the parts running until a signal says to stop."""
        while not self.is_stopping:
            moments = [kept.start_at for kept in self.kept.values() if kept.start_at is not None]
            self.turn(min(moments) - time.monotonic() if moments else 3600.0)
            for kept in self.kept.values():
                if kept.start_at is not None and kept.start_at <= time.monotonic() and not self.is_stopping:
                    self._start(kept)

    def turn(self, seconds: float) -> None:
        """Sleep until something happens, at most `seconds`, and take note of it."""
        for key, _ in self._selector.select(max(0.0, seconds)):
            if key.data is None:
                self._hear_bell()
            else:
                self._listen(key.data)
        self._reap()

    def stop(self) -> None:
        """Stop all parts: politely, and after `KILL_SECONDS` by force."""
        self.is_stopping = True
        for kept in self.kept.values():
            kept.start_at = None
            if kept.child:
                os.kill(kept.child.pid, signal.SIGTERM)
        deadline = time.monotonic() + KILL_SECONDS
        while any(kept.child for kept in self.kept.values()):
            self.turn(deadline - time.monotonic())
            if time.monotonic() >= deadline:
                for name, kept in self.kept.items():
                    if kept.child:
                        logger.error("%s did not stop and was killed", name)
                        os.kill(kept.child.pid, signal.SIGKILL)
                deadline += 1.0

    def _start(self, kept: Kept) -> None:
        kept.start_at, kept.said, kept.error = None, b"", None
        kept.child = start(kept.part)
        kept.started_at = time.monotonic()
        self._selector.register(kept.child.told, selectors.EVENT_READ, kept)

    def _reap(self) -> None:
        for kept in self.kept.values():
            if kept.child is None:
                continue
            pid, status = os.waitpid(kept.child.pid, os.WNOHANG)
            if pid:
                self._listen(kept)
                self._selector.unregister(kept.child.told)
                os.close(kept.child.told)
                kept.child = None
                self._note_end(kept, os.waitstatus_to_exitcode(status))

    def _note_end(self, kept: Kept, code: int) -> None:
        if self.is_stopping:
            return
        if time.monotonic() - kept.started_at >= STEADY_SECONDS:
            kept.crashes = 0
        kept.crashes += 1
        delay = min(FIRST_DELAY_SECONDS * 2 ** (kept.crashes - 1), LONGEST_DELAY_SECONDS)
        kept.start_at = time.monotonic() + delay
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        logger.error("%s ended (%s), starting it again in %.1f s", kept.part.name, how, delay)

    def _listen(self, kept: Kept) -> None:
        if kept.child is None:
            return
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(kept.child.told, 65_536):
                kept.said += chunk
        *lines, kept.said = kept.said.split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "ready" in said:
                kept.ready = said["ready"]
                self.on_ready(kept.part.name, said["ready"])
            elif "error" in said:
                kept.error = said

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Let signals ring a bell that wakes the selector."""
        self._selector = selectors.DefaultSelector()
        self._bell, ringing = socket.socketpair()
        self._bell.setblocking(False)
        ringing.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, None)
        former_bell = signal.set_wakeup_fd(ringing.fileno(), warn_on_full_buffer=False)
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        former = {number: signal.signal(number, _heard_by_the_bell) for number in numbers}
        try:
            yield
        finally:
            signal.set_wakeup_fd(former_bell)
            for number, handler in former.items():
                signal.signal(number, handler)
            self._selector.close()
            self._bell.close()
            ringing.close()

    def _hear_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for number in self._bell.recv(4096):
                if number in {signal.SIGTERM, signal.SIGINT}:
                    self.is_stopping = True
                elif number == signal.SIGHUP:
                    self._pass_on(signal.SIGHUP)

    def _pass_on(self, number: signal.Signals) -> None:
        for kept in self.kept.values():
            if kept.child:
                os.kill(kept.child.pid, number)


def _heard_by_the_bell(number: int, frame: object) -> None:
    """Do nothing: the number was written to the bell already."""
    del number, frame
