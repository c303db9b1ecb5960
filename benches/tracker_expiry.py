"""The announce path while most of the peers are expiring: what a reply costs then, and the longest wait for one."""

import statistics
import time

from benches import servers
from benches.tracker_udp import Run, ratio_of

INTERVAL_SECONDS = 24
LIFE_SECONDS = 64
"""How long a peer of that interval is kept without a word: two and a half intervals, and a tick."""
PASS_SECONDS = 41
"""How long the sweep takes to come round."""
ALL, ACTIVE, TORRENTS = 2_000_000, 200_000, 2_000


def run(*, rounds: int, seconds: float) -> str:
    """Fill, measure, wait until peers that stay silent are due, measure again; return the table."""
    sizes = {"kind": "announce", "torrents": TORRENTS}
    with servers.largesse(interval_seconds=INTERVAL_SECONDS) as tracker, servers.echo(announce_bytes=200) as floor:
        began = time.monotonic()
        servers.load("udp", target=tracker.address, peers=ALL, seconds=0.1, **sizes)
        filled = time.monotonic()

        def turn() -> tuple[Run, Run, Run]:
            at = {name: {"target": one.address, "process": one.process} for name, one in (("f", floor), ("t", tracker))}
            common = {"peers": ACTIVE, "fill": 0, "seconds": seconds, **sizes}
            return (
                servers.load("udp", **at["f"], **common),
                servers.load("udp", **at["t"], **common),
                servers.load("udp", rate=20_000, **at["t"], **common),
            )

        before = [turn() for _ in range(rounds)]
        held = servers.counters(tracker)["peers_ipv4"]
        time.sleep(max(0.0, began + LIFE_SECONDS - time.monotonic()))
        during = []
        while time.monotonic() < filled + LIFE_SECONDS + PASS_SECONDS:
            during.append(turn())
        left = servers.counters(tracker)["peers_ipv4"]
    lines = [
        "| announce, 200k active peers in 2k torrents | peers held | of the floor | CPU s a million | longest reply at 20,000/s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, turns, peers in (("before", before, f"{held:,}"), ("during expiry", during, f"{held:,} → {left:,}")):
        floors, runs, offered = (list(part) for part in zip(*turns, strict=True))
        cost = statistics.median(run["cpu_seconds_per_million"] for run in runs)
        longest = statistics.median(run["latency_longest_us"] for run in offered)
        lines.append(f"| {name} | {peers} | {ratio_of(floors, runs):.2f} | {cost:.2f} | {longest / 1000:.1f} ms |")
    return "\n".join(lines)
