"""Made-up files, and torrents of them in the three forms: v1 (BEP 3), v2 (BEP 52), and hybrid, which is both."""

import hashlib
import random
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import libtorrent

SIZES = {"read me.txt": 1_200, "sound/größe – 音.flac": 700_001, "sound/silence.flac": 0, "sound/take 2.flac": 300_000}
"""What a made-up folder holds: an empty file, names beyond ASCII, sizes that no piece ends with."""

EMPTY = hashlib.sha256().hexdigest()


class Kind(StrEnum):
    """The form of a torrent."""

    V1 = "v1"
    V2 = "v2"
    HYBRID = "hybrid"


FLAGS = {
    Kind.V1: libtorrent.create_torrent.v1_only,
    Kind.V2: libtorrent.create_torrent.v2_only,
    Kind.HYBRID: 0,
}


@dataclass(frozen=True)
class Shared:
    """A folder of made-up files with its torrent."""

    folder: Path
    """What contains it."""
    name: str
    torrent: Path
    metainfo: bytes
    files: dict[str, str]
    """SHA-256 of each file by its path."""

    @property
    def info(self) -> libtorrent.torrent_info:
        """The torrent as libtorrent reads it."""
        return libtorrent.load_torrent_buffer(self.metainfo).ti

    @property
    def size_bytes(self) -> int:
        """What all files hold together."""
        return sum(path.stat().st_size for path in (self.folder / self.name).rglob("*") if path.is_file())

    @property
    def keys(self) -> list[bytes]:
        """The announce keys: the v1 hash, and the v2 hash cut to 20 bytes."""
        hashes = self.info.info_hashes()
        keys = [hashes.v1.to_bytes()] if hashes.has_v1() else []
        return keys + ([hashes.v2.to_bytes()[:20]] if hashes.has_v2() else [])

    def with_announce(self, path: Path, *urls: str) -> Path:
        """Write the torrent with these announce URLs, each a tier of its own, to `path`."""
        torrent = libtorrent.bdecode(self.metainfo)
        torrent[b"announce"] = urls[0].encode()
        torrent[b"announce-list"] = [[url.encode()] for url in urls]
        path.write_bytes(libtorrent.bencode(torrent))
        return path

    def is_in(self, folder: Path) -> bool:
        """
        Whether `folder` has every file with the very same bytes.

        Padding files of v1 are passed over, and so is an empty file that is not there: Transmission does not make it.
        """
        found = digests(folder / self.name)
        wanted = {path: digest for path, digest in self.files.items() if digest != EMPTY or path in found}
        return wanted.items() <= found.items() and all(
            path.startswith(".pad/") for path in found.keys() - self.files.keys()
        )


def make_shared(folder: Path, *, kind: Kind, name: str = "field recording", private: bool = False) -> Shared:
    """Make a folder of files that are the same for each `name`, and its torrent, which names no tracker."""
    source = folder / "shared"
    chance = random.Random(f"{name} {kind}")
    for path, size_bytes in SIZES.items():
        file = source / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(size_bytes))
    made = libtorrent.create_torrent(libtorrent.list_files(str(source / name)), 16_384, FLAGS[kind])
    made.set_priv(private)
    libtorrent.set_piece_hashes(made, str(source))
    metainfo = libtorrent.bencode(made.generate())
    torrent = folder / f"{name}.torrent"
    torrent.write_bytes(metainfo)
    return Shared(source, name, torrent, metainfo, digests(source / name))


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file under `folder` by its path; of a file, under its own name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
