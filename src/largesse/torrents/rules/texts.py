"""What titles, descriptions and tags may be."""

import re
import unicodedata

from largesse.torrents.errors import RuleBroken

LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 50_000
LONGEST_NOTE = 2_000
LONGEST_TAG = 40
MOST_TAGS = 12


def checked_title(title: str) -> str:
    """Return the title on one line; raise RuleBroken when it is empty or longer than 200 characters."""
    text = _one_line(title)
    if not text:
        raise RuleBroken(field="title", reason="The title is empty. Say what it is, then edition and format.")
    if len(text) > LONGEST_TITLE:
        reason = f"The title has {len(text)} characters; at most {LONGEST_TITLE} are shown. Shorten it; the description has room."
        raise RuleBroken(field="title", reason=reason)
    return text


def checked_description(description: str) -> str:
    """Return the description; raise RuleBroken when it is longer than 50,000 characters."""
    return _bounded(description, field="description", most=LONGEST_DESCRIPTION)


def checked_note(note: str) -> str:
    """Return the licence note; raise RuleBroken when it is longer than 2,000 characters."""
    return _bounded(note, field="licence_note", most=LONGEST_NOTE)


def checked_tags(tags: list[str] | tuple[str, ...]) -> list[str]:
    """Return the tags in small letters, each once; raise RuleBroken for too many or too long ones."""
    found = sorted({_one_line(tag).lower().replace(",", " ").strip() for tag in tags} - {""})
    if len(found) > MOST_TAGS:
        raise RuleBroken(field="tags", reason=f"There are {len(found)} tags; at most {MOST_TAGS} are shown.")
    for tag in found:
        if len(tag) > LONGEST_TAG:
            raise RuleBroken(field="tags", reason=f"The tag “{tag[:20]}…” is longer than {LONGEST_TAG} characters.")
    return found


def _bounded(text: str, *, field: str, most: int) -> str:
    cleaned = text.replace("\r\n", "\n").replace("\0", "").strip()
    if len(cleaned) > most:
        raise RuleBroken(
            field=field, reason=f"This text has {len(cleaned)} characters; at most {most} fit. Shorten it."
        )
    return cleaned


TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing, which can hide what a title says."""


def _one_line(text: str) -> str:
    """Fold white space, and drop characters that control or turn the direction of writing."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    kept = (character for character in spaced if unicodedata.category(character) not in {"Cc", "Cs"})
    return "".join(character for character in kept if character not in TURNING).strip()
