"""What a hostile file may cost: time and memory stay linear in its size, whatever trick it plays."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from largesse.torrents.metainfo import MAXIMUM_BYTES, scan

PIECE = 16_384
SECONDS = 8
"""Far above what a scan of 10 MiB takes here (at most 1 s of CPU), far below what any quadratic step would."""
MOST_MEBIBYTES = 400
"""Twice what the worst of these takes here."""


def v1(files: bytes) -> bytes:
    return b"d4:infod5:filesl%se4:name1:x12:piece lengthi16384e6:pieces20:%see" % (files, b"x" * 20)


def v2(tree: bytes, layers: bytes = b"") -> bytes:
    return b"d4:infod9:file treed%se12:meta versioni2e4:name1:x12:piece lengthi16384ee12:piece layersd%see" % (
        tree,
        layers,
    )


def many(entry: Callable[[int], bytes], frame: Callable[[bytes], bytes]) -> bytes:
    """Repeat an entry until the file is as large as may be."""

    def entries() -> Iterator[bytes]:
        left = MAXIMUM_BYTES - 300
        number = 0
        while (left := left - len(piece := entry(number))) > 0:
            yield piece
            number += 1

    return frame(b"".join(entries()))


def string(content: bytes) -> bytes:
    return b"%d:%s" % (len(content), content)


def v1_file(name: bytes) -> bytes:
    return b"d6:lengthi1e4:pathl%see" % string(name)


def shared_layer() -> bytes:
    """Thousands of files with one root, so that one layer would be hashed thousands of times."""
    pieces = 160_000
    row, padding = [bytes(32)] * pieces, bytes(32)
    while len(row) > 1:
        row += [padding] * (len(row) % 2)
        pair = hashlib.sha256(row[0] + row[1]).digest()
        last = hashlib.sha256(row[-2] + row[-1]).digest()
        row = [pair] * (len(row) // 2 - 1) + [last]
        padding = hashlib.sha256(padding * 2).digest()
    root = row[0]

    def entry(number: int) -> bytes:
        return b"8:%08dd0:d6:lengthi%de11:pieces root%see" % (number, pieces * PIECE, string(root))

    layer = string(root) + string(bytes(32 * pieces))
    tree = b"".join(map(entry, range(50_000)))
    return v2(tree, layer)


def deep_folders() -> bytes:
    """Names of 90 folders that stand once in the file and in the path of each of its files."""
    depth = 90
    files = b"".join(
        b"8:%08dd0:d6:lengthi1e11:pieces root%see" % (number, string(bytes(32))) for number in range(130_000)
    )
    return v2(b"".join(string(b"n" * 40) + b"d" for _ in range(depth)) + files + b"e" * depth)


SHARED = "a layer that many files share"
"""Odd, but a folder of equal files is honest."""

HOSTILE: dict[str, Callable[[], bytes]] = {
    "a path of a million folders": lambda: many(lambda _: b"1:a", lambda path: v1(b"d6:lengthi1e4:pathl%see" % path)),
    SHARED: shared_layer,
    "many files in deep folders": deep_folders,
    "as many files as fit": lambda: many(lambda number: v1_file(b"%d" % number), v1),
    "one file as often as fits": lambda: many(lambda _: v1_file(b"a"), v1),
    "names that are not ASCII": lambda: many(lambda number: v1_file(f"É\u0301ß{number}".encode()), v1),
    "names that are not UTF-8": lambda: many(lambda number: v1_file(b"\xff%d" % number), v1),
    "keys in falling order": lambda: many(
        lambda number: b"7:%07d0:" % (9_999_999 - number), lambda keys: b"d%se" % keys
    ),
    "as many values as may be": lambda: b"d1:al" + b"0:" * 2_999_990 + b"ee",
    "as many dictionaries as may be": lambda: b"d1:al" + b"de" * 2_999_990 + b"ee",
    "as many piece layers as fit": lambda: many(lambda n: b"32:%032d0:" % n, lambda layers: v2(b"", layers)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_bounded(name: str) -> None:
    content = HOSTILE[name]()
    assert MAXIMUM_BYTES // 3 < len(content) <= MAXIMUM_BYTES
    began = time.process_time()
    found = scan(content)
    assert time.process_time() - began < SECONDS
    assert found.is_accepted == (name == SHARED)


PEAK = """
import sys
from largesse.torrents.metainfo import scan

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0])

content = sys.stdin.buffer.read()
before = peak()
scan(content)
print(peak() - before)
"""
"""Prints by how many KiB the peak of a fresh process rose; Linux counts it anew for each program."""


def peak_kibibytes(content: bytes) -> int:
    return int(
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PEAK], input=content, capture_output=True, check=True
        ).stdout
    )


@pytest.mark.parametrize(
    "name", ["many files in deep folders", "names that are not UTF-8", "as many dictionaries as may be"]
)
def test_memory_is_bounded(name: str) -> None:
    assert peak_kibibytes(HOSTILE[name]()) < MOST_MEBIBYTES * 1024


def test_a_small_file_cannot_ask_for_much_memory() -> None:
    """A path of 60 kB once took 400 MiB."""
    assert peak_kibibytes(v1(b"d6:lengthi1e4:pathl" + b"1:a" * 20_000 + b"ee")) < 20 * 1024
