"""What is measured: the echo floor, our tracker and Debian's opentracker, each pinned to CPU 0 on a free port of the loopback."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
LOAD = ROOT / "target" / "release" / "largesse-load"


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and the process whose CPU time and memory count."""

    name: str
    address: str
    process: int
    admin: str = ""


def build() -> None:
    """Build the generator."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "-p", "largesse-load"], cwd=ROOT, check=True)


def load(mode: str, /, *, cpu: int | None = 1, **options: object) -> dict[str, float]:
    """Run the generator, on a CPU of its own, and return the figures of its line."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
    done = subprocess.run([*pinned, str(LOAD), mode, *words], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@contextlib.contextmanager
def running(name: str, command: list[str], cpus: str) -> Iterator[Server]:
    """Start a program that tells its address and process in its first line; stop it in the end."""
    child = subprocess.Popen(
        ["taskset", "-c", cpus, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        yield Server(name, told["address"], told["process"])
    finally:
        child.kill()
        child.communicate()


def echo(*, announce_bytes: int) -> contextlib.AbstractContextManager[Server]:
    """Run the echo floor."""
    return running("echo", [str(LOAD), "echo", "--announce", str(announce_bytes)], "0")


@contextlib.contextmanager
def largesse(*, workers: int = 1, **chosen: int) -> Iterator[Server]:
    """Run our tracker by the command that anybody would run, with settings of its section: one worker on CPU 0, two on both."""
    words = [sys.executable, "-m", "largesse", "tracker", "--policy", "open", "--listen", "127.0.0.1:0"]
    words += ["--workers", str(workers), "--admin", "127.0.0.1:0", "--json"]
    pinned = ["taskset", "-c", "0" if workers == 1 else "0,1"]
    settings = {f"LARGESSE_TRACKER_{name.upper()}": str(value) for name, value in chosen.items()}
    child = subprocess.Popen(
        [*pinned, *words], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **settings}
    )
    try:
        assert child.stdout is not None
        told = json.loads(child.stdout.readline())
        yield Server("largesse", urlsplit(told["announce"][0]).netloc, told["pid"], told["admin"])
    finally:
        child.kill()
        child.communicate()


@contextlib.contextmanager
def opentracker(*, torrents: int) -> Iterator[Server]:
    """Run Debian's opentracker. It is built with a whitelist, so every info-hash of the run stands in its file."""
    program = shutil.which("opentracker")
    if program is None:
        raise SystemExit("opentracker is not here: install Debian's package opentracker")
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        Path(folder).chmod(0o755)
        allowed = Path(folder) / "allowed"
        with allowed.open("wb") as file:
            subprocess.run([str(LOAD), "hashes", "--torrents", str(torrents)], check=True, stdout=file)
        allowed.chmod(0o644)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        words = [program, "-i", "127.0.0.1", "-p", str(port), "-P", str(port), "-d", folder, "-w", "allowed"]
        child = subprocess.Popen(
            ["taskset", "-c", "0", *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait_for_whitelist(f"127.0.0.1:{port}", torrents=min(2, torrents))
            yield Server("opentracker", f"127.0.0.1:{port}", child.pid)
        finally:
            child.kill()
            child.wait()


def _wait_for_whitelist(address: str, *, torrents: int) -> None:
    """Wait until announces are answered with peers; before its file is read, opentracker answers them with 8 bytes."""
    for _ in range(60):
        with contextlib.suppress(subprocess.CalledProcessError):
            told = load("udp", kind="announce", target=address, peers=200, torrents=torrents, seconds=0.05)
            if told["reply_bytes"] >= 200:
                return
    raise SystemExit("opentracker does not answer")


def counters(server: Server) -> dict[str, int]:
    """Return what our tracker tells at its admin address."""
    with urllib.request.urlopen(f"{server.admin}/stats.json", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def machine() -> str:
    """Return the machine in one line: processor, cores, memory, kernel."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        "unknown processor",
    )
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {gigabytes:.0f} GiB, Linux {os.uname().release}"
