"""
Instructions of the tracker for each reply, counted by callgrind: they do not depend on what else the machine does.

Only what happens between the system calls is counted: from a batch of 64 packets that was received to 64 replies that are ready to
be sent. The kernel's share is in the CPU seconds of `tracker_udp`.
"""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from benches import servers

COUNTED = "largesse_tracker::udp::Worker::answer"
REQUESTS = 100_000
SHAPES = (
    ("announce, 30 peers, 100 peers a torrent", "announce", 50_000, 500),
    ("announce, 2 peers a torrent", "announce", 50_000, 25_000),
    ("announce in one swarm of 50k", "announce", 50_000, 1),
    ("connect", "connect", 50_000, 500),
    ("scrape of 74", "scrape", 50_000, 500),
)


def run() -> str:
    """Count every shape and return the table."""
    if shutil.which("valgrind") is None:
        raise SystemExit("valgrind is not here: install Debian's package valgrind")
    build = ["cargo", "build", "--release", "--quiet", "-p", "largesse-tracker", "--example", "open_tracker"]
    subprocess.run(build, cwd=servers.ROOT, check=True)
    lines = ["| request | instructions a reply |", "| --- | ---: |"]
    for name, kind, peers, torrents in SHAPES:
        lines.append(f"| {name} | {count(kind=kind, peers=peers, torrents=torrents):,.0f} |")
    return "\n".join(lines)


def count(*, kind: str, peers: int, torrents: int, requests: int = REQUESTS) -> float:
    """Fill a tracker under callgrind, forget what that took, and return the instructions for each of the requests after it."""
    requests = requests // 10 if kind == "scrape" else requests
    program = str(servers.ROOT / "target" / "release" / "examples" / "open_tracker")
    # Each address connects first, and that is counted, too: a hundred of them do not matter.
    sizes = {"kind": kind, "peers": peers, "torrents": torrents, "sources": 100}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind"
        words = ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={COUNTED}*"]
        words += [f"--callgrind-out-file={out}", program]
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
        )
        try:
            assert child.stdout is not None
            target = json.loads(child.stdout.readline())["address"]
            servers.load("udp", cpu=None, target=target, requests=1, window=64, **sizes)
            control = ["callgrind_control", "--zero", str(child.pid)]
            subprocess.run(control, check=True, capture_output=True, cwd=folder)
            told = servers.load("udp", cpu=None, target=target, fill=0, requests=requests, window=256, **sizes)
            child.communicate(timeout=60)
        finally:
            child.kill()
            child.communicate()
        total = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
        if total is None:
            raise SystemExit("callgrind counted nothing")
        return int(total[1]) / told["replies"]
