"""
A program of its own that runs `largesse publish ARGUMENTS`, but is ended, as a power cut would, at the step that its first argument names.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

from largesse.cli import main, publish

STEPS = {
    "before the files are read": (publish, "make_torrent", False),
    "after the files were read": (publish, "make_torrent", True),
    "before the account is made": ("largesse.cli._local.local_publisher", None, False),
    "after the account was made": ("largesse.cli._local.local_publisher", None, True),
    "before it is listed": ("largesse.cli._local.list_torrent", None, False),
    "after it was listed": ("largesse.cli._local.list_torrent", None, True),
    "before the .torrent file is written": (publish, "write_torrent", False),
    "after the .torrent file was written": (publish, "write_torrent", True),
    "before it is told": (publish, "_tell", False),
    "after it was told": (publish, "_tell", True),
}
"""Each step of the command, beside those of the action that tests/torrents/dying.py goes through; some need Django's settings first."""


def deadly(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return the function with death before or after it."""

    def call(*arguments: Any, **named: Any) -> Any:
        if not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def run(step: str) -> int:
    """Run the command with death at the step."""
    target, name, after = STEPS[step]
    if name is not None:
        with mock.patch.object(target, name, deadly(getattr(target, name), after=after)):
            return main.main()
    real_place = publish._place

    def place(*arguments: Any, **named: Any) -> Any:
        made = real_place(*arguments, **named)
        from largesse.cli import _local  # Only now are there settings.

        function = str(target).rpartition(".")[2]
        mock.patch.object(_local, function, deadly(getattr(_local, function), after=after)).start()
        return made

    with mock.patch.object(publish, "_place", place):
        return main.main()


if __name__ == "__main__":
    step = sys.argv.pop(1)
    sys.exit(run(step))
