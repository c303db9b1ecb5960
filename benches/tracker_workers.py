"""Contention: user-space CPU a reply with two workers, as a part of one worker's."""

import statistics

from benches import servers


def run(*, rounds: int = 5, seconds: float = 3.0) -> str:
    """Measure one and two workers in turns; the generator is not pinned, since both cores are the tracker's."""
    costs: dict[int, list[float]] = {1: [], 2: []}
    with servers.largesse(workers=1) as one, servers.largesse(workers=2) as two:
        for server in (one, two):
            servers.load("udp", cpu=None, kind="announce", target=server.address, process=server.process, seconds=0.5)
        for _ in range(rounds):
            for workers, server in ((1, one), (2, two)):
                told = servers.load(
                    "udp",
                    cpu=None,
                    kind="announce",
                    target=server.address,
                    process=server.process,
                    fill=0,
                    seconds=seconds,
                )
                costs[workers].append(told["user_seconds_per_million"])
    alone, together = statistics.median(costs[1]), statistics.median(costs[2])
    return (
        "| workers | user CPU s a million | of one worker's |\n| ---: | ---: | ---: |\n"
        f"| 1 | {alone:.2f} | 1.00 |\n| 2 | {together:.2f} | {together / alone:.2f} |"
    )
