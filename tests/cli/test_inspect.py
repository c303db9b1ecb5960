"""`largesse inspect`: what the scanner saw, for people and for programs."""

import json
import subprocess
import sys
from pathlib import Path

import libtorrent
import pytest

LARGESSE = [sys.executable, "-c", "import sys; from largesse.cli.main import main; sys.exit(main())"]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "Album").mkdir()
    (tmp_path / "Album" / "één.flac").write_bytes(b"x" * 50_000)
    (tmp_path / "Album" / "cover.png").write_bytes(b"y" * 100)
    made = libtorrent.create_torrent(libtorrent.list_files(str(tmp_path / "Album")), 0)
    libtorrent.set_piece_hashes(made, str(tmp_path))
    path = tmp_path / "good.torrent"
    path.write_bytes(libtorrent.bencode(made.generate()))
    return path


def run(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*LARGESSE, "inspect", *arguments], capture_output=True, input=stdin, check=False)


def test_json_tells_one_object_a_line(good: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.torrent"
    bad.write_bytes(b"hello")
    outcome = run("--json", str(good), str(bad), str(tmp_path / "missing"))
    assert outcome.returncode == 1
    first, second, third = (json.loads(line) for line in outcome.stdout.splitlines())
    assert set(first) == {
        "path",
        "accepted",
        "name",
        "v1",
        "v2",
        "announce_keys",
        "size_bytes",
        "files",
        "warnings",
        "refusals",
    }
    assert (first["path"], first["accepted"], first["name"], first["size_bytes"]) == (str(good), True, "Album", 50_100)
    assert first["announce_keys"] == [first["v1"], first["v2"][:40]]
    assert sorted(file["path"] for file in first["files"]) == ["cover.png", "één.flac"]
    assert (second["accepted"], second["v1"], second["refusals"][0]["code"]) == (False, None, "not_a_torrent")
    assert set(second["refusals"][0]) == {"code", "offset", "message"}
    assert third["refusals"][0]["code"] == "cannot_read"


def test_an_accepted_file_exits_with_zero_and_shows_its_tree(good: Path) -> None:
    outcome = run(str(good))
    text = outcome.stdout.decode()
    assert outcome.returncode == 0
    assert "accepted" in text
    assert "één.flac" in text
    assert "announce key" in text
    assert outcome.stderr == b""


def test_standard_input_is_read(good: Path) -> None:
    assert run("-", stdin=good.read_bytes()).returncode == 0


def test_a_refused_file_says_why_without_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "x.torrent"
    path.write_bytes(b"d4:infoi1ee")
    outcome = run(str(path))
    assert outcome.returncode == 1
    assert b"refusal wrong_type at byte 7" in outcome.stdout
    assert b"Traceback" not in outcome.stderr


def test_a_name_cannot_move_the_cursor(tmp_path: Path) -> None:
    info = b"d6:lengthi1e4:name7:\x1b[2Jabc12:piece lengthi16384e6:pieces20:" + b"x" * 20 + b"e"
    path = tmp_path / "x.torrent"
    path.write_bytes(b"d4:info" + info + b"e")
    assert b"\x1b" not in run(str(path)).stdout
