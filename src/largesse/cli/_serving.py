"""
The web server: one process of Granian that serves the site on a socket it is given.

Granian's own process manager binds the port itself, shares it with whoever else asks, and leaves its workers behind when it is
killed. Here the socket is bound once, by the one who supervises, so a port in use is seen at once, a restart loses no
connection that waits, and each process dies with its parent.
"""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from granian import _futures
from granian._granian import SocketHolder as StubbedHolder
from granian._granian import WorkerSignal, WSGIWorker
from granian._loops import loops
from granian.http import HTTP1Settings
from granian.wsgi import _callback_wrapper

from largesse.cli._sockets import BACKLOG
from largesse.site.wsgi import application

SocketHolder: Any = StubbedHolder
"""Granian's stubs describe an older form of it, and of the worker."""
THREADS = 8
"""Threads that run views: enough that a slow one does not hold up the others, few enough for one interpreter and SQLite."""
IDLE_SECONDS = 30
"""How long a thread that has nothing to do is kept."""
HEADER_MILLISECONDS = 15_000


def serve(
    listening: socket.socket, stop: threading.Event, *, when_serving: Callable[[], None], patience_seconds: float = 4.0
) -> bool:
    """
    Serve the site until `stop` is set; then answer the requests that were read, and take no more.

    Returns:
        Whether all of them were answered within `patience_seconds`; a client that is still sending is not waited for.
    """
    ended, answered = WorkerSignal(), threading.Event()
    ended.add_cb(answered.set)
    worker = _worker(listening)
    loop = loops.get("asyncio")
    scheduler: Any = _futures._new_cbscheduler  # noqa: SLF001 - as Granian's own servers do.
    worker.serve_mtr(scheduler(loop, _callback_wrapper(application, {}), impl_asyncio=True), loop, ended)
    when_serving()
    stop.wait()
    ended.set()
    return answered.wait(patience_seconds)


def _worker(listening: socket.socket) -> Any:
    no_tls: tuple[object, ...] = (False, None, None, None, "tls1.3", None, [], False)
    no_channel_to_a_parent, no_http2, no_static_files, no_metrics = None, None, None, (None, None)
    number = runtime_threads = 1
    make: Any = WSGIWorker
    return make(
        number,
        (None, SocketHolder(os.dup(listening.fileno()), False, BACKLOG)),
        no_channel_to_a_parent,
        runtime_threads,
        2 * THREADS,
        THREADS,
        IDLE_SECONDS,
        BACKLOG,
        "1",
        HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
        no_http2,
        no_static_files,
        *no_tls,
        no_metrics,
    )
