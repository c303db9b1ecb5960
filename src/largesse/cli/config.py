"""`largesse config`: the effective settings, each with where it came from; secrets are masked."""

import json
import os
from pathlib import Path
from typing import Any

import click

from largesse.config.settings import Config, Origin
from largesse.config.sources import variable_of
from largesse.config.values import ListenAddress


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--explain", is_flag=True, help="Say what each setting is for.")
def config(data: Path | None, file: Path | None, as_json: bool, explain: bool) -> None:
    """Show the effective settings, each with where it came from (secrets masked)."""
    effective = Config.load(data=data, file=file)
    rows = effective.effective()
    if as_json:
        click.echo(json.dumps({"key": "data", "value": str(effective.data), "origin": _data_origin(data)}))
        for row in rows:
            click.echo(json.dumps({"key": row.key, "value": _plain(row), "origin": row.origin}, ensure_ascii=False))
        return
    width = max(len(row.key) for row in rows)
    click.echo(f"{'data':{width}}  {effective.data}  ({_data_origin(data)})")
    for row in rows:
        click.echo(f"{row.key:{width}}  {_shown(row)}  ({row.origin})")
        if explain:
            click.echo(f"{'':{width}}  {row.help} {variable_of(row.key)}")


def _data_origin(data: Path | None) -> str:
    if data is not None:
        return "command line"
    return "variable LARGESSE_DATA" if os.environ.get("LARGESSE_DATA") else "default"


def _plain(row: Origin) -> Any:
    if row.is_secret and row.value:
        return "***"
    if isinstance(row.value, tuple):
        return [str(item) for item in row.value]
    return str(row.value) if isinstance(row.value, ListenAddress) else row.value


def _shown(row: Origin) -> str:
    plain = _plain(row)
    if isinstance(plain, list):
        return ", ".join(plain) or "–"
    return str(plain) if plain != "" else "–"
