"""`largesse tracker`: the tracker, over a data folder, or alone with no site and no folder."""

import json
import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from largesse.cli._parts import end_on_signal
from largesse.config.settings import Config
from largesse.config.values import ListenAddress
from largesse.kit.logs import Form, fields, write_logs_as
from largesse.swarm.core import announce_urls_of, make_core, start_core, take_addresses
from largesse.swarm.watch import LOOK_SECONDS, Watch

logger = logging.getLogger("largesse.tracker")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option(
    "--listen",
    metavar="ADDR:PORT",
    multiple=True,
    help="Address, UDP and HTTP; more than once, or a comma list. Port 0 takes a free one.",
)
@click.option("--policy", type=click.Choice(["listed", "open", "members"]), help="Whose announces are answered.")
@click.option("--workers", type=int, help="UDP worker threads.")
@click.option("--admin", metavar="ADDR:PORT", help="Address of /metrics, /stats.json and /health; empty for none.")
@click.option(
    "--node",
    default="main",
    show_default=True,
    help="Name of this tracker among several. Figures are not joined: with --policy members run one, or what a client says to two counts twice.",
)
@click.option(
    "--log",
    "log_form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How standard error is written: lines of text, or a JSON object a line. Neither has a peer's address.",
)
@click.option("--json", "as_json", is_flag=True, help="Once ready, one JSON line with announce, admin and pid.")
def tracker(
    *,
    data: Path | None,
    file: Path | None,
    listen: tuple[str, ...],
    policy: str | None,
    workers: int | None,
    admin: str | None,
    node: str,
    log_form: Form,
    as_json: bool,
) -> None:
    """
    Run the tracker. With --policy open and no --data it runs alone: no site, no data folder. So it does where a variable or the
    file of --config says open, unless there is a data folder already.

    With --json it prints one line once it answers: "announce", a list of its URLs (udp, http and ws; https and wss with a
    certificate), "admin", the URL that /metrics, /stats.json and /health are under (null for none), and "pid".
    """
    options: dict[str, object] = {"tracker.listen": ",".join(listen) or None, "tracker.policy": policy}
    options |= {"tracker.workers": workers, "tracker.admin": admin}
    config, is_alone = _load(data=data, file=file, options=options)
    addresses, warnings = take_addresses(config.tracker.listen, key="tracker.listen")
    for warning in warnings:
        click.echo(f"largesse: {warning} Going on without it.", err=True)
    stop = threading.Event()
    end_on_signal(stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def tell(said: dict[str, Any]) -> None:
        _tell(said["ready"], config=config, as_json=as_json)

    if is_alone:
        write_logs_as(log_form)
        _run_alone(config, addresses, stop=stop, tell=tell)
        return
    from largesse.cli._django import start_django  # Alone, the tracker needs no Django and starts without it.
    from largesse.cli._folder import prepare

    start_django(
        data=config.data, config_file=file, options={**options, "tracker.listen": ",".join(map(str, addresses))}
    )
    is_new = prepare(config.data)
    from largesse.cli._running import run_tracker

    write_logs_as(log_form)
    if is_new and not config.database.url:
        made = "there was no site in %s, so a new one was made; if another folder was meant, name it with --data"
        logger.warning(made, config.data, extra=fields(event="site_made"))
    run_tracker(addresses, stop, tell, node=node)


def _load(*, data: Path | None, file: Path | None, options: Mapping[str, object]) -> tuple[Config, bool]:
    """
    Return the settings, and whether the tracker runs alone.

    The option says so of this start, whatever lies in the folder. A variable or a settings file may be meant for a site: where one is
    there, it is served.
    """
    alone = Config.load(data=data, file=file, options=options, is_alone=True)
    has_site = data is not None or bool(os.environ.get("LARGESSE_DATA"))
    if options["tracker.policy"] is None:
        has_site = has_site or alone.data.exists() or bool(alone.database.url)
    if alone.tracker.policy == "open" and not has_site:
        return alone, True
    return Config.load(data=data, file=file, options=options), False


def _run_alone(config: Config, addresses: list[ListenAddress], *, stop: threading.Event, tell: Any) -> None:
    running = make_core(config.tracker, listen=addresses)
    start_core(running, config.tracker, listen=addresses)
    try:
        tell(
            {
                "ready": {
                    "addresses": list(running.addresses),
                    "admin": f"http://{running.admin}" if running.admin else None,
                }
            }
        )
        watch = Watch(running)
        while not stop.wait(LOOK_SECONDS):
            watch.look()
        watch.look()
    finally:
        running.stop()


def _tell(facts: dict[str, Any], *, config: Config, as_json: bool) -> None:
    announce = announce_urls_of(config.tracker, [ListenAddress.parse(text) for text in facts["addresses"]])
    if as_json:
        click.echo(json.dumps({"announce": announce, "admin": facts["admin"], "pid": os.getpid()}))
        return
    for url in announce:
        click.echo(url)
    if facts["admin"]:
        click.echo(f"{facts['admin']}/metrics")
