"""What the documentation says can be done: each command in it is one that the program takes, and each link leads somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from largesse.cli.main import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINE = re.compile(r"^(?: {4,}|\t)(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(largesse|make) (.+)$")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def lines(program: str) -> Iterator[tuple[str, str]]:
    """Yield each command line of a program that stands in a block of code, with the page that it is on."""
    for page in PAGES:
        for text in page.read_text(encoding="utf-8").splitlines():
            found = LINE.match(text)
            line = found[2].partition("#")[0].rstrip("\\").strip() if found and found[1] == program else ""
            if line:
                yield str(page.relative_to(ROOT)), line


def parse(words: list[str]) -> None:
    """Let click read a command line, without running it."""
    command: click.Command = commands
    context = click.Context(commands, info_name="largesse")
    while isinstance(command, click.Group):
        name, inner, words = command.resolve_command(context, words)
        assert inner is not None, name
        command, context = inner, click.Context(inner, info_name=name, parent=context)
    command.make_context(command.name, list(words), parent=context.parent)


@pytest.mark.parametrize(("page", "line"), sorted(set(lines("largesse"))))
def test_a_command_in_the_documentation_is_one_that_the_program_takes(
    page: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "about.md").write_text("About it.")
    parse(shlex.split(line))


def test_a_command_that_the_program_does_not_take_would_be_found() -> None:
    with pytest.raises(click.UsageError):
        parse(["publish", "--nonsense", "x"])


@pytest.mark.parametrize(("page", "line"), sorted(set(lines("make"))))
def test_a_verb_in_the_documentation_is_in_the_makefile(page: str, line: str) -> None:
    verbs = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert line.split(maxsplit=1)[0] in verbs, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    kept = [link for link in links if "benches/results/" not in link]  # `make bench` writes those.
    assert [link for link in kept if not (page.parent / link).exists()] == []


def test_the_reference_says_what_the_program_does(tmp_path: Path) -> None:
    done = CliRunner().invoke(commands, ["reference", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for made in sorted(tmp_path.iterdir()):
        kept = ROOT / "docs" / "reference" / made.name
        assert kept.read_text(encoding="utf-8") == made.read_text(encoding="utf-8"), "run make docs"
