"""Licences: SPDX expressions, checked against the list that the SPDX project keeps."""

import difflib
import functools

from license_expression import ExpressionError, get_spdx_licensing

from largesse.torrents.errors import RuleBroken

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


@functools.cache
def _licensing() -> object:
    return get_spdx_licensing()


def checked_licence(expression: str) -> str:
    """
    Return the expression in SPDX's own spelling; empty stays empty.

    Raises:
        RuleBroken: a name in it is not on the list; names that are near are told.
    """
    text = expression.strip()
    if not text:
        return ""
    licensing = _licensing()
    if len(text) > 200:
        raise RuleBroken(
            field="licence", reason="The licence is longer than 200 characters. Put free words into the licence note."
        )
    try:
        parsed = licensing.parse(text, validate=True)  # type: ignore[attr-defined]
    except ExpressionError as error:
        known = licensing.known_symbols  # type: ignore[attr-defined]
        near = difflib.get_close_matches(text, known, n=3, cutoff=0.5) or ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"]
        reason = f"“{text[:60]}” is not a licence of the SPDX list. Did you mean {', '.join(near)}?"
        raise RuleBroken(field="licence", reason=reason) from error
    return str(parsed)
