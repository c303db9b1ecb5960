"""Licences: SPDX expressions, checked against the list that the SPDX project keeps."""

import difflib
import functools
import re
from typing import Any

from license_expression import ExpressionError, ExpressionParseError, get_spdx_licensing

from largesse.torrents.errors import TextTooLong, UnknownLicence, UnreadableLicence

COMMON = (
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "ODbL-1.0",
    "ODC-By-1.0",
    "MIT",
    "Apache-2.0",
    "BSD-3-Clause",
    "GPL-3.0-or-later",
    "AGPL-3.0-or-later",
)
"""Offered first in the form; any expression of the SPDX list may be written."""


LONGEST_EXPRESSION = 200
OPERATORS = re.compile(r"(?:^|\s+)(?:AND|OR|WITH)(?:\s+|$)|[()/+]", re.IGNORECASE)


@functools.cache
def _licensing() -> Any:
    """Return the SPDX list with its grammar; reading it takes a fifth of a second, once."""
    return get_spdx_licensing()


@functools.cache
def _names() -> dict[str, str]:
    """Return the names of the SPDX list by their small letters, without those that only one scanner knows."""
    return {name.lower(): name for name in _licensing().known_symbols if not name.startswith("LicenseRef-")}


def checked_licence(expression: str) -> str:
    """
    Return the expression in SPDX's own spelling; empty stays empty.

    Raises:
        TextTooLong: longer than 200 characters.
        UnknownLicence: a name in it is not on the list; names that are near are told.
        UnreadableLicence: it is not an expression at all.
    """
    text = expression.strip()
    if not text:
        return ""
    if len(text) > LONGEST_EXPRESSION:
        raise TextTooLong(field="licence", length=len(text), most=LONGEST_EXPRESSION)
    unknown = [name for name in (part.strip() for part in OPERATORS.split(text)) if name and not _is_known(name)]
    try:
        parsed = _licensing().parse(text, validate=True)
    except (ExpressionError, RecursionError) as error:
        if unknown:
            raise UnknownLicence(field="licence", licence=unknown[0][:60], near=near_names(unknown[0])) from error
        raise UnreadableLicence(field="licence", licence=text[:60]) from error
    if parsed is None:
        raise UnreadableLicence(field="licence", licence=text[:60])
    return str(parsed)


def near_names(name: str) -> str:
    """Return up to three names of the list that look like `name`, or the three that are given most."""
    folded = re.sub(r"\s+", "-", name.strip().lower())
    found = difflib.get_close_matches(folded, _names(), n=3, cutoff=0.6)
    return ", ".join(_names()[near] for near in found) or "CC0-1.0, CC-BY-4.0, CC-BY-SA-4.0"


def _is_known(name: str) -> bool:
    """Return whether a name is on the list; what is no name but bad grammar counts as known, and is told as such."""
    try:
        return not _licensing().unknown_license_keys(name)
    except ExpressionParseError:
        return True
    except ExpressionError:
        return False
