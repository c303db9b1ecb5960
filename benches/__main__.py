"""`make bench`: measure, print the tables, and keep them under benches/results (ARGS="--only udp --rounds 5 --seconds 3")."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from benches import fund, metainfo, servers, tracker_attacks, tracker_memory, tracker_udp, tracker_web, tracker_workers

RESULTS = Path(__file__).resolve().parent / "results"


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only", choices=("udp", "web", "memory", "workers", "attacks", "metainfo", "fund"), action="append"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--small", action="store_true", help="leave the scenarios of more than 200,000 peers out")
    parser.add_argument("--note", default="", help="a sentence that is kept with the result")
    chosen = parser.parse_args()
    parts = chosen.only or ["udp", "web", "memory", "workers", "attacks", "metainfo", "fund"]
    if set(parts) != {"fund"}:
        servers.build()
    if "udp" in parts:
        rows = tracker_udp.run(rounds=chosen.rounds, seconds=chosen.seconds, is_large=not chosen.small)
        keep("tracker-udp", tracker_udp.table(rows), chosen)
    if "web" in parts:
        keep("tracker-web", tracker_web.run(rounds=chosen.rounds, seconds=chosen.seconds), chosen)
    if "memory" in parts:
        keep("tracker-memory", tracker_memory.table(tracker_memory.run()), chosen)
    if "workers" in parts:
        keep("tracker-workers", tracker_workers.run(rounds=chosen.rounds, seconds=chosen.seconds), chosen)
    if "attacks" in parts:
        keep("tracker-attacks", tracker_attacks.run(rounds=chosen.rounds, seconds=chosen.seconds), chosen)
    if "metainfo" in parts:
        keep("metainfo", metainfo.run(rounds=chosen.rounds), chosen)
    if "fund" in parts:
        keep("fund", fund.run(rounds=chosen.rounds), chosen)


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
