"""A disk that is full, a real one of a few megabytes: what is refused is refused whole, and everything goes on when there is room."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from largesse.torrents.making import make_torrent
from processes import RunningSite, run, start_site

LEFT = [0, 16_384, 40_000]
"""Bytes that are left on the disk: too few for SQLite to begin, for the .torrent file, for the listing."""
MAKE_PUBLISHER = """
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import Role, User
user = User(username="ada", role=Role.PUBLISHER)
user.set_password("correct horse battery")
user.save()
print(make_token(user, name="test").secret)
"""


@contextmanager
def full(disk: Path, *, left_bytes: int) -> Iterator[None]:
    """Fill the disk but for a little, and make room again afterwards."""
    filler = disk / "filler"
    facts = os.statvfs(disk)
    with filler.open("wb") as file:
        file.write(bytes(max(0, facts.f_bavail * facts.f_frsize - left_bytes)))
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB that holds the data folder."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk; tests/torrents/dying.py limits file sizes instead")
    folder = tmp_path / "data"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_file(folder: Path, name: str) -> Path:
    """Make a file whose torrent has thirty kilobytes: a checksum for each 16 KiB."""
    path = folder / name
    path.write_bytes(os.urandom(9_000_000))
    return path


def listings(disk: Path) -> int:
    """Return how many listings there are, having checked that everything agrees."""
    done = run("check", "--data", str(disk), "--json")
    assert json.loads(done.stdout)["breaks"] == []
    code = "from largesse.torrents.models import Listing; print(Listing.objects.count())"
    arguments = ("manage", "shell", "--no-imports", "-v", "0", "-c", code)
    return int(run(*arguments, environment={"LARGESSE_DATA": str(disk)}).stdout)


def test_the_command_says_that_there_is_no_room_and_lists_nothing(disk: Path, tmp_path: Path) -> None:
    assert (
        run("publish", str(make_file(tmp_path, "first")), "--no-seed", "--data", str(disk), cwd=tmp_path).returncode
        == 0
    )
    for left_bytes in LEFT:
        path = make_file(tmp_path, f"file {left_bytes}")
        with full(disk, left_bytes=left_bytes):
            done = run("publish", str(path), "--no-seed", "--data", str(disk), cwd=tmp_path)
        assert done.returncode in {73, 74}, left_bytes
        assert done.stdout == ""
        assert any(words in done.stderr for words in ("disk is full", "could not be stored")), done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / f"{path.name}.torrent").exists()
        assert listings(disk) == 1
    assert run("publish", str(path), "--no-seed", "--data", str(disk), cwd=tmp_path).returncode == 0
    assert listings(disk) == 2


def test_a_new_folder_on_a_full_disk_is_refused(disk: Path) -> None:
    with full(disk, left_bytes=100_000):
        done = run("up", "--data", str(disk), "--listen", "127.0.0.1:0", "--tracker", "127.0.0.1:0")
    assert done.returncode == 73
    assert "full" in done.stderr or "no space left" in done.stderr
    assert "Traceback" not in done.stderr
    with start_site(disk.parent) as site:
        assert httpx.get(site.site).status_code == 200


def test_the_site_says_that_there_is_no_room_lists_nothing_and_goes_on(disk: Path, tmp_path: Path) -> None:
    with start_site(tmp_path) as site:
        token = site.shell(MAKE_PUBLISHER)
        for left_bytes in LEFT:
            content = make_torrent(make_file(tmp_path, f"file {left_bytes}")).metainfo_bytes
            with full(disk, left_bytes=left_bytes):
                answer = posted(site, token, content)
                assert answer.status_code in {503, 507}, left_bytes
                assert answer.json()["error"]["code"] in {"no_room", "unavailable"}
                assert httpx.get(f"{site.site}/browse/").status_code == 200
            assert listings(disk) == 0
        assert posted(site, token, content).status_code == 201
        assert listings(disk) == 1


def posted(site: RunningSite, token: str, content: bytes) -> httpx.Response:
    """Publish through the API."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-bittorrent"}
    return httpx.post(f"{site.site}/api/v1/torrents", headers=headers, content=content, timeout=60)


def test_the_form_says_that_there_is_no_room(disk: Path, tmp_path: Path) -> None:
    content = make_torrent(make_file(tmp_path, "file")).metainfo_bytes
    with start_site(tmp_path) as site, httpx.Client(base_url=site.site, follow_redirects=True, timeout=60) as browser:
        site.shell(MAKE_PUBLISHER)

        def post(path: str, **fields: object) -> httpx.Response:
            data = {"csrfmiddlewaretoken": browser.cookies["csrftoken"], **fields.pop("data", {})}  # type: ignore[dict-item]
            return browser.post(path, data=data, headers={"Origin": site.site}, **fields)  # type: ignore[arg-type]

        browser.get("/account/login/")
        post("/account/login/", data={"login": "ada", "password": "correct horse battery"})
        assert browser.get("/publish/").status_code == 200
        with full(disk, left_bytes=16_384):
            answer = post("/publish/", files={"torrent": ("file.torrent", content)})
            assert answer.status_code == 422
            assert "no room" in answer.text or "could not be stored" in answer.text
        assert post("/publish/", files={"torrent": ("file.torrent", content)}).status_code == 200
    assert listings(disk) == 0
