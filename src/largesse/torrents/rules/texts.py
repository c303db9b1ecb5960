"""What titles, descriptions, tags and language tags may be."""

import re
import unicodedata

from babel.core import Locale, UnknownLocaleError

from largesse.torrents.errors import TagTooLong, TextTooLong, TitleMissing, TitleTooLong, TooManyTags, UnknownLanguage

LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 50_000
LONGEST_NOTE = 2_000
LONGEST_TAG = 40
MOST_TAGS = 12


def checked_title(title: str) -> str:
    """Return the title on one line; raise TitleMissing or TitleTooLong."""
    text = one_line(title)
    if not text:
        raise TitleMissing(field="title")
    if len(text) > LONGEST_TITLE:
        raise TitleTooLong(field="title", length=len(text), most=LONGEST_TITLE)
    return text


def checked_description(description: str) -> str:
    """Return the description; raise TextTooLong when it is longer than 50,000 characters."""
    return _bounded(description, field="description", most=LONGEST_DESCRIPTION)


def checked_note(note: str) -> str:
    """Return the licence note; raise TextTooLong when it is longer than 2,000 characters."""
    return _bounded(note, field="licence_note", most=LONGEST_NOTE)


def checked_tags(tags: list[str] | tuple[str, ...]) -> list[str]:
    """Return the tags in small letters, each once; raise TooManyTags or TagTooLong."""
    found = sorted({one_line(tag).lower().replace(",", " ").strip() for tag in tags} - {""})
    if len(found) > MOST_TAGS:
        raise TooManyTags(field="tags", count=len(found), most=MOST_TAGS)
    for tag in found:
        if len(tag) > LONGEST_TAG:
            raise TagTooLong(field="tags", tag=tag[:20], most=LONGEST_TAG)
    return found


def checked_language(language: str) -> str:
    """Return the language tag in its usual spelling, `pt-BR`; empty stays empty. Raise UnknownLanguage."""
    text = language.strip()
    if not text:
        return ""
    try:
        known = Locale.parse(text, sep="-" if "-" in text else "_")
    except (UnknownLocaleError, ValueError) as error:
        raise UnknownLanguage(field="language", language=text[:20]) from error
    return "-".join(part for part in (known.language, known.script, known.territory) if part)


def _bounded(text: str, *, field: str, most: int) -> str:
    cleaned = text.encode("utf-8", "ignore").decode().replace("\r\n", "\n").replace("\0", "").strip()
    if len(cleaned) > most:
        raise TextTooLong(field=field, length=len(cleaned), most=most)
    return cleaned


TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of writing, which can hide what a title says."""


def one_line(text: str) -> str:
    """Fold white space, and drop characters that control or turn the direction of writing."""
    spaced = re.sub(r"\s+", " ", unicodedata.normalize("NFC", text))
    kept = (character for character in spaced if unicodedata.category(character) not in {"Cc", "Cs"})
    return "".join(character for character in kept if character not in TURNING).strip()
