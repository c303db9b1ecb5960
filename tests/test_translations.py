"""
Every catalogue says in French all that the sources say in English, and no more.

The sources are read anew with gettext's own tools (xgettext through Django's makemessages), in a copy of each app.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

import largesse
from tools import tool

SOURCES = Path(largesse.__file__).parent
APPS = sorted({path.parent.name for path in SOURCES.glob("*/__init__.py")} - {"cli"})
"""Each app; the command line speaks English."""
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+[^}]*\}|%[sd]")
"""What is filled in later."""


def catalogue(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale="fr")


def messages(found: Catalog) -> dict[tuple[str, str | None], Message]:
    """Return what a catalogue has, by its first form and its context."""
    return {
        (message.id if isinstance(message.id, str) else message.id[0], message.context): message
        for message in found
        if message.id
    }


def extracted(app: str, folder: Path) -> set[tuple[str, str | None]]:
    """Read an app's sources anew."""
    tool("xgettext")
    copy = folder / app
    shutil.copytree(SOURCES / app, copy, ignore=shutil.ignore_patterns("locale", "static", "__pycache__"))
    (copy / "locale").mkdir()
    command = [sys.executable, "-P", "-m", "django", "makemessages", "-l", "fr", "--no-location", "--no-wrap"]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    made = copy / "locale/fr/LC_MESSAGES/django.po"
    return set(messages(catalogue(made))) if made.exists() else set()


@pytest.mark.parametrize("app", APPS)
def test_the_french_catalogue_of_an_app_is_whole_and_up_to_date(app: str, tmp_path: Path) -> None:
    kept = SOURCES / app / "locale/fr/LC_MESSAGES/django.po"
    translated = messages(catalogue(kept)) if kept.exists() else {}
    said = extracted(app, tmp_path)
    assert said - set(translated) == set(), "not in the catalogue: run makemessages in the app's folder"
    assert set(translated) - said == set(), "no longer in the sources"
    without = [
        identity
        for identity, message in translated.items()
        if message.fuzzy or not all(message.string if isinstance(message.string, tuple) else (message.string,))
    ]
    assert without == [], "not translated, or doubtful"


@pytest.mark.parametrize("app", APPS)
def test_a_translation_fills_in_the_same_places(app: str) -> None:
    kept = SOURCES / app / "locale/fr/LC_MESSAGES/django.po"
    for (english, _), message in messages(catalogue(kept)).items() if kept.exists() else ():
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        source = message.id[1] if isinstance(message.id, tuple) else english
        assert set(PLACES.findall(forms[-1])) == set(PLACES.findall(source)), english


def test_no_word_is_said_in_two_ways() -> None:
    """Catalogues are one at last, and of two translations one wins: where they must differ, a context tells them apart."""
    said: dict[tuple[str, str | None], dict[str, str | tuple[str, ...]]] = {}
    for path in SOURCES.glob("*/locale/fr/LC_MESSAGES/django.po"):
        for identity, message in messages(catalogue(path)).items():
            said.setdefault(identity, {})[path.parts[-5]] = message.string
    assert len(said) > 1000
    assert {identity: apps for identity, apps in said.items() if len(set(apps.values())) > 1} == {}
