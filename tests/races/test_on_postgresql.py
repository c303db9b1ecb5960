"""The guards of the book, and the races of the journal and the fund, again on PostgreSQL: one run of pytest of its own, over a private server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FILES = (
    "ledger/test_guards.py",
    "drives/test_guards.py",
    "races/test_fund_webhooks.py",
    "races/test_fund_refunds.py",
    "races/test_journal.py",
)


@pytest.mark.skipif(os.environ.get("TEST_ENGINE") == "postgresql", reason="this run is on PostgreSQL itself")
@pytest.mark.timeout(900)
def test_the_book_the_journal_and_the_fund_hold_on_postgresql() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(TESTS / name) for name in FILES)],
        cwd=TESTS.parent,
        env={**os.environ, "TEST_ENGINE": "postgresql"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert "passed" in done.stdout and "skipped" not in done.stdout
