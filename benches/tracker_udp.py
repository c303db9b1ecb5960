"""The tracker over UDP on one core, beside the echo floor and Debian's opentracker: what a reply costs, and how long it takes."""

import contextlib
import statistics
from dataclasses import dataclass

from benches import servers

ROUNDS = 5
OFFERED = 20_000
"""Requests a second of the scenarios that ask for latencies."""

Run = dict[str, float]


@dataclass(frozen=True)
class Scenario:
    """What is asked of how many peers."""

    name: str
    kind: str
    peers: int
    torrents: int


ANNOUNCE = Scenario("announce, 30 peers, 200k peers in 2k torrents", "announce", 200_000, 2_000)
SCENARIOS = (
    ANNOUNCE,
    Scenario("announce, 2M peers in 1M torrents", "announce", 2_000_000, 1_000_000),
    Scenario("connect", "connect", 200_000, 2_000),
    Scenario("scrape of 74", "scrape", 200_000, 2_000),
    Scenario("mix of 45 connects, 50 announces, 5 scrapes", "mix", 200_000, 2_000),
    Scenario("churn: a tenth of the peers come and go", "churn", 200_000, 2_000),
    Scenario("announce in one swarm of 100k", "announce", 100_000, 1),
)


@dataclass(frozen=True)
class Row:
    """One line of the table: a scenario on a server."""

    scenario: str
    server: str
    replies_per_second: float
    cpu_seconds_per_million: float
    spread: float
    of_floor: float
    of_opentracker: float
    errors: float
    lost: float


def measure(scenario: Scenario, *, rounds: int, seconds: float) -> list[Row]:
    """
    Fill the two trackers, then measure them and the floor in turns.

    `of_floor` is the median over the rounds of (CPU of the echo) / (CPU of the server), both of the same round, in CPU seconds per
    million replies of equal length, and `of_opentracker` the same with opentracker's CPU; `spread` is half the distance between
    the extremes, as a part of the median.
    """
    with contextlib.ExitStack() as stack:
        tracker = stack.enter_context(servers.largesse())
        peer = stack.enter_context(servers.opentracker(torrents=scenario.torrents))
        for server in (tracker, peer):
            filled = _load(scenario, server, seconds=0.5)
        length = round(filled["reply_bytes"])
        floor = stack.enter_context(servers.echo(announce_bytes=length))
        least = 200 if scenario.kind == "announce" and scenario.peers // scenario.torrents > 31 else 0
        runs: dict[str, list[Run]] = {}
        for _ in range(rounds):
            for server in (floor, tracker, peer):
                run = _load(scenario, server, fill=0, seconds=seconds, least_bytes=least)
                runs.setdefault(server.name, []).append(run)
    return [_row(scenario.name, name, runs) for name in runs]


def _load(scenario: Scenario, server: servers.Server, **options: object) -> Run:
    sizes = {"kind": scenario.kind, "peers": scenario.peers, "torrents": scenario.torrents}
    return servers.load("udp", target=server.address, process=server.process, **sizes, **options)


def _row(scenario: str, name: str, runs: dict[str, list[Run]]) -> Row:
    costs = [run["cpu_seconds_per_million"] for run in runs[name]]
    return Row(
        scenario,
        name,
        statistics.median(run["replies_per_second"] for run in runs[name]),
        statistics.median(costs),
        (max(costs) - min(costs)) / 2 / statistics.median(costs),
        ratio_of(runs["echo"], runs[name]),
        ratio_of(runs["opentracker"], runs[name]) if "opentracker" in runs else 0.0,
        sum(run["errors"] for run in runs[name]),
        sum(run["lost"] for run in runs[name]),
    )


def ratio_of(base: list[Run], runs: list[Run]) -> float:
    """Return how much of the base's CPU a reply takes: the median over rounds, each compared with itself."""
    pairs = zip(base, runs, strict=True)
    return statistics.median(one["cpu_seconds_per_million"] / two["cpu_seconds_per_million"] for one, two in pairs)


def run(*, rounds: int = ROUNDS, seconds: float = 2.0, is_large: bool = True) -> str:
    """Measure every scenario and return the table."""
    rows: list[Row] = []
    for scenario in SCENARIOS:
        if is_large or scenario.peers <= 200_000:
            found = measure(scenario, rounds=rounds, seconds=seconds)
            # A long run that is broken off must not lose what it has measured.
            print("\n".join(table(found).splitlines()[2:]), flush=True)
            rows += found
    return table(rows)


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    lines = [
        "| scenario | server | replies/s | CPU s a million | spread | of the floor | times opentracker | errors | lost |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {row.scenario} | {row.server} | {row.replies_per_second:,.0f} | {row.cpu_seconds_per_million:.2f} "
        f"| ±{row.spread:.0%} | {row.of_floor:.2f} | {row.of_opentracker:.2f} | {row.errors:.0f} | {row.lost:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def latencies(*, rounds: int = ROUNDS, seconds: float = 2.0) -> str:
    """Ask every server at the same offered rate, in turns, and return the table of how long replies take."""
    runs: dict[str, list[Run]] = {}
    with contextlib.ExitStack() as stack:
        floor = stack.enter_context(servers.echo(announce_bytes=200))
        tracker = stack.enter_context(servers.largesse())
        peer = stack.enter_context(servers.opentracker(torrents=ANNOUNCE.torrents))
        for server in (tracker, peer):
            _load(ANNOUNCE, server, seconds=0.1)
        for _ in range(rounds):
            for server in (floor, tracker, peer):
                runs.setdefault(server.name, []).append(_load(ANNOUNCE, server, fill=0, seconds=seconds, rate=OFFERED))
    lines = [
        f"| {OFFERED:,} announces a second offered | answered | 50 % within | 99 % | 99.9 % | longest | CPU s a million |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, own in runs.items():
        told = {key: statistics.median(run[key] for run in own) for key in own[0]}
        times = " | ".join(f"{told[f'latency_{part}_us']:,.0f} µs" for part in ("p50", "p99", "p999", "longest"))
        answered = told["replies"] / told["sent"]
        lines.append(f"| {name} | {answered:.2%} | {times} | {told['cpu_seconds_per_million']:.2f} |")
    return "\n".join(lines)
