"""`largesse publish`: make a torrent of a file or a folder, list it, and seed it until stopped."""

import contextlib
import json
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from largesse.cli._publishing import CannotWrite, Listed, ListedOnly, Place, StoppedEarly, folder_for, write_torrent
from largesse.cli._seeding import Seeder, until_signalled
from largesse.config.settings import Config
from largesse.torrents.making import FORMATS, MadeTorrent, make_torrent
from largesse.torrents.metainfo import scan

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def _seconds(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a length of time: `90` (seconds), `10m`, `1h30m`, `2d`."""
    if value is None:
        return None
    text = value.strip().lower()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    if not re.fullmatch(r"(\d{1,9}[smhd])+", text):
        sentence = f"{value!r} is not a length of time, such as 90 (seconds), 10m, 1h30m or 2d."
        raise click.BadParameter(sentence, ctx=ctx, param=param)
    return float(sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", text)))


@dataclass(frozen=True, slots=True)
class Publication:
    """One torrent that was made and listed, with its .torrent file."""

    made: MadeTorrent
    listed: Listed
    path: Path


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder (default ./largesse-data).")
@click.option("--config", "file", type=click.Path(path_type=Path, dir_okay=False), help="Settings file.")
@click.option("--site", metavar="URL", help="List at this site instead of in a data folder.")
@click.option("--token", envvar="LARGESSE_TOKEN", help="Token of the account there (or LARGESSE_TOKEN).")
@click.option("--as", "account", metavar="NAME", help="Account of the data folder that publishes.")
@click.option("--title", help="Title of the listing (default: the name of the file or folder).")
@click.option("--description", help="Description, in Markdown.")
@click.option(
    "--description-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True),
    help="File with the description; - reads standard input.",
)
@click.option("--category", default="", help="Shelf of the catalogue, such as sound or data.")
@click.option("--licence", "--license", default="", help="SPDX expression, such as CC-BY-4.0.")
@click.option("--licence-note", default="", help="Free words about the licence.")
@click.option("--language", default="", help="Language of the content, such as en or pt-BR.")
@click.option("--tag", "tags", multiple=True, help="Tag; more than once, or with commas.")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="File or folder for the .torrent (default: this folder)."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="hybrid",
    show_default=True,
    help="v1 where readers use old programs (Transmission 3, aria2 1.36).",
)
@click.option("--no-seed", is_flag=True, help="List it, and leave the seeding to another program.")
@click.option("--seed-for", metavar="DURATION", callback=_seconds, help="Seed for a time, such as 90s, 10m or 2d.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="Port to seed on (default: a free one).")
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each torrent: page, magnet, torrent, v1, v2 …")
def publish(
    *,
    paths: tuple[Path, ...],
    output: Path | None,
    form: str,
    no_seed: bool,
    seed_for: float | None,
    port: int,
    as_json: bool,
    **said: Any,
) -> None:
    """Make a hybrid (v1 and v2) torrent of each file or folder, list it, then seed until stopped."""
    _refuse_contradictions(paths, output=output, no_seed=no_seed, seed_for=seed_for, **said)
    sources = list(dict.fromkeys(path.expanduser().resolve() for path in paths))
    folders = [folder_for(output, source=source) for source in sources]
    with contextlib.ExitStack() as stack:
        place = _place(stack, **said)
        place.prepare(sources)
        try:
            with _signals_interrupt():
                made = _made(sources, form=form, is_quiet=as_json)
        except KeyboardInterrupt as error:
            raise StoppedEarly from error
        stop = stack.enter_context(until_signalled())
        published = []
        for one, folder in zip(made, folders, strict=True):
            if stop.is_set():
                break
            published.append(_listed(one, place=place, folder=folder, output=output))
            if no_seed:
                _tell(published[-1], as_json=as_json)
        if not no_seed and published:
            seed(published, place=place, stop=stop, seconds=seed_for, port=port, as_json=as_json)


def _refuse_contradictions(
    paths: Sequence[Path], *, output: Path | None, no_seed: bool, seed_for: float | None, **said: Any
) -> None:
    if said["site"] and (said["data"] or said["file"] or said["account"]):
        raise click.UsageError("--site lists elsewhere: --data, --config and --as have no part in that.")
    if said["site"] and not _is_address(said["site"]):
        raise click.UsageError(f"--site {said['site']} is not an address such as https://example.org.")
    if said["site"] and not said["token"]:
        raise click.UsageError("--site needs --token (or LARGESSE_TOKEN): the account page of the site makes one.")
    if no_seed and seed_for is not None:
        raise click.UsageError("--no-seed and --seed-for contradict each other.")
    if said["description"] is not None and said["description_file"] is not None:
        raise click.UsageError("--description and --description-file contradict each other.")
    if len(paths) > 1 and said["title"]:
        raise click.UsageError("--title names one torrent, but there are several paths.")
    if len(paths) > 1 and output is not None and not output.is_dir():
        raise click.UsageError("--output names one file, but there are several paths: name a folder.")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _place(
    stack: contextlib.ExitStack,
    *,
    site: str | None,
    token: str,
    data: Path | None,
    file: Path | None,
    account: str | None,
    **said: Any,
) -> Place:
    """Return where to list, ready to be asked; Django is set up only for a data folder."""
    description = said["description"] or ""
    if said["description_file"]:
        with click.open_file(str(said["description_file"]), encoding="utf-8", errors="replace") as opened:
            description = opened.read()
    fields: dict[str, Any] = {
        name: said[name] or "" for name in ("title", "category", "licence", "licence_note", "language")
    }
    fields |= {"description": description, "tags": [part for tag in said["tags"] for part in tag.split(",")]}
    if site:
        from largesse.cli._remote import Site

        return stack.enter_context(contextlib.closing(Site(site, token=token, fields=fields)))
    from largesse.cli._django import start_django
    from largesse.cli._folder import prepare

    config = Config.load(data=data, file=file)
    start_django(data=config.data, config_file=file)
    prepare(config.data)
    from largesse.cli._local import DataFolder
    from largesse.torrents.actions.list_torrent import ListingDraft

    draft = ListingDraft(**{**fields, "tags": tuple(fields["tags"])})
    return DataFolder(config.data, draft=draft, account=account)


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM interrupt as Ctrl-C does."""

    def interrupt(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def _made(sources: Sequence[Path], *, form: str, is_quiet: bool) -> list[MadeTorrent]:
    """Read and hash everything, with progress on standard error; nothing is written."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=False),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=is_quiet or not sys.stderr.isatty(),
    )
    made = []
    with bar:
        for source in sources:
            task = bar.add_task(f"Reading {_printable(source.name)}", total=None)

            def hashed(done: int, total: int, task: TaskID = task) -> None:
                bar.update(task, completed=done, total=total)

            made.append(make_torrent(source, form=form, progress=hashed))
    return made


def _listed(made: MadeTorrent, *, place: Place, folder: Path, output: Path | None) -> Publication:
    listed = place.list(made)
    try:
        path = write_torrent(listed.metainfo_bytes, name=made.name, folder=folder, output=output)
    except CannotWrite as error:
        raise ListedOnly(page=listed.page, sentence=error.message) from error
    return Publication(made, listed, path)


def seed(
    published: Sequence[Publication],
    *,
    place: Place,
    stop: threading.Event,
    seconds: float | None,
    port: int,
    as_json: bool,
) -> None:
    """Seed what was published until `stop` is set, or for `seconds`."""
    seeder = Seeder(announce=published[0].listed.announce, port=port)
    console = Console(stderr=True, soft_wrap=True, markup=False, highlight=False)
    try:
        for one in published:
            seeder.add(one.listed.metainfo_bytes, save_path=one.made.save_path)
            _tell(one, as_json=as_json)
        if not as_json:
            click.echo("Seeding until stopped (Ctrl-C)." if seconds is None else f"Seeding for {seconds:.0f} seconds.")
        if place.running() is None:
            console.print("Nothing runs over this data folder yet: `largesse up` starts the site and the tracker.")
        is_shown = console.is_terminal and not as_json
        with console.status("Seeding") if is_shown else contextlib.nullcontext() as shown:
            for facts in seeder.facts_until(
                stop, seconds=seconds, where=lambda: (place.running(), place.announce_now())
            ):
                for sentence in facts.news:
                    console.print(_printable(sentence))
                if shown is not None:
                    given, rate = facts.uploaded_bytes / 1e6, facts.upload_rate_bytes / 1e6
                    shown.update(f"Seeding: {facts.peers} peers, {given:,.1f} MB given, {rate:,.1f} MB/s")
    finally:
        seeder.close()


def _tell(one: Publication, *, as_json: bool) -> None:
    found = scan(one.made.metainfo_bytes, maximum_bytes=len(one.made.metainfo_bytes)).metainfo
    assert found is not None, "it was accepted a moment ago"
    if as_json:
        facts = {
            "page": one.listed.page,
            "magnet": one.listed.magnet,
            "torrent": str(one.path),
            "v1": found.v1.hex() if found.v1 else None,
            "v2": found.v2.hex() if found.v2 else None,
            "title": one.listed.title,
            "size_bytes": one.made.size_bytes,
            "announce": list(one.listed.announce),
            "new": one.listed.is_new,
        }
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    rows = [_printable(one.listed.title) + ("" if one.listed.is_new else " is listed already.")]
    rows += [
        f"  Page     {one.listed.page}",
        f"  Magnet   {one.listed.magnet}",
        f"  Torrent  {_printable(str(one.path))}",
    ]
    click.echo("\n".join(rows))


def _printable(text: str) -> str:
    """Replace what would move the cursor or turn the direction of writing in a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)
