"""
Programs that tests drive: found, or the test says which Debian package is missing.

Under CI=true a missing program is a failure; on a developer's machine the test is skipped with the same sentence.
"""

import os
import shutil

import pytest

PACKAGES = {
    "aria2c": "aria2",
    "transmission-cli": "transmission-cli",
    "transmission-daemon": "transmission-daemon",
    "chromium": "chromium",
    "hledger": "hledger",
    "node": "nodejs",
    "npm": "npm",
    "opentracker": "opentracker",
    "redis-server": "redis-server",
    "valgrind": "valgrind",
}
"""Each program with the Debian package that has it."""


def tool(name: str) -> str:
    """Return the path of a program, or fail (CI) or skip (elsewhere) the test with what to install."""
    path = shutil.which(name)
    if path is not None:
        return path
    sentence = f"{name} is not here: install Debian's package {PACKAGES[name]}"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
