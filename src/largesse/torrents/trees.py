"""The file tree of a torrent, as its page shows it."""

from collections.abc import Iterable, Mapping
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
    also_in: int = 0
    """How many other torrents hold the same file."""


def file_tree(torrent: Torrent, *, also_in: Mapping[str, int]) -> tuple[Branch, ...]:
    """
    Return the torrent's files as a tree, folders first; at most the first 2,000 files.

    Args:
        also_in: in how many other torrents the file of each v2 root is.
    """
    return _branches(list(torrent.files.order_by("position")[:MOST_FILES_IN_TREE]), also_in, depth=0)


def _branches(files: Iterable[TorrentFile], also_in: Mapping[str, int], *, depth: int) -> tuple[Branch, ...]:
    folders: dict[str, list[TorrentFile]] = {}
    leaves: list[Branch] = []
    for file in files:
        parts = file.path.split("/")
        if depth < min(len(parts) - 1, DEEPEST):
            folders.setdefault(parts[depth], []).append(file)
        else:
            name, root = "/".join(parts[depth:]), file.pieces_root
            number = also_in.get(root, 0) if root else 0
            leaves.append(Branch(name, file.size_bytes, 1, root, (), is_folder=False, also_in=number))
    made = [
        Branch(
            name,
            sum(file.size_bytes for file in inside),
            len(inside),
            None,
            _branches(inside, also_in, depth=depth + 1),
            is_folder=True,
        )
        for name, inside in folders.items()
    ]
    return (*made, *leaves)
