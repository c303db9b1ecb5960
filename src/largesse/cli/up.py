"""`largesse up`: the whole site from one data folder, one command, no other service."""

import contextlib
import functools
import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from django.urls import get_resolver

from largesse import __version__
from largesse.cli._django import start_django
from largesse.cli._folder import claimed, prepare
from largesse.cli._parts import Part
from largesse.cli._sockets import address_of, listening_socket
from largesse.cli._supervisor import Supervisor
from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.kit.runtime import Runtime, remove_runtime, write_runtime
from largesse.swarm.core import announce_urls_of, take_addresses

READY_SECONDS = 60.0

logger = logging.getLogger("largesse.up")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--listen", metavar="ADDR:PORT", help="Address of the site; port 0 takes a free one.")
@click.option(
    "--tracker",
    metavar="ADDR:PORT",
    multiple=True,
    help="Address of the tracker, UDP and HTTP; more than once, or a comma list. Port 0 takes a free one.",
)
@click.option("--demo", is_flag=True, help="Fill the folder with demo content first.")
@click.option("--json", "as_json", is_flag=True, help="Once ready, one JSON line with site, announce and setup.")
def up(
    *, data: Path | None, file: Path | None, listen: str | None, tracker: tuple[str, ...], demo: bool, as_json: bool
) -> None:
    """Run the site, the tracker and the worker over one data folder, until stopped."""
    options = {"web.listen": listen, "tracker.listen": ",".join(tracker) or None}
    config = Config.load(data=data, file=file, options=options)
    with contextlib.ExitStack() as stack:
        stack.enter_context(claimed(config.data))
        listening = stack.enter_context(contextlib.closing(listening_socket(config.web.listen)))
        addresses, warnings = take_addresses(config.tracker.listen, key="tracker.listen")
        taken = {"web.listen": address_of(listening), "tracker.listen": ",".join(map(str, addresses))}
        config = start_django(data=config.data, config_file=file, options=taken)
        for warning in warnings:
            logger.warning("%s Going on without it.", warning)
        is_new = prepare(config.data)
        if demo:
            _fill_demo()
        _run(config, listening=listening, addresses=addresses, is_new=is_new, as_json=as_json)


def _run(config: Config, *, listening: Any, addresses: Sequence[ListenAddress], is_new: bool, as_json: bool) -> None:
    # These need Django's settings, which name the data folder.
    from django.conf import settings

    from largesse.accounts.actions.first_administrator import first_administrator_link
    from largesse.cli._running import run_tracker, run_web, run_worker

    assert get_resolver().url_patterns, "the parts are forked with every page loaded"
    tracker_addresses = list(addresses)
    web = [
        Part(f"web {number}" if config.web.workers > 1 else "web", functools.partial(run_web, listening))
        for number in range(1, config.web.workers + 1)
    ]
    parts = [*web, Part("tracker", functools.partial(run_tracker, tracker_addresses)), Part("worker", run_worker)]

    def note(name: str, facts: dict[str, Any]) -> None:
        if name == "tracker":  # A restart takes the very ports that clients know.
            tracker_addresses[:] = [ListenAddress.parse(text) for text in facts["addresses"]]

    link = first_administrator_link()
    supervisor = Supervisor(parts, on_ready=note)
    with supervisor.running():
        supervisor.wait_ready(seconds=READY_SECONDS)
        site = str(settings.SITE_ADDRESS)
        runtime = Runtime(site, tuple(announce_urls_of(config.tracker, tracker_addresses)), os.getpid())
        write_runtime(config.data, runtime)
        try:
            setup = site + link if link else None
            click.echo(_json(runtime, setup) if as_json else _told(runtime, setup, config=config, is_new=is_new))
            supervisor.keep()
        finally:
            remove_runtime(config.data)


def _json(runtime: Runtime, setup: str | None) -> str:
    return json.dumps({"site": runtime.site, "announce": list(runtime.announce), "setup": setup})


def _told(runtime: Runtime, setup: str | None, *, config: Config, is_new: bool) -> str:
    rows = [f"Largesse {__version__} is up.", "", f"  Site     {runtime.site}"]
    rows += [f"  {'Tracker' if not position else '':7}  {url}" for position, url in enumerate(runtime.announce)]
    rows.append(f"  Data     {config.data}{' (new)' if is_new else ''}")
    if setup:
        rows += ["", "  This link makes the first administrator, once:", f"  {setup}"]
    rows += ["", "Ctrl-C stops it."]
    return "\n".join(rows)


def _fill_demo() -> None:
    import importlib

    for name in ("largesse.torrents.demo", "largesse.drives.demo"):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name).fill()
