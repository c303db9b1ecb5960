"""`largesse tracker` as a command: when it runs alone, what it says of a folder that it made, and of a port that is taken."""

import json
import socket
from pathlib import Path

import pytest

from processes import run, start
from tracker_talk import get

ALONE = ("tracker", "--listen", "127.0.0.1:0", "--workers", "1", "--json")


def is_answered(announce: list[str]) -> bool:
    host = announce[1].removeprefix("http://").removesuffix("/announce")
    return b"incomplete" in get(host, f"/announce?info_hash={'a' * 20}&peer_id={'p' * 20}&port=6881&left=1")


@pytest.mark.parametrize("by", ["option", "variable", "file"])
def test_an_open_tracker_runs_alone_and_makes_no_folder_however_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = tmp_path / "tracker.toml"
    settings.write_text('[tracker]\npolicy = "open"\n' if by == "file" else "")
    options = {"option": ("--policy", "open"), "variable": (), "file": ("--config", str(settings))}[by]
    variables = {"LARGESSE_TRACKER_POLICY": "open"} if by == "variable" else {}
    with start(*ALONE, *options, environment=variables) as running:
        assert is_answered(json.loads(running.first_line())["announce"])
        assert running.stop() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tracker.toml"]


def test_the_site_in_this_folder_is_served_where_only_its_settings_say_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "largesse-data").mkdir()
    with start(*ALONE, environment={"LARGESSE_TRACKER_POLICY": "open"}) as running:
        assert is_answered(json.loads(running.first_line())["announce"])
    assert (tmp_path / "largesse-data" / "largesse.sqlite3").is_file()
    with start(*ALONE, "--policy", "listed", environment={"LARGESSE_TRACKER_POLICY": "open"}) as running:
        assert not is_answered(json.loads(running.first_line())["announce"])


def test_a_folder_that_held_no_site_is_made_and_told_once(tmp_path: Path) -> None:
    folder = tmp_path / "mistyped"
    told = f"there was no site in {folder}, so a new one was made; if another folder was meant, name it with --data"
    for times in (1, 0):
        with start(*ALONE, "--data", str(folder)) as running:
            assert json.loads(running.first_line())["announce"]
            assert running.stop() == 0
            assert running.said().count(told) == times, running.said()


def test_an_admin_port_that_is_taken_is_told_by_its_own_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run(*ALONE, "--policy", "open", "--admin", f"127.0.0.1:{port}")
    assert done.returncode == 69
    assert done.stdout == ""
    assert f"Port {port} is in use" in done.stderr
    assert "tracker.admin" in done.stderr
    assert "tracker.listen" not in done.stderr
