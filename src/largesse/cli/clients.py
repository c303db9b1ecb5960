"""`largesse clients`: which BitTorrent programs the tracker serves."""

import json
from pathlib import Path

import click

from largesse.cli._django import open_folder


@click.command()
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--allow", multiple=True, metavar="PREFIX", help="Serve only peer ids that begin so; may be repeated.")
@click.option("--deny", multiple=True, metavar="PREFIX", help="Refuse peer ids that begin so; may be repeated.")
@click.option("--clear", is_flag=True, help="Forget all rules that were set here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line: allow, deny, serial.")
def clients(
    *,
    data: Path | None,
    file: Path | None,
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    clear: bool,
    as_json: bool,
) -> None:
    """
    Show the rules, or replace them; they hold in a running tracker within a second.

    Rules of the settings (tracker.client_allow, tracker.client_deny) hold besides.
    """
    open_folder(data=data, config_file=file)
    from largesse.journal.models import Row  # These need Django's apps.
    from largesse.swarm.actions.set_client_rules import set_client_rules
    from largesse.swarm.policy import CLIENT_RULES_CHANGED

    if allow or deny or clear:
        set_client_rules(allow=allow, deny=deny)
    rule = Row.objects.filter(kind=CLIENT_RULES_CHANGED).order_by("-serial").first()
    said = rule.payload if rule else {"allow": [], "deny": []}
    if as_json:
        click.echo(json.dumps({**said, "serial": rule.serial if rule else 0}))
        return
    click.echo(f"Served:  {', '.join(said['allow']) or 'all'}")
    click.echo(f"Refused: {', '.join(said['deny']) or 'none'}")
