"""`largesse doctor`: what would make the tracker's packets disappear, and how to mend it."""

import json
from dataclasses import asdict
from pathlib import Path
from urllib.parse import urlsplit

import click

from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.kit.runtime import read_runtime
from largesse.swarm.diagnosis import Finding, diagnose

MARKS = {"good": "good    ", "doubtful": "doubtful", "broken": "BROKEN  "}


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option(
    "--listen",
    metavar="ADDR:PORT",
    multiple=True,
    help="Addresses of a tracker that runs alone (default: the running site's, else tracker.listen).",
)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON line: worst, and findings (name, level, sentence, mend)."
)
def doctor(data: Path | None, file: Path | None, listen: tuple[str, ...], as_json: bool) -> int:
    """Look for what would make packets disappear. Exit status: 0 all is good, 1 something is doubtful, 2 broken."""
    config = Config.load(data=data, file=file, options={"tracker.listen": ",".join(listen) or None})
    running = None if listen else read_runtime(config.data)
    findings = list(diagnose(config, running=_addresses(running.announce) if running else None))
    worst = max((list(MARKS).index(finding.level) for finding in findings), default=0)
    if as_json:
        click.echo(json.dumps({"worst": list(MARKS)[worst], "findings": [asdict(finding) for finding in findings]}))
    else:
        for finding in findings:
            _show(finding)
    return worst


def _addresses(announce: tuple[str, ...]) -> list[ListenAddress]:
    """Return where a running tracker listens, as far as its announce URLs say."""
    parts = [urlsplit(url) for url in announce if url.startswith("udp://")]
    return [ListenAddress(part.hostname or "", part.port or 0) for part in parts]


def _show(finding: Finding) -> None:
    click.echo(f"{MARKS[finding.level]}  {finding.name}: {finding.sentence}")
    if finding.mend:
        click.echo(f"{'':10}→ {finding.mend}")
