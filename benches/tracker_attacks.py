"""
Honest clients beside an attack: how many of their announces are answered while three times as many packets of it come in.

The tracker has the limits of a public one, so the honest clients speak from a thousand addresses, and the attack from as many
others, which it does not use up either: only the attacks of one address meet their limit.
"""

import statistics
from dataclasses import dataclass

from benches import servers

RATE = 10_000
"""Honest announces a second; the attack is three times that."""
SOURCES = 1_000
"""Addresses of the honest clients."""
REQUESTS_PER_SECOND = 500
"""What one address may ask at a tracker that the internet reaches (`tracker.requests_per_second = auto`)."""


@dataclass(frozen=True)
class Attack:
    """An attack of the generator, the counter that tells of it, and from how many addresses it comes."""

    kind: str
    said: str
    counter: str
    attackers: int = SOURCES
    most_torrents: int = 10_000_000


ATTACKS = (
    Attack("wrong-connection", "announces with wrong connection ids", "udp_wrong_connection"),
    Attack("connect", "connects", "udp_connects"),
    Attack("random-hash", "random info-hashes (open policy)", "torrents"),
    Attack("random-hash", "random info-hashes (open policy, 2,000 torrents)", "refused_full", most_torrents=2_000),
    Attack("peer-flood", "peers without end on one swarm", "peers_ipv4"),
    Attack("one-address", "announces from one address", "over_limit", attackers=1),
    Attack("harvest", "one address that wants all peers of one swarm", "over_limit", attackers=1),
    Attack("scrape", "scrapes of 74 hashes", "udp_scrapes"),
    Attack("scrape", "scrapes of 74 hashes from ten addresses", "over_limit", attackers=10),
)


@dataclass(frozen=True)
class Round:
    """What one round found."""

    figures: dict[str, float]
    counted: int


def run(*, rounds: int = 3, seconds: float = 3.0) -> str:
    """Attack a new tracker in each round; return the table with the worst round of each attack, and the median of all."""
    head = (
        f"attack, {3 * RATE:,} packets a second | honest, of {RATE:,} a second, answered | worst round | bytes back for 100 sent"
        " | CPU s a million packets | memory grew | counter, in a round"
    )
    rows = [f"| {head} |", "| --- | ---: | ---: | ---: | ---: | ---: | --- |"]
    rows += [_row(attack, [_once(attack, seconds=seconds) for _ in range(rounds)]) for attack in ATTACKS]
    return "\n".join(rows)


def _row(attack: Attack, told: list[Round]) -> str:
    figures = [found.figures for found in told]
    worst = min(figures, key=lambda one: one["answered"])
    usual = statistics.median(one["answered"] for one in figures)
    packets = (worst["sent"] + worst["flood_sent"]) / 1e6
    cpu = worst["cpu_share"] * worst["seconds"] / packets
    back = 100 * worst["flood_reply_bytes"] / worst["flood_sent"] / _sent_bytes(attack.kind)
    grew = max(0.0, worst["after_bytes"] - worst["full_bytes"]) / 2**20
    counted = statistics.median(found.counted for found in told)
    return (
        f"| {attack.said} | {100 * usual:.1f} % | {100 * worst['answered']:.1f} % | {back:.0f} | {cpu:.2f} | {grew:.1f} MiB"
        f" | {attack.counter} {counted:,.0f} |"
    )


def _once(attack: Attack, *, seconds: float) -> Round:
    settings = {"requests_per_second": REQUESTS_PER_SECOND, "most_torrents": attack.most_torrents}
    with servers.largesse(workers=1, **settings) as server:
        figures = servers.load(
            "attack",
            kind=attack.kind,
            target=server.address,
            process=server.process,
            peers=20_000,
            torrents=200,
            sources=SOURCES,
            attackers=attack.attackers,
            rate=RATE,
            ratio=3,
            seconds=seconds,
        )
        return Round(figures, servers.counters(server)[attack.counter])


def _sent_bytes(kind: str) -> int:
    """Return the length of one packet of the attack."""
    return {"connect": 16, "scrape": 16 + 74 * 20}.get(kind, 98)
