"""`largesse web`: the site alone, over a data folder that `largesse up` or `largesse manage migrate` prepared."""

import contextlib
import threading
from pathlib import Path
from typing import Any

import click

from largesse.cli._django import start_django
from largesse.cli._folder import prepare
from largesse.cli._parts import end_on_signal
from largesse.cli._sockets import address_of, listening_socket
from largesse.config.settings import Config


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--listen", metavar="ADDR:PORT", help="Address of the site; port 0 takes a free one.")
def web(data: Path | None, file: Path | None, listen: str | None) -> None:
    """Serve the site alone (several may share one PostgreSQL behind a proxy)."""
    config = Config.load(data=data, file=file, options={"web.listen": listen})
    with contextlib.closing(listening_socket(config.web.listen)) as listening:
        taken = {"web.listen": address_of(listening)}
        config = start_django(data=config.data, config_file=file, options=taken)
        prepare(config.data)
        from largesse.cli._running import run_web  # Needs Django's settings.

        stop = threading.Event()
        end_on_signal(stop)

        def tell(said: dict[str, Any]) -> None:
            del said
            click.echo(f"The site answers at http://{taken['web.listen']}.")

        run_web(listening, stop, tell)
