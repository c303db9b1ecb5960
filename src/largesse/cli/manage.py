"""`largesse manage`: Django's own commands over the data folder (migrate, shell, makemigrations …)."""

import click
from django.core.management import execute_from_command_line

from largesse.cli._django import start_django


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> None:
    """Run a command of Django's (manage help lists them)."""
    start_django()
    execute_from_command_line(["largesse manage", *(arguments or ("help",))])
