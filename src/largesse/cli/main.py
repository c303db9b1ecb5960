"""
The command group: `largesse COMMAND`.

A command is a module of this folder that holds a click command of its own name. It is imported only when called, so
`largesse inspect` starts without Django. A module whose name begins with an underscore is not a command.
"""

import importlib
import pkgutil
import sys
from pathlib import Path

import click

from largesse import __version__
from largesse.kit.errors import LargesseError

ORDER_OF_USE = ("up", "publish", "inspect", "check", "config", "web", "tracker", "worker")
"""What the help shows first; the rest follows by name."""


def command_names() -> list[str]:
    """Return the names of all commands, in the order that the help shows."""
    found = {module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])}
    names = {name for name in found if not name.startswith("_") and name != "main"}
    return [name for name in ORDER_OF_USE if name in names] + sorted(names.difference(ORDER_OF_USE))


class LazyGroup(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of use."""
        del ctx
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command, or None for an unknown name."""
        del ctx
        if cmd_name not in command_names():
            return None
        command = getattr(importlib.import_module(f"largesse.cli.{cmd_name}"), cmd_name)
        if not isinstance(command, click.Command):
            raise TypeError(f"largesse.cli.{cmd_name} holds no command of its name")
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="largesse")
def commands() -> None:
    """List, introduce, answer and account: one program for people who give large files away."""


def main() -> int:
    """Run the command line; an error that we understand is one sentence on standard error and an exit code."""
    try:
        outcome = commands.main(prog_name="largesse", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LargesseError as error:
        click.echo(f"largesse: {_harmless(error.message)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 141
    return outcome if isinstance(outcome, int) else 0


def _harmless(sentence: str) -> str:
    """Replace what would move the cursor or turn the direction of writing: file names may hold anything."""
    kept = ("\n", "\u00a0", "\u202f")
    return "".join(character if character.isprintable() or character in kept else "\ufffd" for character in sentence)
