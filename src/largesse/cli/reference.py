"""`largesse reference`: write docs/reference from the program itself, so that it says what the program does."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click

from largesse.cli.main import commands
from largesse.config.settings import SECTIONS, Config
from largesse.config.sources import variable_of

MADE = "<!-- Written by `make docs`; change the program, not this page. -->"


@click.command(hidden=True)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def reference(folder: Path) -> None:
    """Write the pages of the commands and of the settings into FOLDER (see `make docs`)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in (("commands.md", _commands()), ("settings.md", _settings())):
        (folder / name).write_text("\n".join([MADE, *lines]).rstrip() + "\n", encoding="utf-8")
        click.echo(folder / name)


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "Each command prints this with `--help`. An error that we understand is one sentence on standard error and an exit status."
    top = click.Context(commands, info_name="largesse")
    for name in commands.list_commands(top):
        command = commands.get_command(top, name)
        if command is not None and not command.hidden:
            yield from _command(command, click.Context(command, info_name=name, parent=top), level=2)


def _command(command: click.Command, context: click.Context, *, level: int) -> Iterator[str]:
    yield ""
    yield f"{'#' * level} {context.command_path}"
    yield ""
    yield (command.help or "").replace("\b", "").strip()
    rows = [row for row in (parameter.get_help_record(context) for parameter in command.get_params(context)) if row]
    if len(rows) > 1:
        yield ""
        yield "| option | meaning |"
        yield "| --- | --- |"
        yield from (f"| `{_cell(option)}` | {_cell(meaning)} |" for option, meaning in rows)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _command(inner, click.Context(inner, info_name=name, parent=context), level=level + 1)


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield "Later wins: the default, `largesse.toml` in the data folder (or the file that `--config` names), the variable, an option of the"
    yield "command line. `largesse config` shows each value with where it came from; a key or value that is not allowed is refused."
    for section in SECTIONS:
        declared = fields(getattr(Config(data=Path()), section))
        yield ""
        yield f"## [{section}]"
        yield ""
        yield "| key | variable | default | what for |"
        yield "| --- | --- | --- | --- |"
        for item in declared:
            variable = variable_of(f"{section}.{item.name}")
            meaning = f"{item.metadata['help']} {item.metadata['allowed']}"
            yield f"| `{item.name}` | `{variable}` | {_default(item.default)} | {_cell(meaning)} |"


def _default(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value) or "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value != "" else "empty"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
