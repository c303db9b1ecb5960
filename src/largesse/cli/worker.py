"""`largesse worker`: background work alone."""

import threading
from pathlib import Path
from typing import Any

import click

from largesse.cli._django import open_folder
from largesse.cli._parts import end_on_signal


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--threads", type=click.IntRange(1, 64), default=2, show_default=True, help="Jobs at the same time.")
def worker(data: Path | None, file: Path | None, threads: int) -> None:
    """Do background work alone (several may share one database)."""
    open_folder(data=data, config_file=file)
    from largesse.cli._running import run_worker  # Needs Django's settings.

    stop = threading.Event()
    end_on_signal(stop)

    def tell(said: dict[str, Any]) -> None:
        del said
        click.echo("The worker waits for work.")

    run_worker(stop, tell, threads=threads)
