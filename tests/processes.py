"""Real processes for tests: `largesse up` and its commands, on free ports of loopback, ended with the test."""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, TypeVar

PROGRAM = [sys.executable, "-m", "largesse"]
READY_SECONDS = 60.0

Kind = TypeVar("Kind", bound="Running")
_left: set["Running"] = set()


@dataclass(eq=False)
class Running:
    """A process of ours that runs until it is stopped; what it prints is gathered."""

    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    readers: list[threading.Thread] = field(default_factory=list)

    def first_line(self, *, seconds: float = READY_SECONDS) -> str:
        """Wait for the first line on standard output; fail with what was said otherwise."""

        def line_or_end() -> bool:
            return bool(self.out) or self.process.poll() is not None

        wait_for(line_or_end, seconds=seconds, telling=self.said)
        assert self.out or wait_for(lambda: bool(self.out), seconds=1, telling=self.said)
        return self.out[0]

    def said(self) -> str:
        """Return what was printed on standard error so far."""
        return "".join(self.err)

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 10.0) -> int:
        """Send a signal, unless it ended already, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        for reader in self.readers:
            reader.join(5)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        _left.discard(self)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(eq=False)
class RunningSite(Running):
    """`largesse up` on free ports."""

    site: str = ""
    announce: list[str] = field(default_factory=list)
    setup: str | None = None
    data: Path = Path()

    def children(self) -> dict[str, int]:
        """Return the process id of each part by its name."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        named = {}
        for pid in found:
            with contextlib.suppress(OSError):  # It ended meanwhile.
                named[Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()] = int(pid)
        return named

    def shell(self, code: str) -> str:
        """Run Python code over the site's data folder, with Django set up; return what it printed."""
        arguments = ("manage", "shell", "--no-imports", "-v", "0", "-c", code)
        done = run(*arguments, environment={"LARGESSE_DATA": str(self.data)})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def start(*arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None) -> Running:
    """Start `largesse ARGUMENTS`, without any LARGESSE_* variable of the test run's own."""
    return _started(Running, arguments, environment=environment, cwd=cwd)


def run(
    *arguments: str, environment: dict[str, str] | None = None, cwd: Path | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Run `largesse ARGUMENTS` to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        env=_environment(environment),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def start_site(tmp_path: Path, *arguments: str, environment: dict[str, str] | None = None) -> RunningSite:
    """
    Start `largesse up --json` over `tmp_path/data` and wait until it is ready.

    Use it as a context manager, or call `stop()`. Addresses that `arguments` do not name are free ports of 127.0.0.1 and ::1.
    """
    data = tmp_path / "data"
    given = ["up", "--json", "--data", str(data), *arguments]
    if "--listen" not in arguments:
        given += ["--listen", "127.0.0.1:0"]
    if "--tracker" not in arguments:
        given += ["--tracker", "127.0.0.1:0", "--tracker", "[::1]:0"]
    site = _started(RunningSite, tuple(given), environment=environment, cwd=tmp_path)
    try:
        said: dict[str, Any] = json.loads(site.first_line())
    except BaseException:
        site.stop()
        raise
    site.site, site.announce, site.setup, site.data = said["site"], said["announce"], said["setup"], data
    return site


def wait_for(is_so: Callable[[], bool], *, seconds: float = 10.0, telling: Callable[[], object] = lambda: "") -> bool:
    """Look again and again until it is so; fail, telling what was seen, when it is not so in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {telling()}"
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def timed(*, most_seconds: float) -> Iterator[None]:
    """Fail when the block takes longer."""
    before = time.monotonic()
    yield
    took = time.monotonic() - before
    assert took <= most_seconds, f"took {took:.2f} s, allowed are {most_seconds} s"


def _environment(extra: dict[str, str] | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LARGESSE_", "DJANGO_"))}
    return {**kept, **(extra or {})}


def _started(
    kind: type[Kind], arguments: tuple[str, ...], *, environment: dict[str, str] | None, cwd: Path | None
) -> Kind:
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        env=_environment(environment),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = kind(process)
    for pipe, lines in ((process.stdout, running.out), (process.stderr, running.err)):
        reader = threading.Thread(target=_gather, args=(pipe, lines), daemon=True)
        reader.start()
        running.readers.append(reader)
    _left.add(running)
    return running


def _gather(pipe: IO[str], lines: list[str]) -> None:
    for line in pipe:
        lines.append(line)  # noqa: PERF402 - each line is there as soon as it was printed.


@atexit.register
def _end_what_is_left() -> None:
    for running in list(_left):
        running.process.kill()
