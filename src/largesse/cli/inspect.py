"""`largesse inspect FILE...`: what the scanner saw in .torrent files; needs no data folder."""

import io
import json
import os
import sys
from pathlib import Path

import click

from largesse.torrents.metainfo import MAXIMUM_BYTES, Metainfo, Problem, Scan, scan

MOST_FILES_SHOWN = 200
"""How many files the text shows; --json and --all show every one."""

NO_BREAK_SPACE = "\u00a0"
"""Stands between the thousands of a number."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--all", "show_all", is_flag=True, help=f"Show every file, not only the first {MOST_FILES_SHOWN}.")
@click.option("--max-bytes", default=MAXIMUM_BYTES, show_default=True, help="Largest file to read.")
def inspect(files: tuple[Path, ...], as_json: bool, show_all: bool, max_bytes: int) -> int:
    """Show hashes, files, warnings and refusals of .torrent files; exit 1 if one was refused. `-` reads standard input."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    is_every_one_accepted = True
    for path in files:
        found = _scan_file(path, max_bytes)
        shown_path = os.fsencode(path).decode(errors="replace")
        is_every_one_accepted &= found.is_accepted
        if as_json:
            click.echo(json.dumps(_as_json(shown_path, found), ensure_ascii=False))
        else:
            _print(shown_path, found, show_all=show_all)
    return 0 if is_every_one_accepted else 1


def _scan_file(path: Path, max_bytes: int) -> Scan:
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(max_bytes + 1)
        else:
            with path.open("rb") as file:
                content = file.read(max_bytes + 1)
    except OSError as error:
        return Scan(None, (), (Problem("cannot_read", 0, f"The file cannot be read: {error.strerror}."),))
    return scan(content, maximum_bytes=max_bytes)


def _as_json(path: str, found: Scan) -> dict[str, object]:
    metainfo = found.metainfo
    return {
        "path": path,
        "accepted": found.is_accepted,
        "name": metainfo.name if metainfo else None,
        "v1": metainfo.v1.hex() if metainfo and metainfo.v1 else None,
        "v2": metainfo.v2.hex() if metainfo and metainfo.v2 else None,
        "announce_keys": [key.hex() for key in metainfo.announce_keys] if metainfo else [],
        "size_bytes": metainfo.size_bytes if metainfo else 0,
        "files": [{"path": file.path, "size_bytes": file.size_bytes} for file in metainfo.files] if metainfo else [],
        "warnings": [_problem(problem) for problem in found.warnings],
        "refusals": [_problem(problem) for problem in found.refusals],
    }


def _problem(problem: Problem) -> dict[str, object]:
    return {"code": problem.code, "offset": problem.offset, "message": problem.message}


def _print(path: str, found: Scan, *, show_all: bool) -> None:
    verdict = click.style("accepted", fg="green") if found.is_accepted else click.style("refused", fg="red")
    click.echo(f"{_printable(path)}: {verdict}")
    if found.metainfo is not None:
        _print_metainfo(found.metainfo, show_all=show_all)
    for title, problems in (("refusal", found.refusals), ("warning", found.warnings)):
        for problem in problems:
            click.echo(f"  {title} {problem.code} at byte {problem.offset}: {problem.message}")


def _print_metainfo(metainfo: Metainfo, *, show_all: bool) -> None:
    rows = [("name", metainfo.name)]
    rows += [("v1", metainfo.v1.hex())] if metainfo.v1 else []
    rows += [("v2", metainfo.v2.hex())] if metainfo.v2 else []
    rows += [("announce key", key.hex()) for key in metainfo.announce_keys]
    rows.append(
        ("size", f"{metainfo.size_bytes:,} bytes in {len(metainfo.files):,} files".replace(",", NO_BREAK_SPACE))
    )
    rows.append(("piece length", f"{metainfo.piece_length_bytes:,} bytes".replace(",", NO_BREAK_SPACE)))
    rows += [("private", "yes")] if metainfo.is_private else []
    rows += [("made", metainfo.created_at.isoformat())] if metainfo.created_at else []
    rows += [("made by", metainfo.created_by)] if metainfo.created_by else []
    rows += [("comment", metainfo.comment)] if metainfo.comment else []
    rows += [(f"tracker {tier}", url) for tier, urls in enumerate(metainfo.announce, start=1) for url in urls]
    rows += [("web seed", url) for url in metainfo.web_seeds]
    for name, value in rows:
        click.echo(f"  {name:13} {_printable(value)}")
    shown = metainfo.files if show_all else metainfo.files[:MOST_FILES_SHOWN]
    width = max((len(f"{file.size_bytes:,}") for file in shown), default=0)
    for file in shown:
        size = f"{file.size_bytes:,}".replace(",", NO_BREAK_SPACE)
        click.echo(
            f"  {size:>{width}}  {_printable(file.path)}{f' → {_printable(file.symlink)}' if file.symlink else ''}"
        )
    if len(shown) < len(metainfo.files):
        click.echo(f"  … and {len(metainfo.files) - len(shown)} more (--all shows them)")


def _printable(text: str) -> str:
    """Replace what would move the cursor or turn the direction of writing in a terminal."""
    return "".join(
        character if character.isprintable() or character == NO_BREAK_SPACE else "\ufffd" for character in text
    )
