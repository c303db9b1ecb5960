"""`kill -9` at every step of settle and refund, then the sweep: the books equal the provider."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engines import start_postgresql

pytestmark = pytest.mark.timeout(900)
PROGRAM = Path(__file__).parent / "dying_fund.py"


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what the program told of each death, on the engine that TEST_ENGINE names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LARGESSE_")}
    environment["LARGESSE_DATA"] = str(tmp_path_factory.mktemp("dying"))
    if os.environ.get("TEST_ENGINE") == "postgresql":
        url = start_postgresql().url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS dying_fund")
            connection.execute("CREATE DATABASE dying_fund")
        environment["LARGESSE_DATABASE_URL"] = url.rpartition("/")[0] + "/dying_fund"
    run = subprocess.run(
        [sys.executable, PROGRAM], capture_output=True, text=True, env=environment, timeout=850, check=False
    )
    assert run.returncode == 0, run.stderr[-4_000:]
    return [json.loads(line) for line in run.stdout.splitlines()]


@pytest.mark.parametrize("flow", ["settle", "refund"])
def test_after_a_death_at_any_step_the_sweep_makes_the_books_equal_the_provider(
    deaths: list[dict[str, Any]], flow: str
) -> None:
    steps = [line for line in deaths if line["flow"] == flow]
    assert [line["ended"] for line in steps] == [-9] * (len(steps) - 1) + [0]
    assert len(steps) > 30
    for line in steps:
        for when in ("swept", "after"):
            found = line[when]
            assert found["agree"] and not found["breaks"], (line["at"], when, found)
            assert found["refunds"][0] == found["refunds"][1], (line["at"], when)
            assert found["charges"][0] == found["charges"][1], (line["at"], when)


@pytest.mark.parametrize("flow", ["settle", "refund"])
def test_control_without_the_sweep_some_deaths_leave_a_difference(deaths: list[dict[str, Any]], flow: str) -> None:
    assert any(line["differed"] for line in deaths if line["flow"] == flow)


def test_no_refund_is_left_open(deaths: list[dict[str, Any]]) -> None:
    assert deaths[-1] == {"flow": "end", "open": 0}
