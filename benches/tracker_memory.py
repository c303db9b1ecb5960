"""Memory of ten million IPv4 peers, and the longest wait for a reply while that many are held and a snapshot is written."""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benches import servers

PEERS = 10_000_000
RATE = 20_000


@dataclass(frozen=True)
class Row:
    """One density of peers."""

    torrents: int
    bytes_a_peer: float
    fill_seconds: float
    longest_us: float
    longest_while_writing_us: float
    snapshot_bytes: int


def measure(*, torrents: int, peers: int = PEERS) -> Row:
    """Fill a tracker and ask it at a fixed rate, first at rest, then while it writes a snapshot."""
    sizes = {"peers": peers, "torrents": torrents, "sources": 4_000, "rate": RATE, "kind": "announce"}
    command = ["taskset", "-c", "0", sys.executable, "-m", "benches.serve"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=servers.ROOT)
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        where = {"target": told["address"], "process": told["process"]}
        rest = servers.load("udp", seconds=5, **sizes, **where)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "swarms"
            child.stdin.write(f"snapshot {path}\n")
            child.stdin.flush()
            writing = servers.load("udp", seconds=15, fill=0, **sizes, **where)
            child.stdout.readline()
            size = path.stat().st_size
    finally:
        child.kill()
        child.communicate()
    return Row(
        torrents,
        (rest["full_bytes"] - rest["empty_bytes"]) / peers,
        rest["fill_seconds"],
        rest["latency_longest_us"],
        writing["latency_longest_us"],
        size,
    )


def run() -> list[Row]:
    """Measure 100 peers a torrent and 2 peers a torrent."""
    return [measure(torrents=PEERS // 100), measure(torrents=PEERS // 2)]


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    lines = [
        f"| torrents ({PEERS:,} peers) | bytes a peer | filled in | longest reply at {RATE:,}/s | the same while a snapshot is written | snapshot |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.torrents:,} | {row.bytes_a_peer:.1f} | {row.fill_seconds:.0f} s | {row.longest_us / 1000:.1f} ms "
        f"| {row.longest_while_writing_us / 1000:.1f} ms | {row.snapshot_bytes / 1e6:.0f} MB |"
        for row in rows
    ]
    return "\n".join(lines)
