"""Honest clients beside an attack: how many of their announces are answered while three times as many packets of it come in."""

import statistics

from benches import servers

KINDS = {
    "wrong-connection": "announces with wrong connection ids",
    "connect": "connects",
    "random-hash": "random info-hashes (open policy)",
    "peer-flood": "peers without end on one swarm",
    "one-address": "announces from one address",
    "scrape": "scrapes of 74 hashes",
}
RATE = 10_000
"""Honest announces a second; the attack is three times that."""


def run(*, rounds: int = 3, seconds: float = 3.0) -> str:
    """Attack a new tracker in each round; return the table with the worst round of each attack, and the median of all."""
    rows = [
        "| attack, 30,000 packets a second | honest, of 10,000 a second, answered | worst round | bytes back for 100 sent | CPU s a million packets | memory grew |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for kind, said in KINDS.items():
        told = [_once(kind, seconds=seconds) for _ in range(rounds)]
        worst = min(told, key=lambda figures: figures["answered"])
        usual = statistics.median(figures["answered"] for figures in told)
        packets = (worst["sent"] + worst["flood_sent"]) / 1e6
        cpu = worst["cpu_share"] * worst["seconds"] / packets
        back = 100 * worst["flood_reply_bytes"] / worst["flood_sent"] / _sent_bytes(kind)
        grew = max(0.0, worst["after_bytes"] - worst["full_bytes"]) / 2**20
        rows.append(
            f"| {said} | {100 * usual:.1f} % | {100 * worst['answered']:.1f} % | {back:.0f} | {cpu:.2f} | {grew:.1f} MiB |"
        )
    return "\n".join(rows)


def _once(kind: str, *, seconds: float) -> dict[str, float]:
    with servers.largesse(workers=1) as server:
        return servers.load(
            "attack",
            kind=kind,
            target=server.address,
            process=server.process,
            peers=20_000,
            torrents=200,
            sources=1_000,
            rate=RATE,
            ratio=3,
            seconds=seconds,
        )


def _sent_bytes(kind: str) -> int:
    """Return the length of one packet of the attack."""
    return {"connect": 16, "scrape": 16 + 74 * 20}.get(kind, 98)
