"""`largesse check`: whether everything in the data folder agrees; the first break is said plainly."""

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from django.apps import apps
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from largesse.cli._django import open_folder

if TYPE_CHECKING:  # At run time it needs Django's apps, which need the data folder.
    from largesse.journal.checks import Break

MOST_BREAKS = 100
"""How many are listed; more say nothing new."""
BROKEN = 1


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line: ok, checked, breaks.")
def check(data: Path | None, file: Path | None, as_json: bool) -> int:
    """Verify the journal's chain, the stored files and every table's agreement; exit status 1 when something is broken."""
    open_folder(data=data, config_file=file)
    checked: list[str] = []
    breaks: list[Break] = []
    with _progress(is_quiet=as_json or not sys.stderr.isatty()) as listening:
        for name, app_check in _checks():
            checked.append(name)
            with listening(name):
                for found in app_check():
                    breaks.append(found)
                    if len(breaks) == MOST_BREAKS:
                        break
            if len(breaks) == MOST_BREAKS:
                break
    if as_json:
        told = [{"where": found.where, "sentence": found.sentence} for found in breaks]
        click.echo(json.dumps({"ok": not breaks, "checked": checked, "breaks": told}, ensure_ascii=False))
    elif breaks:
        click.echo("Broken:")
        for found in breaks:
            click.echo(f"  {found.where}: {found.sentence}")
        if len(breaks) == MOST_BREAKS:
            click.echo("  and maybe more.")
    else:
        click.echo(f"All is well: {', '.join(checked)}.")
    return BROKEN if breaks else 0


def _checks() -> Iterator[tuple[str, Callable[[], Iterator["Break"]]]]:
    """Yield each app's check; the journal's comes first, since others rest on it."""
    ours = [config for config in apps.get_app_configs() if config.name.startswith("largesse.")]
    for config in sorted(ours, key=lambda config: config.label != "journal"):
        if importlib.util.find_spec(f"{config.name}.checks") is not None:
            yield config.label, importlib.import_module(f"{config.name}.checks").check


@contextmanager
def _progress(*, is_quiet: bool) -> Iterator[Callable[[str], AbstractContextManager[None]]]:
    """Show how far each check is, on standard error."""
    from largesse.journal.checks import heard_by

    bar = Progress(
        TextColumn("{task.description:12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=is_quiet,
    )

    @contextmanager
    def listening(name: str) -> Iterator[None]:
        task = bar.add_task(name, total=None)
        with heard_by(lambda done, total: bar.update(task, completed=done, total=total)):
            yield
        bar.update(task, total=1, completed=1)

    with bar:
        yield listening
