"""
What is running over a data folder right now: the addresses that `largesse up` really took.

`runtime.json` in the data folder is written when everything answers and removed at a planned stop. A file that was left by a
killed program is recognised by its process id, so other commands never follow it.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FILE_NAME = "runtime.json"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A running program: the site's address, the announce URLs, and the supervisor's process id."""

    site: str
    announce: tuple[str, ...]
    pid: int


def write_runtime(data: Path, runtime: Runtime) -> None:
    """Tell other commands on the same data folder what is running."""
    path = data / FILE_NAME
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(runtime)), encoding="utf-8")
    temporary.replace(path)


def remove_runtime(data: Path) -> None:
    """Tell other commands that nothing is running any more."""
    (data / FILE_NAME).unlink(missing_ok=True)


def read_runtime(data: Path) -> Runtime | None:
    """Return what is running, or None."""
    try:
        found = json.loads((data / FILE_NAME).read_text(encoding="utf-8"))
        runtime = Runtime(str(found["site"]), tuple(map(str, found["announce"])), int(found["pid"]))
        os.kill(runtime.pid, 0)
    except PermissionError:
        return runtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return runtime
