"""
The tracker over HTTP beside a bare server of the same stack, and its relay of WebTorrent offers beside npm's server.

Server on CPU 0, load on CPU 1, the servers in turn, medians. HTTP is asked by Debian's wrk: one announce with a reply of 30 peers,
64 connections that stay open. Offers come from sockets of one swarm, five offers an announce.
"""

import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benches import servers

EXAMPLES = servers.ROOT / "target" / "release" / "examples"
CONNECTIONS = 64
SOCKETS = 50


@dataclass(frozen=True)
class Sample:
    """What one server did in one round."""

    scenario: str
    server: str
    per_second: float
    cpu_seconds_per_million: float


def run(*, rounds: int, seconds: float) -> str:
    """Measure all servers in turn and return the table."""
    program = shutil.which("wrk")
    if program is None or shutil.which("node") is None:
        raise SystemExit(
            "wrk and node are needed: install Debian's packages wrk and nodejs, and run npm ci in tests/node"
        )
    build = ["cargo", "build", "--release", "--quiet", "-p", "largesse-tracker", "--examples"]
    subprocess.run(build, cwd=servers.ROOT, check=True)
    samples = []
    for _ in range(rounds):
        samples += _http(program, seconds) + _offers(seconds)
    return _table(samples)


def _http(wrk: str, seconds: float) -> list[Sample]:
    with servers.largesse() as tracker:
        for number in range(100):
            _announce(tracker.address, port=7000 + number)
        body = _announce(tracker.address, port=7000)
        ours = _wrk(wrk, tracker, seconds)
    with tempfile.NamedTemporaryFile() as file:
        file.write(body)
        file.flush()
        with _bare(Path(file.name)) as bare:
            return [_wrk(wrk, bare, seconds), ours]


def _bare(answer: Path) -> AbstractContextManager[servers.Server]:
    return servers.running("bare server", [str(EXAMPLES / "bare_http"), str(answer)], "0")


def _target(port: int) -> str:
    words = {"info_hash": "w" * 20, "peer_id": f"-LD0001-{port:012}", "port": port, "uploaded": 0, "downloaded": 0}
    return "/announce?" + urlencode({**words, "left": 1, "compact": 1, "numwant": 30, "key": "5f3c"})


def _announce(address: str, *, port: int) -> bytes:
    host, own = address.split(":")
    with socket.create_connection((host, int(own)), timeout=10) as stream:
        stream.sendall(f"GET {_target(port)} HTTP/1.0\r\n\r\n".encode())
        return b"".join(iter(lambda: stream.recv(65_536), b"")).partition(b"\r\n\r\n")[2]


def _wrk(wrk: str, server: servers.Server, seconds: float) -> Sample:
    command = ["taskset", "-c", "1", wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
    before = _cpu_seconds(server.process)
    told = subprocess.run(
        [*command, f"http://{server.address}{_target(7000)}"], check=True, capture_output=True, text=True
    )
    spent = _cpu_seconds(server.process) - before
    found = re.search(r"(\d+) requests in", told.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told.stdout)
    if found is None or rate is None or "Non-2xx" in told.stdout:
        raise SystemExit(f"wrk said: {told.stdout}")
    return Sample("HTTP announce, 30 peers, kept alive", server.name, float(rate[1]), spent * 1e6 / int(found[1]))


def _offers(seconds: float) -> list[Sample]:
    script = str(servers.ROOT / "tests" / "node" / "serve_tracker.mjs")
    samples = []
    for made in (servers.running("npm bittorrent-tracker", ["node", script], "0"), servers.largesse()):
        with made as server:
            before = _cpu_seconds(server.process)
            told = servers.load("offers", target=server.address, sockets=SOCKETS, seconds=seconds)
            # The generator warms up for a quarter of its time; what that cost is in the CPU time, and so is taken off in proportion.
            spent = (_cpu_seconds(server.process) - before) / 1.25
            per_second = told["offers"] / told["seconds"]
            samples.append(Sample("WebSocket offers relayed", server.name, per_second, spent * 1e6 / told["offers"]))
    return samples


def _cpu_seconds(process: int) -> float:
    # Fields 14 and 15 of stat are user and system ticks of a hundredth of a second; the name before them may hold spaces.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _table(samples: list[Sample]) -> str:
    rows = [
        "| scenario | server | a second | spread | CPU s a million | times the first |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    first: dict[str, float] = {}
    for scenario, server in dict.fromkeys((sample.scenario, sample.server) for sample in samples):
        own = [sample for sample in samples if (sample.scenario, sample.server) == (scenario, server)]
        rates = [sample.per_second for sample in own]
        rate = statistics.median(rates)
        first.setdefault(scenario, rate)
        spread = (max(rates) - min(rates)) / 2 / rate
        cpu = statistics.median(sample.cpu_seconds_per_million for sample in own)
        rows.append(
            f"| {scenario} | {server} | {rate:,.0f} | ±{spread:.0%} | {cpu:.2f} | {rate / first[scenario]:.2f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(run(rounds=int(sys.argv[1]), seconds=float(sys.argv[2])))
