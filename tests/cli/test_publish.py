"""`largesse publish` into a data folder and to a site: what it lists, writes, says, and how it refuses."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import libtorrent
import pytest

from largesse.torrents.metainfo import scan
from processes import PROGRAM, RunningSite, run, start, start_site, wait_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Something to share: a folder with a file in a folder, an empty file and a name outside ASCII."""
    root = tmp_path / "Field recordings"
    (root / "sub").mkdir(parents=True)
    (root / "a.bin").write_bytes(os.urandom(300_000))
    (root / "empty.txt").touch()
    (root / "sub" / "Été ☃.txt").write_text("bonjour")
    return root


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with start_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def published(*arguments: object, cwd: Path, **more: Any) -> dict[str, Any]:
    """Publish without seeding, and return the line of JSON."""
    done = run("publish", "--no-seed", "--json", *map(str, arguments), cwd=cwd, **more)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def seeders(site: RunningSite, told: dict[str, Any]) -> int:
    """Return how many seeders the site shows."""
    found = httpx.get(f"{site.site}/api/v1/torrents/{told['page'].split('/')[-2]}").json()
    return int(found["seeders"])


def rows(data: Path, table: str) -> int:
    with sqlite3.connect(data / "largesse.sqlite3") as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_newcomer_publishes_into_a_folder_that_is_not_there_yet(folder: Path, tmp_path: Path) -> None:
    told = published(folder, "--licence", "CC0-1.0", "--tag", "birds,dawn", cwd=tmp_path)
    data = tmp_path / "largesse-data"
    path = Path(told["torrent"])
    found = scan(path.read_bytes()).metainfo
    assert found is not None
    assert path == tmp_path / "Field recordings.torrent"
    assert (found.v1.hex() if found.v1 else "", found.v2.hex() if found.v2 else "") == (told["v1"], told["v2"])
    assert f"urn:btih:{told['v1']}" in told["magnet"]
    assert f"urn:btmh:1220{told['v2']}" in told["magnet"]
    assert [url for tier in found.announce for url in tier] == told["announce"]
    assert (told["title"], told["size_bytes"], told["new"]) == ("Field recordings", 300_007, True)
    assert run("check", "--data", str(data)).returncode == 0
    with sqlite3.connect(data / "largesse.sqlite3") as database:
        accounts = database.execute("SELECT username, role, password FROM accounts_user").fetchall()
    assert [(name, role, password[0]) for name, role, password in accounts] == [("operator", "publisher", "!")]


def test_a_torrent_that_is_listed_already_is_told_with_its_page(folder: Path, tmp_path: Path) -> None:
    first = published(folder, cwd=tmp_path)
    again = published(folder, cwd=tmp_path)
    assert (again["page"], again["torrent"], again["new"]) == (first["page"], first["torrent"], False)
    assert rows(tmp_path / "largesse-data", "torrents_listing") == 1
    told = run("publish", "--no-seed", str(folder), cwd=tmp_path)
    assert "is listed already" in told.stdout
    assert first["page"] in told.stdout


