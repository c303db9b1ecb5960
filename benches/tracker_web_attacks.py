"""
Honest clients of HTTP and WebSocket beside an attack of three times their rate: how many of their announces are answered.

Server on CPU 0, generator on CPU 1. A thousand honest clients, each on its own address, announce at their own times, and come on a
new connection after every tenth announce; an answer counts within two seconds. The limits of an address are as they are by default.
"""

import resource
import statistics
from dataclasses import dataclass

from benches import servers

RATE = 2_000
"""Honest announces a second; the attack is three times that, in its own unit."""
DEADLINES = 11.0
"""Seconds until the tracker's deadline of ten has cut the first connections of an attack that is slow."""

FILLED = 7.0
"""Seconds until the kernel holds no more for a socket that is not read."""


@dataclass(frozen=True)
class Attack:
    """An attack of the generator, its unit, and the counter of /metrics that tells of it."""

    name: str
    said: str
    counter: str
    lead_seconds: float = 1.0
    is_web: bool = False
    most_torrents: int = 10_000_000


ATTACKS = (
    Attack("none", "none, over HTTP", ""),
    Attack("drip", "15,000 connections that drip, a byte each 2.5 s", "http_slow", DEADLINES),
    Attack("giant-head", "heads of 100 kB", "http_malformed"),
    Attack("pipeline", "pipelined announces, no answer read, 16 addresses", "http_slow", DEADLINES),
    Attack("scrape", "scrapes of 100 hashes, 200 addresses", "http_scrapes"),
    Attack("full-scrape", "scrapes of everything", "http_failures"),
    Attack("random-hash", "random info-hashes (open policy, 2,000 torrents)", "refused_full", most_torrents=2_000),
    Attack("one-address", "announces from one address", "over_limit"),
    Attack("harvest", "one address that wants a million peers", "over_limit"),
    Attack("none", "none, over WebSocket", "", is_web=True),
    Attack("frame-bomb", "frames of a terabyte", "ws_connections_cut", is_web=True),
    Attack("fragments", "messages in parts without end", "ws_connections_cut", is_web=True),
    Attack("offers", "announces of 10 offers in one swarm, none read", "ws_offers_dropped", FILLED, is_web=True),
)


@dataclass(frozen=True)
class Round:
    """What one round found."""

    figures: dict[str, float]
    counted: int


def run(*, rounds: int = 3, seconds: float = 2.0) -> str:
    """Attack a new tracker in each round; return the table with the median and the worst of each attack."""
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    head = (
        f"attack, {3 * RATE:,} a second | honest, of {RATE:,} a second, answered | worst round | 99 % of answers within"
        " | CPU s a million of the attack | memory grew | counter, in a round"
    )
    rows = [
        f"| {head} |",
        "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    alone = 0.0
    for attack in ATTACKS:
        told = [_once(attack, seconds=seconds) for _ in range(rounds)]
        cpu = statistics.median(found.figures["cpu_seconds"] for found in told)
        if attack.name == "none":
            alone = cpu
        rows.append(_row(attack, told, attack_cpu=max(0.0, cpu - alone)))
    return "\n".join(rows)


def _row(attack: Attack, told: list[Round], *, attack_cpu: float) -> str:
    figures = [found.figures for found in told]
    answered = [one["answered"] for one in figures]
    within = statistics.median(one["latency_p99_us"] for one in figures) / 1000
    grew = max(one["after_bytes"] - one["full_bytes"] for one in figures) / 2**20
    sent = statistics.median(one["flood_sent"] for one in figures)
    cpu = f"{attack_cpu * 1e6 / sent:.2f}" if sent else ""
    counted = f"{attack.counter} {statistics.median(found.counted for found in told):,.0f}" if attack.counter else ""
    return (
        f"| {attack.said} | {100 * statistics.median(answered):.1f} % | {100 * min(answered):.1f} % | {within:.1f} ms"
        f" | {cpu} | {max(0.0, grew):.1f} MiB | {counted} |"
    )


def _once(attack: Attack, *, seconds: float) -> Round:
    settings = {"requests_per_second": 500, "most_torrents": attack.most_torrents}
    with servers.largesse(**settings) as server:
        figures = servers.load(
            "web-attack",
            attack=attack.name,
            target=server.address,
            process=server.process,
            rate=RATE,
            ratio=3,
            web=int(attack.is_web),
            lead=attack.lead_seconds,
            seconds=seconds,
        )
        return Round(figures, servers.counters(server)[attack.counter] if attack.counter else 0)
