"""The other commands, over one data folder: what they tell, how they refuse, and which exit status they end with."""

import json
import re
import sqlite3
from pathlib import Path

import pytest

from largesse import __version__
from largesse.cli.main import command_names, commands
from processes import run

MISSING = "There is no data folder at"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one listing."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "recording.bin").write_bytes(bytes(range(256)) * 400)
    done = run("publish", "recording.bin", "--no-seed", "--data", "data", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "data"


def told(*arguments: str, data: Path) -> dict[str, object]:
    done = run(*arguments, "--data", str(data), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_the_help_lists_each_command_with_a_sentence() -> None:
    done = run("--help")
    assert done.returncode == 0
    shown = set(re.findall(r"^  ([a-z]+)  +\S", done.stdout, re.MULTILINE))
    top = commands.make_context("largesse", ["up"])
    hidden = {name for name in command_names() if getattr(commands.get_command(top, name), "hidden", False)}
    assert shown == set(command_names()) - hidden
    assert {"up", "publish", "inspect", "check", "config", "web", "tracker", "worker", "doctor", "ledger"} <= shown


def test_the_version_is_told() -> None:
    assert run("--version").stdout.strip().endswith(__version__)


@pytest.mark.parametrize("arguments", [["nonsense"], ["publish"], ["check", "--nonsense"]])
def test_wrong_usage_is_told_with_what_to_do(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Try 'largesse" in done.stderr


@pytest.mark.parametrize("name", ["check", "jobs", "clients", "worker", "ledger check", "ledger export"])
def test_a_command_that_makes_no_folder_says_that_there_is_none(tmp_path: Path, name: str) -> None:
    done = run(*name.split(), "--data", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (66, "")
    assert MISSING in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["check", "jobs", "clients", "ledger check", "up", "publish x"])
def test_a_database_that_is_none_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "largesse.sqlite3").write_bytes(b"no database, but something else " * 100)
    done = run(*name.split(), "--data", "data", cwd=tmp_path)
    assert done.returncode == 73
    assert "file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_another_version_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    assert run("publish", "x", "--no-seed", "--data", "data", cwd=tmp_path).returncode == 0
    with sqlite3.connect(tmp_path / "data" / "largesse.sqlite3") as database:
        database.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'torrents')"
        )
    (tmp_path / "data" / "prepared.json").unlink()
    done = run("check", "--data", "data", cwd=tmp_path)
    assert done.returncode == 78
    assert "of another version" in done.stderr


def test_check_tells_that_all_is_well_and_the_first_break(data: Path, tmp_path: Path) -> None:
    found = told("check", data=data)
    assert (found["ok"], found["breaks"]) == (True, [])
    assert {"journal", "torrents", "ledger"} <= set(found["checked"])  # type: ignore[call-overload]
    (blob,) = (data / "torrents").rglob("*.torrent")
    kept = blob.read_bytes()
    blob.write_bytes(kept[:-1])
    done = run("check", "--data", str(data))
    blob.write_bytes(kept)
    assert done.returncode == 1
    assert done.stdout.startswith("Broken:\n  torrent ")
    assert "holds other bytes" in done.stdout


def test_client_rules_are_set_shown_and_cleared(data: Path) -> None:
    assert told("clients", data=data) == {"allow": [], "deny": [], "serial": 0}
    found = told("clients", "--deny", "-XL00", "--deny", "-SD", data=data)
    assert (found["allow"], found["deny"]) == ([], ["-SD", "-XL00"])
    assert "Refused: -SD, -XL00" in run("clients", "--data", str(data)).stdout
    assert told("clients", "--clear", data=data)["deny"] == []
    done = run("clients", "--deny", "x" * 21, "--data", str(data))
    assert done.returncode == 65
    assert "peer id" in done.stderr


def test_jobs_are_shown_and_one_that_is_not_there_is_told(data: Path) -> None:
    assert run("jobs", "--data", str(data)).stdout == "No background work waits.\n"
    for option in ("--retry", "--drop"):
        done = run("jobs", option, "999999", "--data", str(data))
        assert done.returncode in {65, 66}
        assert "999999" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", ["beancount", "hledger", "csv", "json"])
def test_an_empty_ledger_is_exported(data: Path, form: str) -> None:
    done = run("ledger", "export", "--format", form, "--data", str(data))
    assert (done.returncode, done.stderr) == (0, "")
    if form == "json":
        json.loads(done.stdout)


def test_the_books_of_an_empty_ledger_agree(data: Path) -> None:
    assert told("ledger", "check", data=data) == {"ok": True, "breaks": []}


def test_doctor_tells_findings_and_how_bad_they_are(data: Path) -> None:
    done = run("doctor", "--data", str(data), "--json")
    found = json.loads(done.stdout)
    assert done.returncode == ["good", "doubtful", "broken"].index(found["worst"])
    assert {"level", "name", "sentence", "mend"} <= set(found["findings"][0])


def test_djangos_own_commands_are_reached(data: Path) -> None:
    done = run("manage", "showmigrations", "torrents", environment={"LARGESSE_DATA": str(data)})
    assert "[X] 0001_initial" in done.stdout
    assert "migrate" in run("manage", "--help", environment={"LARGESSE_DATA": str(data)}).stdout
