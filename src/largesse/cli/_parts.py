"""
Parts: the child processes of `largesse up`, forked from it.

A fork shares what is loaded already, so a part starts in milliseconds, and again after a crash. A part tells its parent through
a pipe what it found (`{"ready": …}` or `{"error": …}`, one JSON object a line), dies when its parent does, and ends by itself
within five seconds of SIGTERM, whatever it is doing then.
"""

import ctypes
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections

from largesse.kit.errors import LargesseError

STOP_SECONDS = 5
PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when the thread that forked it ends."""

PR_SET_NAME = 15
"""prctl(2): the name that `ps -o comm` and `top` show, at most 15 characters."""

logger = logging.getLogger("largesse.up")

Tell = Callable[[dict[str, Any]], None]
"""How a part tells its parent something."""


@dataclass(frozen=True, slots=True)
class Part:
    """One child process: its name, and what runs in it until the event is set."""

    name: str
    run: Callable[[threading.Event, Tell], None]


@dataclass(frozen=True, slots=True)
class Child:
    """A part that runs: its process, and the pipe that it tells through."""

    part: Part
    pid: int
    told: int


def start(part: Part) -> Child:
    """Fork a part. The caller has one thread, and no database connection that the child could share."""
    connections.close_all()
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    # Until the child has handlers of its own, a signal to it would be heard by the parent.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        os.close(writing)
        os.set_blocking(reading, False)
        return Child(part, pid, reading)
    os.close(reading)
    code = 70
    try:
        code = _live(part, writing, parent=parent)
    finally:
        # Nothing of the parent's may run a second time in here: no exit handlers, no buffers.
        os._exit(code)


def _live(part: Part, writing: int, *, parent: int) -> int:
    stop = threading.Event()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    end_on_signal(stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop.
    die_with_parent(parent)
    _prctl(PR_SET_NAME, part.name.encode()[:15])
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # Standard output belongs to the parent's one line.

    def tell(said: dict[str, Any]) -> None:
        os.write(writing, json.dumps(said).encode() + b"\n")

    try:
        part.run(stop, tell)
    except LargesseError as error:
        logger.error("%s: %s", part.name, error.message)  # noqa: TRY400 - the sentence says all there is to say.
        tell({"error": error.message, "exit_code": error.exit_code})
        return error.exit_code
    except Exception as error:
        logger.exception("%s failed", part.name)
        tell({"error": f"{part.name} failed: {error!r}", "exit_code": 70})
        return 70
    finally:
        logging.shutdown()
        sys.stderr.flush()
    return 0


def end_on_signal(stop: threading.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT; a process that has not ended `STOP_SECONDS` later is ended by the kernel."""

    def end(number: int, frame: object) -> None:
        del number, frame
        if not stop.is_set():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(STOP_SECONDS)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


def die_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the parent ends, even when it is killed."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # It ended before that.
        os.kill(os.getpid(), signal.SIGTERM)


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
