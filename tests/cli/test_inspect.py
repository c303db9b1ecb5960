"""`largesse inspect`: what the scanner saw, for people and for programs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import libtorrent
import pytest

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "metainfo"
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
    assert "50\u00a0100 bytes in 2 files" in text
    assert "\ufffd" not in text
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


def test_a_file_name_that_is_not_unicode_is_shown(good: Path, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff\x1b[2J.torrent")
    odd.write_bytes(good.read_bytes())
    for options in ((), ("--json",)):
        outcome = subprocess.run([*LARGESSE, "inspect", *options, odd], capture_output=True, check=False)
        assert (outcome.returncode, outcome.stderr) == (0, b"")
        assert b"\x1b" not in outcome.stdout
        assert "\ufffd" in outcome.stdout.decode()


def test_a_terminal_without_unicode_is_no_obstacle(good: Path) -> None:
    surroundings = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    outcome = subprocess.run([*LARGESSE, "inspect", str(good)], capture_output=True, env=surroundings, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, b"")


def test_a_folder_and_a_file_that_is_too_large_are_refused(good: Path, tmp_path: Path) -> None:
    outcome = run("--json", "--max-bytes", "50", str(tmp_path), str(good))
    folder, large = (json.loads(line) for line in outcome.stdout.splitlines())
    assert outcome.returncode == 1
    assert [refusal["code"] for refusal in folder["refusals"]] == ["cannot_read"]
    assert [refusal["code"] for refusal in large["refusals"]] == ["too_large"]


def test_padding_is_not_among_the_files() -> None:
    outcome = run("--json", str(VECTORS / "hybrid.torrent"))
    told = json.loads(outcome.stdout)
    assert [file["path"] for file in told["files"] if ".pad" in file["path"]] == []
    assert told["size_bytes"] == sum(file["size_bytes"] for file in told["files"])
    assert "padding_files" in {warning["code"] for warning in told["warnings"]}


def test_it_starts_without_django(good: Path) -> None:
    program = (
        "import sys; from largesse.cli.main import commands; commands.main(sys.argv[1:], standalone_mode=False);"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'libtorrent', 'httpx'}), file=sys.stderr)"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program, "inspect", str(good)], capture_output=True, check=True, cwd=good.parent
    )
    assert outcome.stderr.strip() == b"[]"
    assert not (good.parent / "largesse-data").exists()
