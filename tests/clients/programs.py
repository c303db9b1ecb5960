"""A program of somebody else's that runs for a test: what it prints is kept in a file, and it ends with the test."""

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = 120.0
"""How long a client may take for anything: far longer than it does, because machines are busy at times."""

_left: set[subprocess.Popen[bytes]] = set()


class Program:
    """A process with its output in `log`."""

    def __init__(self, words: list[str], *, folder: Path, environment: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "output.log"
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                words,
                cwd=folder,
                env={**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _left.add(self.process)

    def said(self) -> str:
        """Return what it printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def has_ended(self) -> bool:
        """Whether it ended by itself."""
        return self.process.poll() is not None

    def stop(self, number: int = signal.SIGTERM, *, seconds: float = 20.0) -> None:
        """Ask it to end; kill it when it does not."""
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _left.discard(self.process)


def wait_until(is_so: Callable[[], bool], *, telling: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Look again and again, with pauses that leave the processor to those that are waited for; fail, telling what was seen."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s: {telling()}"
        time.sleep(0.05)


@atexit.register
def _end_what_is_left() -> None:
    for process in _left:
        process.kill()
