"""`largesse ledger`: export the public book, and recompute every published figure from its postings."""

import importlib
import importlib.util
import json
import sys
from pathlib import Path

import click

from largesse.cli._django import open_folder

BROKEN = 1
DATA = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data)."
)
FILE = click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")


@click.group()
def ledger() -> None:
    """The fund's book."""


@ledger.command()
@DATA
@FILE
@click.option("--format", "form", type=click.Choice(["beancount", "hledger", "csv", "json"]), default="beancount")
@click.option("--drive", "fund", metavar="PUBLIC_ID", help="Only the entries that touch one drive.")
def export(*, data: Path | None, file: Path | None, form: str, fund: str | None) -> None:
    """Write the public book to standard output."""
    open_folder(data=data, config_file=file)
    from largesse.ledger.exports import FORMATS  # It needs Django's apps.

    for line in FORMATS[form](fund=fund):
        sys.stdout.write(line)


@ledger.command()
@DATA
@FILE
@click.option("--json", "as_json", is_flag=True, help="One JSON line: ok, breaks.")
def check(*, data: Path | None, file: Path | None, as_json: bool) -> int:
    """Recompute every published figure from the postings; exit status 1 when one differs."""
    open_folder(data=data, config_file=file)
    breaks = [
        found
        for app in ("ledger", "drives")
        if importlib.util.find_spec(f"largesse.{app}.checks") is not None
        for found in importlib.import_module(f"largesse.{app}.checks").check()
    ]
    if as_json:
        told = [{"where": found.where, "sentence": found.sentence} for found in breaks]
        click.echo(json.dumps({"ok": not breaks, "breaks": told}, ensure_ascii=False))
    for found in [] if as_json else breaks:
        click.echo(f"{found.where}: {found.sentence}")
    if not breaks and not as_json:
        click.echo("The books agree.")
    return BROKEN if breaks else 0
