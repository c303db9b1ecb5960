"""The tracker over UDP on one core: announce, connect, scrape and a mix, beside the echo floor and Debian's opentracker."""

import contextlib
import statistics
from dataclasses import dataclass

from benches import servers

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """One line of the table: a scenario on a server."""

    scenario: str
    server: str
    replies_per_second: float
    cpu_seconds_per_million: float
    spread: float
    of_floor: float
    errors: float
    lost: float


def measure(*, scenario: str, kind: str, peers: int, torrents: int, rounds: int, seconds: float) -> list[Row]:
    """
    Fill each server, then measure them in turns.

    `of_floor` is the median over the rounds of (CPU of the echo) / (CPU of the server), both of the same round, in CPU seconds per
    million replies of equal length; `spread` is half the distance between the extremes, as a part of the median.
    """
    sizes = {"peers": peers, "torrents": torrents}
    least = 200 if kind == "announce" and peers // torrents > 31 else 0
    with contextlib.ExitStack() as stack:
        tracker = stack.enter_context(servers.largesse())
        peer = stack.enter_context(servers.opentracker(torrents=torrents))
        for server in (tracker, peer):
            filled = servers.load("udp", kind=kind, target=server.address, process=server.process, seconds=0.5, **sizes)
        length = round(filled["reply_bytes"])
        floor = stack.enter_context(servers.echo(announce_bytes=length))
        runs: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for server in (floor, tracker, peer):
                runs.setdefault(server.name, []).append(
                    servers.load(
                        "udp",
                        kind=kind,
                        target=server.address,
                        process=server.process,
                        fill=0,
                        seconds=seconds,
                        least_bytes=least,
                        **sizes,
                    )
                )
    return [_row(scenario, name, runs[name], runs["echo"]) for name in runs]


def _row(scenario: str, name: str, runs: list[dict[str, float]], floor: list[dict[str, float]]) -> Row:
    costs = [run["cpu_seconds_per_million"] for run in runs]
    ratios = [
        base["cpu_seconds_per_million"] / run["cpu_seconds_per_million"] for base, run in zip(floor, runs, strict=True)
    ]
    return Row(
        scenario,
        name,
        statistics.median(run["replies_per_second"] for run in runs),
        statistics.median(costs),
        (max(costs) - min(costs)) / 2 / statistics.median(costs),
        statistics.median(ratios),
        sum(run["errors"] for run in runs),
        sum(run["lost"] for run in runs),
    )


def run(*, rounds: int = ROUNDS, seconds: float = 3.0, is_large: bool = True) -> list[Row]:
    """Measure every scenario. The large one has 2 million peers in a million torrents."""
    rows = []
    for scenario, kind, peers, torrents in (
        ("announce, 30 peers, 200k peers in 2k torrents", "announce", 200_000, 2_000),
        ("connect", "connect", 200_000, 2_000),
        ("scrape of 74", "scrape", 200_000, 2_000),
        ("mix 45/50/5", "mix", 200_000, 2_000),
        ("churn", "churn", 200_000, 2_000),
        ("announce in one swarm of 100k", "announce", 100_000, 1),
        ("announce, 2M peers in 1M torrents", "announce", 2_000_000, 1_000_000),
    ):
        if is_large or peers <= 200_000:
            found = measure(
                scenario=scenario, kind=kind, peers=peers, torrents=torrents, rounds=rounds, seconds=seconds
            )
            # A long run that is broken off must not lose what it has measured.
            print("\n".join(table(found).splitlines()[2:]), flush=True)
            rows += found
    return rows


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    lines = [
        "| scenario | server | replies/s | CPU s a million | spread | of the floor | errors | lost |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.scenario} | {row.server} | {row.replies_per_second:,.0f} | {row.cpu_seconds_per_million:.2f} "
        f"| ±{row.spread:.0%} | {row.of_floor:.2f} | {row.errors:.0f} | {row.lost:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)
