"""
Named slots: how an upper app shows itself on a lower app's page without being imported by it.

The lower app's template says `{% slot "torrent.notes" listing %}`; the upper app registers a part for that name when it is
ready. A part gets the request and the subject, and returns safe HTML or an empty string.
"""

from collections.abc import Callable
from typing import Any

Part = Callable[[Any, Any], str]

_parts: dict[str, list[Part]] = {}


def fill_slot(name: str, part: Part) -> None:
    """Register `part` for the slot `name`; a part registered twice is shown once."""
    parts = _parts.setdefault(name, [])
    if part not in parts:
        parts.append(part)


def slot_parts(name: str) -> tuple[Part, ...]:
    """Return the parts that fill the slot `name`, in the order they were registered."""
    return tuple(_parts.get(name, ()))
