"""`make bench`: measure, print the tables, and keep them under benches/results (ARGS="--only udp --rounds 5 --seconds 3")."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from benches import (
    fund,
    metainfo,
    servers,
    tracker_attacks,
    tracker_expiry,
    tracker_instructions,
    tracker_memory,
    tracker_udp,
    tracker_web,
    tracker_web_attacks,
    tracker_workers,
)

PARTS = ("udp", "instructions", "workers", "expiry", "memory", "web", "attacks", "web-attacks", "metainfo", "fund")
WITHOUT_TRACKER = {"metainfo", "fund"}
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--small", action="store_true", help="leave the scenarios of more than 200,000 peers out")
    parser.add_argument("--note", default="", help="a sentence that is kept with the result")
    chosen = parser.parse_args()
    parts = chosen.only or PARTS
    if set(parts) - WITHOUT_TRACKER:
        servers.build()
    for part in parts:
        keep(part if part in WITHOUT_TRACKER else f"tracker-{part}", measure(part, chosen), chosen)


def measure(part: str, chosen: argparse.Namespace) -> str:
    """Measure one part and return its tables."""
    times = {"rounds": chosen.rounds, "seconds": chosen.seconds}
    match part:
        case "udp":
            return f"{tracker_udp.run(**times, is_large=not chosen.small)}\n\n{tracker_udp.latencies(**times)}"
        case "instructions":
            return tracker_instructions.run()
        case "workers":
            return tracker_workers.run(**times)
        case "expiry":
            return tracker_expiry.run(**times)
        case "memory":
            return tracker_memory.run()
        case "web":
            return tracker_web.run(**times)
        case "attacks":
            return tracker_attacks.run(**times)
        case "web-attacks":
            return tracker_web_attacks.run(**times)
        case "fund":
            return fund.run(rounds=chosen.rounds)
        case _:
            return metainfo.run(rounds=chosen.rounds)


def keep(name: str, table: str, chosen: argparse.Namespace) -> None:
    """Print a table, and keep it with the machine, the day and the command."""
    print(f"\n{table}\n", flush=True)
    part = name.removeprefix("tracker-")
    command = f'make bench ARGS="--only {part} --rounds {chosen.rounds} --seconds {chosen.seconds:g}"'
    day = datetime.now(tz=UTC).strftime("%Y-%m-%d")
    note = f"\n{chosen.note}\n" if chosen.note else ""
    RESULTS.mkdir(exist_ok=True)
    text = f"# {name}\n\n{servers.machine()}; {day}; `{command}`\n{note}\n{table}\n"
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
