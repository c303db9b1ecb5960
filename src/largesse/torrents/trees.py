"""The file tree of a torrent, as its page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass

from largesse.torrents.models import Torrent, TorrentFile

MOST_FILES_IN_TREE = 2_000
"""Files beyond these stand on pages of their own."""
OPEN_UP_TO_FILES = 50
DEEPEST = 40
"""Folders below this stand in one line, so that a hostile path cannot make the page nest without end."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of a file tree: a file, or a folder with what is in it."""

    name: str
    size_bytes: int
    file_count: int
    pieces_root: str | None
    children: tuple["Branch", ...]
    is_folder: bool


def file_tree(torrent: Torrent) -> tuple[Branch, ...]:
    """Return the torrent's files as a tree, folders first; at most the first 2,000 files."""
    return _branches(list(torrent.files.order_by("position")[:MOST_FILES_IN_TREE]), depth=0)


def _branches(files: Iterable[TorrentFile], *, depth: int) -> tuple[Branch, ...]:
    folders: dict[str, list[TorrentFile]] = {}
    leaves: list[Branch] = []
    for file in files:
        parts = file.path.split("/")
        if depth < min(len(parts) - 1, DEEPEST):
            folders.setdefault(parts[depth], []).append(file)
        else:
            leaves.append(Branch("/".join(parts[depth:]), file.size_bytes, 1, file.pieces_root, (), is_folder=False))
    made = [
        Branch(
            name,
            sum(file.size_bytes for file in inside),
            len(inside),
            None,
            _branches(inside, depth=depth + 1),
            is_folder=True,
        )
        for name, inside in folders.items()
    ]
    return (*made, *leaves)
