"""
10,000 .torrent files of 50 kB, scanned beside libtorrent's `torrent_info`.

Both read the same bytes on one thread, in turns of 250 files, and are compared by the CPU time of that thread. Ours is what
the index calls (`largesse.torrents.metainfo.scan`, Python objects included), and it hashes every v2 piece layer to its root.
"""

import hashlib
import random
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libtorrent

from largesse.torrents.metainfo import scan

PIECE = 262_144
TURN = 250
FILES = 10_000


@dataclass(frozen=True)
class Shape:
    """One kind of torrent of about 50 kB."""

    name: str
    has_v1: bool
    has_v2: bool
    files: int
    pieces_a_file: int


SHAPES = (
    Shape("v1, one file, 2,480 pieces", has_v1=True, has_v2=False, files=1, pieces_a_file=2_480),
    Shape("v1, 450 files with padding", has_v1=True, has_v2=False, files=450, pieces_a_file=1),
    Shape("v2, 10 files, 1,530 pieces", has_v1=False, has_v2=True, files=10, pieces_a_file=153),
    Shape("hybrid, 10 files, 930 pieces", has_v1=True, has_v2=True, files=10, pieces_a_file=93),
    Shape("hybrid, 255 files of one piece", has_v1=True, has_v2=True, files=255, pieces_a_file=1),
)


def run(*, rounds: int, files: int = FILES) -> str:
    """Measure every shape and return the table: CPU microseconds of one thread for each file."""
    count = files // len(SHAPES)
    lines = [
        "| shape | files | bytes, median | largesse µs | libtorrent µs | largesse as a part of libtorrent |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    totals = [0.0, 0.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        for number, shape in enumerate(SHAPES):
            chance = random.Random(number)
            contents = [make(shape, chance) for _ in range(count)]
            for content in contents[:TURN]:
                check(content)
            ours, theirs = measure(contents, rounds)
            totals[0] += ours
            totals[1] += theirs
            size = statistics.median(map(len, contents))
            figures = f"{count} | {size:,.0f} | {ours * 1e6:.0f} | {theirs * 1e6:.0f} | {ours / theirs:.2f}"
            lines.append(f"| {shape.name} | {figures} |")
    ours, theirs = (total / len(SHAPES) for total in totals)
    lines.append(f"| all | {count * len(SHAPES)} | | {ours * 1e6:.0f} | {theirs * 1e6:.0f} | **{ours / theirs:.2f}** |")
    return "\n".join(lines)


def measure(contents: list[bytes], rounds: int) -> tuple[float, float]:
    """Return CPU seconds a file of ours and of libtorrent's: the median over rounds, each a pass over all files in turns."""
    ours, theirs = [], []
    for _ in range(rounds):
        spent = [0.0, 0.0]
        for start in range(0, len(contents), TURN):
            turn = contents[start : start + TURN]
            spent[0] += timed(scan, turn)
            spent[1] += timed(libtorrent.torrent_info, turn)
        ours.append(spent[0] / len(contents))
        theirs.append(spent[1] / len(contents))
    return statistics.median(ours), statistics.median(theirs)


def timed(read: Callable[[bytes], Any], contents: list[bytes]) -> float:
    """Return the CPU seconds that reading takes."""
    began = time.thread_time()
    for content in contents:
        read(content)
    return time.thread_time() - began


def check(content: bytes) -> None:
    """Make sure that both accept the file and agree on its hashes, so that both do the whole work."""
    found = scan(content)
    assert found.is_accepted, found.refusals
    assert found.metainfo is not None
    hashes = libtorrent.torrent_info(content).info_hashes()
    assert found.metainfo.v1 == (hashes.v1.to_bytes() if hashes.has_v1() else None)
    assert found.metainfo.v2 == (hashes.v2.to_bytes() if hashes.has_v2() else None)


def make(shape: Shape, chance: random.Random) -> bytes:
    """Make one torrent of a shape; names, sizes and hashes are random, piece layers hash to their roots."""
    names = sorted({f"{chance.randrange(16**8):08x}.bin" for _ in range(shape.files)})
    last = PIECE // 2 + 1
    size = (shape.pieces_a_file - 1) * PIECE + last
    info: dict[str, Any] = {"name": f"torrent-{chance.randrange(16**8):08x}", "piece length": PIECE}
    outer: dict[str, Any] = {
        "announce": "http://tracker.example/announce",
        "creation date": 1_700_000_000,
        "info": info,
    }
    if shape.has_v1:
        info["pieces"] = chance.randbytes(20 * shape.pieces_a_file * len(names))
        if len(names) == 1:
            info["length"] = size
        else:
            info["files"] = _v1_files(names, size)
            info["pieces"] = info["pieces"][: 20 * -(-sum(file["length"] for file in info["files"]) // PIECE)]
    if shape.has_v2:
        info["meta version"] = 2
        layers = [chance.randbytes(32 * shape.pieces_a_file) for _ in names]
        roots = [_root(layer) for layer in layers]
        info["file tree"] = {
            name: {"": {"length": size, "pieces root": root}} for name, root in zip(names, roots, strict=True)
        }
        outer["piece layers"] = dict(zip(roots, layers, strict=True)) if shape.pieces_a_file > 1 else {}
    content: bytes = libtorrent.bencode(outer)
    return content


def _v1_files(names: list[str], size: int) -> list[dict[str, Any]]:
    """Return the v1 list with each file aligned to a piece by padding."""
    files: list[dict[str, Any]] = []
    for name in names:
        files.append({"length": size, "path": [name]})
        if -size % PIECE and name != names[-1]:
            files.append({"attr": "p", "length": -size % PIECE, "path": [".pad", str(-size % PIECE)]})
    return files


def _root(layer: bytes) -> bytes:
    """Return the root over a piece layer (BEP 52)."""
    padding = bytes(32)
    for _ in range((PIECE // 16_384).bit_length() - 1):
        padding = hashlib.sha256(padding + padding).digest()
    row = [layer[at : at + 32] for at in range(0, len(layer), 32)]
    while len(row) > 1:
        row += [padding] * (len(row) % 2)
        row = [hashlib.sha256(one + two).digest() for one, two in zip(row[::2], row[1::2], strict=True)]
        padding = hashlib.sha256(padding + padding).digest()
    return row[0]
