"""
Memory of ten million IPv4 peers, and what could be a pause while that many are held.

The longest reply at a fixed rate is what a client sees, with all that the machine does besides. The pauses are the longest times
that one batch of growth, one part of a snapshot and one step of expiry take, in CPU time of the thread that does them: they are
taken by `crates/tracker/examples/pauses.rs` on the same shard without sockets, and do not depend on what else runs.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benches import servers

PEERS = 10_000_000
RATE = 20_000

Figures = dict[str, float]


def measure(*, torrents: int, peers: int = PEERS) -> str:
    """Fill a tracker and ask it at a fixed rate, first at rest, then while it writes a snapshot; return a row of the table."""
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
            writing = servers.load("udp", seconds=12, fill=0, **sizes, **where)
            child.stdout.readline()
            size = path.stat().st_size
    finally:
        child.kill()
        child.communicate()
    bytes_a_peer = (rest["full_bytes"] - rest["empty_bytes"]) / peers
    longest = [figures["latency_longest_us"] / 1000 for figures in (rest, writing)]
    paused = pauses(peers=peers, torrents=torrents)
    pause = " | ".join(f"{paused[f'{name}_us'] / 1000:.2f} ms" for name in ("growth", "snapshot", "expiry"))
    return (
        f"| {torrents:,} | {bytes_a_peer:.1f} | {rest['cpu_share']:.1%} | {longest[0]:.1f} ms | {longest[1]:.1f} ms "
        f"| {size / 1e6:.0f} MB | {pause} |"
    )


def pauses(*, peers: int, torrents: int) -> Figures:
    """Return the longest times of growth, a snapshot and expiry, in microseconds."""
    program = servers.ROOT / "target" / "release" / "examples" / "pauses"
    done = subprocess.run([str(program), str(peers), str(torrents)], check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def run() -> str:
    """Measure 100 peers a torrent and 2 peers a torrent, and return the table."""
    build = ["cargo", "build", "--release", "--quiet", "-p", "largesse-tracker", "--examples"]
    subprocess.run(build, cwd=servers.ROOT, check=True)
    held = f"torrents ({PEERS:,} peers) | bytes a peer | CPU share at {RATE:,}/s"
    waits = "longest reply | while a snapshot is written | snapshot"
    lines = [
        f"| {held} | {waits} | pause: growth | pause: snapshot | pause: expiry |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, measure(torrents=PEERS // 100), measure(torrents=PEERS // 2)])
