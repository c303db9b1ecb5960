"""Making torrents: what libtorrent hashes is what our own scanner and other clients read."""

import os
from pathlib import Path

import libtorrent
import pytest

from largesse.torrents.making import CannotRead, NothingToShare, UnfitToShare, make_torrent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file in a folder, an empty file, a name outside ASCII, and more than one piece."""
    root = tmp_path / "Field recordings"
    (root / "sub").mkdir(parents=True)
    (root / "a.bin").write_bytes(os.urandom(700_000))
    (root / "empty.txt").write_bytes(b"")
    (root / "sub" / "Été ☃.txt").write_text("bonjour")
    return root


def test_a_folder_becomes_a_hybrid_torrent(folder: Path) -> None:
    made = make_torrent(folder, announce=["udp://127.0.0.1:1/announce", "http://127.0.0.1:1/announce"])
    decoded = libtorrent.bdecode(made.metainfo_bytes)
    info = libtorrent.torrent_info(decoded)
    assert info.info_hashes().has_v1()
    assert info.info_hashes().has_v2()
    assert (made.name, made.size_bytes, made.save_path) == ("Field recordings", 700_007, folder.parent)
    assert decoded[b"announce-list"] == [[b"udp://127.0.0.1:1/announce"], [b"http://127.0.0.1:1/announce"]]


def test_progress_ends_at_the_whole_size(folder: Path) -> None:
    steps: list[tuple[int, int]] = []
    make_torrent(folder, progress=lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1] == (700_007, 700_007)
    assert len(steps) > 1


def test_an_interruption_ends_the_work(folder: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_torrent(folder, progress=interrupt)


def test_a_file_that_changes_while_it_is_read_is_refused(folder: Path) -> None:
    def change(done: int, total: int) -> None:
        (folder / "a.bin").write_bytes(b"other")

    with pytest.raises(CannotRead, match="Nothing was published"):
        make_torrent(folder, progress=change)


@pytest.mark.parametrize("kind", ["empty folder", "empty file", "only empty files", "a pipe"])
def test_nothing_to_share_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "share"
    match kind:
        case "empty folder":
            path.mkdir()
        case "empty file":
            path.touch()
        case "only empty files":
            path.mkdir()
            (path / "one").touch()
        case "a pipe":
            os.mkfifo(path)
    with pytest.raises(NothingToShare, match="nothing to share"):
        make_torrent(path)


def test_a_missing_path_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotRead, match="no such file"):
        make_torrent(tmp_path / "missing")


def test_a_pipe_in_a_folder_is_left_out(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert make_torrent(folder).size_bytes == 700_007
    assert b"4:pipe" not in make_torrent(folder).metainfo_bytes


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a\nb.txt", "control character"),
        ("a\\b.txt", "separator"),
        ("con", "Windows"),
        ("\u202eabc", "direction of writing"),
    ],
)
def test_a_name_that_is_not_safe_is_refused_before_anything_is_read(folder: Path, name: str, told: str) -> None:
    (folder / "sub" / name).write_bytes(b"x")

    def progress(done: int, total: int) -> None:
        raise AssertionError("it was read")

    with pytest.raises(UnfitToShare, match=told):
        make_torrent(folder, progress=progress)
