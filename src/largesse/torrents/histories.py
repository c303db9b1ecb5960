"""The history of a listing: who changed what, and what it said before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from largesse.torrents.models import Category, Listing

LABELS: dict[str, Promise] = {
    "title": _("Title"),
    "category": _("Category"),
    "licence": _("Licence"),
    "licence_note": _("About the licence"),
    "language": _("Language"),
    "tags": _("Tags"),
    "description": _("Description"),
}
"""The fields of a listing, as people read them."""

MOST_EDITS = 200
MOST_LINES = 400
"""Longer texts are shown whole, before and after, since comparing them line by line costs too much."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text that is `same`, `gone` or `new`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an edit."""

    label: str | Promise
    pieces: tuple[Piece, ...]
    is_long: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit."""

    version: int
    editor: str
    edited_at: datetime
    changes: tuple[FieldChange, ...]


def edits_of(listing: Listing) -> list[Edit]:
    """Return the newest edits first, at most 200."""
    shelves = {category.slug: category.label for category in Category.objects.all()}
    return [
        Edit(
            edit.version,
            edit.editor.username,
            edit.edited_at,
            tuple(_change(field, before, after, shelves) for field, (before, after) in edit.changes.items()),
        )
        for edit in listing.edits.select_related("editor")[:MOST_EDITS]
    ]


def _change(field: str, before: Any, after: Any, shelves: dict[str, str]) -> FieldChange:
    old, new = (_words(field, value, shelves) for value in (before, after))
    is_long = "\n" in old or "\n" in new
    return FieldChange(LABELS.get(field, field), tuple(_pieces(old, new)), is_long)


def _words(field: str, value: Any, shelves: dict[str, str]) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return shelves.get(value, value) if field == "category" else str(value)


def _pieces(old: str, new: str) -> Iterator[Piece]:
    before, after = old.split("\n"), new.split("\n")
    if max(len(before), len(after)) > MOST_LINES:
        before, after = [old], [new]
    for kind, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Piece("same", "\n".join(before[start:end]))
            continue
        if any(before[start:end]):
            yield Piece("gone", "\n".join(before[start:end]))
        if any(after[new_start:new_end]):
            yield Piece("new", "\n".join(after[new_start:new_end]))
