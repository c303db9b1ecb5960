"""`largesse members`: what members gave and took, as the tracker counted it."""

import json
from datetime import timedelta
from pathlib import Path

import click

from largesse.cli._django import start_django


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--account", metavar="NAME", help="Only this member.")
@click.option(
    "--seed-hours", type=click.FloatRange(min=0), default=24.0, show_default=True, help="Seeding asked of a download."
)
@click.option(
    "--grace-days", type=click.FloatRange(min=0), default=3.0, show_default=True, help="Silence before it counts."
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One object a line: account, torrents, uploaded_bytes, downloaded_bytes, seed_seconds, completed, hit_and_runs.",
)
def members(
    *, data: Path | None, file: Path | None, account: str | None, seed_hours: float, grace_days: float, as_json: bool
) -> None:
    """
    Show what each member uploaded, downloaded, seeded and completed, and the downloads that were left early.

    A hit-and-run is a completed download that was seeded for less than --seed-hours and not announced for --grace-days.
    """
    start_django(data=data, config_file=file)
    from largesse.swarm.queries import member_sums, unreturned  # These need Django's apps.

    grace, required = timedelta(days=grace_days), int(seed_hours * 3600)
    for one in member_sums(username=account):
        left = unreturned(one.account, required_seconds=required, grace=grace)
        told = {
            "account": one.account.username,
            "torrents": one.torrents,
            "uploaded_bytes": one.uploaded_bytes,
            "downloaded_bytes": one.downloaded_bytes,
            "seed_seconds": one.seed_seconds,
            "completed": one.completed,
            "hit_and_runs": [{"key": item.total.key, "missing_seconds": item.missing_seconds} for item in left],
        }
        if as_json:
            click.echo(json.dumps(told))
            continue
        click.echo(
            f"{one.account.username}: {one.uploaded_bytes} bytes given, {one.downloaded_bytes} taken,"
            f" {one.seed_seconds // 3600} h seeded, {one.completed} completed, {len(left)} left early"
        )
