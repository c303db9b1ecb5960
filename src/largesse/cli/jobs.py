"""`largesse jobs`: the background work that waits, runs, or gave up; and what to do about the latter."""

import json
from pathlib import Path

import click

from largesse.cli._django import open_folder


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--retry", type=int, metavar="NUMBER", help="Try a job again that gave up.")
@click.option("--drop", "dropped", type=int, metavar="NUMBER", help="Remove a job that gave up.")
def jobs(*, data: Path | None, file: Path | None, as_json: bool, retry: int | None, dropped: int | None) -> None:
    """Show background work; a job that gave up waits here until someone decides."""
    open_folder(data=data, config_file=file)
    from largesse.jobs.actions.settle_dead import drop, try_again  # These need Django's apps.
    from largesse.jobs.models import Job

    if retry is not None:
        try_again(retry)
    if dropped is not None:
        drop(dropped)
    rows = Job.objects.order_by("state", "run_at", "pk")
    for row in rows.iterator():
        if as_json:
            facts = {"number": row.pk, "name": row.name, "state": row.state, "attempts": row.attempts}
            facts |= {"run_at": row.run_at.isoformat(), "arguments": row.arguments, "last_error": row.last_error}
            click.echo(json.dumps(facts, ensure_ascii=False))
        else:
            error = f"  {row.last_error.splitlines()[0]}" if row.last_error else ""
            when = f"{row.run_at:%Y-%m-%d %H:%M:%S}"
            click.echo(f"{row.pk:>8}  {row.state:8} {when}  {row.name}  begun {row.attempts} times{error}")
    if not as_json and not rows.exists():
        click.echo("No background work waits.")