def test_several_paths_become_several_torrents(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(b"x" * 50_000)
    done = run("publish", "--no-seed", "--json", str(folder), str(other), str(folder), cwd=tmp_path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["title"] for line in lines] == ["Field recordings", "other.bin"]
    assert all(Path(line["torrent"]).is_file() for line in lines)


def test_it_publishes_over_a_running_site_and_the_tracker_knows_it_at_once(
    site: RunningSite, folder: Path, tmp_path: Path
) -> None:
    with start("publish", str(folder), "--data", str(site.data), "--json", cwd=tmp_path) as seeding:
        told = json.loads(seeding.first_line())
        assert told["page"].startswith(site.site)
        assert told["announce"] == site.announce
        wait_for(lambda: seeders(site, told) > 0, seconds=20, telling=seeding.said)
        assert seeding.stop(signal.SIGINT) == 0
        assert seeding.said() == ""
    wait_for(lambda: seeders(site, told) == 0, seconds=20)


def test_it_publishes_to_a_site_with_a_token(site: RunningSite, folder: Path, tmp_path: Path) -> None:
    token = site.shell(
        "from largesse.accounts.actions.tokens import make_token\n"
        "from largesse.accounts.models import Role, User\n"
        "user, _ = User.objects.get_or_create(username='ada', role=Role.PUBLISHER)\n"
        "print(make_token(user, name='test').secret)"
    )
    (folder / "more.bin").write_bytes(os.urandom(1_000))
    arguments = (folder, "--site", site.site, "--title", "Birds", "--tag", "a", "--tag", "b", "--licence", "mit")
    told = published(*arguments, cwd=tmp_path, environment={"LARGESSE_TOKEN": token})
    assert not (tmp_path / "largesse-data").exists()
    assert told["page"].startswith(f"{site.site}/t/")
    assert (told["title"], told["announce"], told["new"]) == ("Birds", site.announce, True)
    assert scan(Path(told["torrent"]).read_bytes()).is_accepted
    again = published(*arguments, "--token", token, cwd=tmp_path)
    assert (again["page"], again["new"]) == (told["page"], False)


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--token", "largesse_wrong"], 77, "A valid token is needed"),
        ([], 2, "--site needs --token"),
        (["--token", "x", "--data", "d"], 2, "--site lists elsewhere"),
    ],
)
def test_a_site_that_refuses_is_quoted(
    site: RunningSite, folder: Path, tmp_path: Path, arguments: list[str], status: int, told: str
) -> None:
    done = run("publish", str(folder), "--no-seed", "--site", site.site, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert not list(tmp_path.glob("*.torrent"))


@pytest.mark.parametrize("site_path", ["http://127.0.0.1:1", "https://nowhere.invalid"])
def test_a_site_that_cannot_be_reached_is_told(folder: Path, tmp_path: Path, site_path: str) -> None:
    done = run("publish", str(folder), "--no-seed", "--site", site_path, "--token", "x", cwd=tmp_path)
    assert done.returncode == 69
    assert site_path in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_no_site_of_ours_is_told(site: RunningSite, folder: Path, tmp_path: Path) -> None:
    done = run("publish", str(folder), "--no-seed", "--site", f"{site.site}/browse", "--token", "x", cwd=tmp_path)
    assert done.returncode == 69
    assert "not as a site of Largesse does (HTTP 404)" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--licence", "CC-BY-9.9"], 65, "not a licence of the SPDX list"),
        (["--title", "x" * 10_000], 65, "10000 characters"),
        (["--category", "nonsense"], 65, "There is no category"),
        (["--language", "klingon!"], 65, "not a language tag"),
        (["--description", "x" * 60_000], 65, "60000 characters"),
        (["--as", "nobody"], 66, "no account named nobody"),
        (["--output", "missing/x.torrent"], 73, "no such folder"),
        (["--seed-for", "soon"], 2, "not a length of time"),
        (["--seed-for", "1s", "--no-seed"], 2, "contradict"),
        (["--description-file", "missing.md"], 2, "does not exist"),
        (["--site", "ftp://x"], 2, "not an address"),
        (["--site", "http://[::1"], 2, "not an address"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    folder: Path, tmp_path: Path, arguments: list[str], status: int, told: str
) -> None:
    done = run("publish", str(folder), *arguments, cwd=tmp_path)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(tmp_path.glob("*.torrent"))
    if (tmp_path / "largesse-data").exists():
        assert rows(tmp_path / "largesse-data", "torrents_listing") == 0
        assert rows(tmp_path / "largesse-data", "accounts_user") == 0


@pytest.mark.parametrize("kind", ["missing", "empty", "root", "data folder"])
def test_a_path_that_cannot_be_shared_is_refused(tmp_path: Path, kind: str) -> None:
    path = {"missing": tmp_path / "missing", "empty": tmp_path / "empty", "root": Path("/"), "data folder": tmp_path}[
        kind
    ]
    (tmp_path / "empty").mkdir()
    done = run("publish", str(path), "--no-seed", cwd=tmp_path)
    assert done.returncode in {65, 66}
    assert "Traceback" not in done.stderr
    assert rows(tmp_path / "largesse-data", "torrents_listing") == 0
    assert not list(tmp_path.rglob("*.torrent"))


def test_the_torrent_of_the_present_folder_lies_beside_it(folder: Path, tmp_path: Path) -> None:
    told = published(".", "--data", tmp_path / "data", cwd=folder)
    assert Path(told["torrent"]) == tmp_path / "Field recordings.torrent"


def test_a_torrent_file_of_something_else_is_never_replaced(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "Field recordings.torrent").write_bytes(b"mine")
    told = published(folder, cwd=tmp_path)
    assert Path(told["torrent"]).name == "Field recordings (2).torrent"
    assert (tmp_path / "Field recordings.torrent").read_bytes() == b"mine"


def test_old_programs_get_a_torrent_of_bep_3_alone(folder: Path, tmp_path: Path) -> None:
    told = published(folder, "--format", "v1", "-o", tmp_path / "old.torrent", cwd=tmp_path)
    info = libtorrent.torrent_info(told["torrent"])
    assert (info.info_hashes().has_v1(), info.info_hashes().has_v2(), told["v2"]) == (True, False, None)


def test_a_withdrawn_listing_is_told_to_who_seeds_it(site: RunningSite, folder: Path, tmp_path: Path) -> None:
    (folder / "a.bin").write_bytes(os.urandom(50_000))
    with start("publish", str(folder), "--data", str(site.data), cwd=tmp_path) as seeding:
        wait_for(
            lambda: any(line.startswith("Seeding until") for line in seeding.out), seconds=60, telling=seeding.said
        )
        site.shell(
            "from largesse.torrents.actions.withdraw_listing import withdraw_listing\n"
            "from largesse.torrents.models import Listing\n"
            "listing = Listing.objects.order_by('pk').last()\n"
            "withdraw_listing(listing, editor=listing.publisher)"
        )
        wait_for(lambda: "the tracker refuses it" in seeding.said(), seconds=30, telling=seeding.said)
        again = run("publish", str(folder), "--no-seed", "--data", str(site.data), cwd=tmp_path)
        assert again.returncode == 65
        assert "listed before and withdrawn" in again.stderr
        assert seeding.stop() == 0


def test_a_site_that_starts_later_is_found_by_who_seeds_already(folder: Path, tmp_path: Path) -> None:
    with start("publish", str(folder), "--json", "--data", "data", cwd=tmp_path) as seeding:
        told = json.loads(seeding.first_line())
        wait_for(lambda: "Nothing runs over this data folder yet" in seeding.said(), telling=seeding.said)
        with start_site(tmp_path) as site:
            wait_for(lambda: seeders(site, told) > 0, seconds=30, telling=seeding.said)
        assert seeding.stop(signal.SIGINT) == 0


def test_seeding_ends_when_its_time_is_over(folder: Path, tmp_path: Path) -> None:
    done = run("publish", str(folder), "--seed-for", "1s", "--data", "data", cwd=tmp_path)
    assert done.returncode == 0
    assert "Seeding for 1 seconds." in done.stdout


def test_files_that_change_while_they_are_seeded_end_it_with_a_sentence(folder: Path, tmp_path: Path) -> None:
    with (
        start("publish", str(folder), "--json", "--data", "data", cwd=tmp_path) as seeding,
        start_site(tmp_path) as site,
    ):
        told = json.loads(seeding.first_line())
        wait_for(lambda: seeders(site, told) > 0, seconds=30, telling=seeding.said)
        (folder / "a.bin").unlink()
        wanted = libtorrent.load_torrent_file(told["torrent"])
        wanted.trackers, wanted.save_path = site.announce, str(tmp_path / "fetched")
        session = libtorrent.session({"listen_interfaces": "127.0.0.1:0", "allow_multiple_connections_per_ip": True})
        session.add_torrent(wanted)
        wait_for(lambda: seeding.process.poll() is not None, seconds=60, telling=seeding.said)
        assert seeding.process.returncode == 69
        assert "Field recordings: seeding stopped, because" in seeding.said()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_reading_leaves_nothing_half_made(tmp_path: Path, number: int) -> None:
    large = tmp_path / "large.bin"
    large.touch()
    os.truncate(large, 64 * 1024**3)  # All holes: nothing is on the disk, and reading it takes a minute.
    reading, terminal = os.openpty()
    words = [*PROGRAM, "publish", "large.bin", "--data", "data"]
    program = subprocess.Popen(words, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    shown = b""
    while not re.search(rb"Reading large.bin.*?MB/s.*?\d:\d\d:\d\d", shown, re.DOTALL):
        shown += os.read(reading, 65_536)
    program.send_signal(number)
    with contextlib.suppress(OSError):  # The terminal is gone when the program is.
        while chunk := os.read(reading, 65_536):
            shown += chunk
    out, _ = program.communicate(timeout=30)
    os.close(reading)
    assert (program.returncode, out) == (130, b"")
    assert b"Stopped. Nothing was published." in shown
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "large.bin"]
    assert rows(tmp_path / "data", "torrents_listing") == 0
    assert not (tmp_path / "data" / "torrents").exists()


def test_a_name_that_is_not_safe_is_refused_and_cannot_move_the_cursor(folder: Path, tmp_path: Path) -> None:
    (folder / "\x1b[2J.txt").write_text("x")
    done = run("publish", str(folder), "--no-seed", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (65, "")
    assert "holds a control character. Rename it and try again. Nothing was published." in done.stderr
    assert "\x1b" not in done.stderr
    assert not list(tmp_path.glob("*.torrent"))
