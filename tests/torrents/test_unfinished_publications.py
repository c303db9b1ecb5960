"""A killed process or a full disk at each step of publishing leaves nothing half-listed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engines import start_postgresql

PROGRAM = Path(__file__).parent / "dying.py"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what the program told of each step, on the engine that TEST_ENGINE names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LARGESSE_")}
    environment["LARGESSE_DATA"] = str(tmp_path_factory.mktemp("dying"))
    if os.environ.get("TEST_ENGINE") == "postgresql":
        url = start_postgresql().url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS dying")
            connection.execute("CREATE DATABASE dying")
        environment["LARGESSE_DATABASE_URL"] = url.rpartition("/")[0] + "/dying"
    run = subprocess.run(
        [sys.executable, PROGRAM], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    return {line["step"]: line for line in map(json.loads, run.stdout.splitlines())}


def test_every_step_ends_with_table_bytes_and_journal_in_agreement(told: dict[str, dict[str, Any]]) -> None:
    assert {step: line["breaks"] for step, line in told.items() if line["breaks"]} == {}


@pytest.mark.parametrize(
    "step",
    [
        "before the bytes are written",
        "before the bytes reach the disk",
        "before the bytes get their name",
        "after the bytes got their name",
        "before the torrent is kept",
        "after the torrent was kept",
        "before the journal is told",
        "after the journal was told",
        "before the commit",
    ],
)
def test_a_publication_killed_before_its_commit_never_was(told: dict[str, dict[str, Any]], step: str) -> None:
    line = told[step]
    assert line["ended"] == -9
    assert (line["listings"], line["torrents"], line["serial"]) == (0, 0, told["begin"]["serial"])


def test_a_publication_killed_after_its_commit_is_whole(told: dict[str, dict[str, Any]]) -> None:
    line = told["after the commit"]
    assert line["ended"] == -9
    assert (line["listings"], line["torrents"], line["serial"]) == (1, 1, told["begin"]["serial"] + 1)


def test_what_was_killed_can_be_published_again(told: dict[str, dict[str, Any]]) -> None:
    assert told["published again"]["listings"] == 10


def test_a_killed_edit_or_withdrawal_changes_nothing(told: dict[str, dict[str, Any]]) -> None:
    line = told["changes"]
    assert line["ends"] == [-9] * 6
    assert line["state"] == "listed"
    assert line["title"] != "Changed"
    assert line["serial"] == told["published again"]["serial"]


def test_a_full_disk_is_told_and_nothing_is_listed(told: dict[str, dict[str, Any]]) -> None:
    steps = [line for step, line in told.items() if step.startswith("no room")]
    assert len(steps) == (1 if os.environ.get("TEST_ENGINE") == "postgresql" else 3)
    for line in steps:
        assert line["ended"] == 28, line["step"]
        assert line["listings"] == 10, line["step"]
        assert line["serial"] == told["published again"]["serial"]
    assert told["no room for the bytes"]["size_bytes"] > 2_000
    assert told.get("no room for an upload", {}).get("drafts", 0) == 0


def test_leftovers_are_swept_and_listed_bytes_stay(told: dict[str, dict[str, Any]]) -> None:
    line = told["swept"]
    assert line["blobs"] >= 1
    assert line["parts"] >= 2
    assert (line["kept"], line["parts_left"]) == (10, 0)
