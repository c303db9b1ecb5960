"""
Programs that tests drive: found, or the test says which Debian package is missing.

Under CI=true a missing program is a failure; on a developer's machine the test is skipped with the same sentence.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = Path(__file__).resolve().parent / "node"
"""The folder of what Node.js runs, with its pinned packages."""

PACKAGES = {
    "aria2c": "aria2",
    "bean-check": "beancount",
    "transmission-cli": "transmission-cli",
    "transmission-daemon": "transmission-daemon",
    "chromium": "chromium",
    "hledger": "hledger",
    "node": "nodejs",
    "npm": "npm",
    "opentracker": "opentracker",
    "redis-server": "redis-server",
    "valgrind": "valgrind",
    "xgettext": "gettext",
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


def node_packages() -> Path:
    """Install npm's packages as the lock pins them, when they are not; none of their scripts is run. Return their folder."""
    tool("node")
    npm = tool("npm")
    lock, installed = NODE / "package-lock.json", NODE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run(command, cwd=NODE, check=True, timeout=300, stdin=subprocess.DEVNULL)
        os.utime(installed)
    return NODE / "node_modules"
