"""
Canonical JSON: one byte string for one value, so that a hash over it can be checked anywhere.

The profile is RFC 8785 narrowed: keys sorted by code point, no white space, UTF-8, and no floating-point numbers at all
(amounts and sizes are integers here, so nothing is lost).
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"


def canonical_json(value: object) -> str:
    """
    Return the one canonical text of `value`.

    Raises:
        TypeError: the value holds something other than None, bool, int, str, list, tuple or a dict with string keys.
    """
    _refuse_what_is_not_canonical(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_what_is_not_canonical(value: object) -> None:
    if value is None or isinstance(value, bool | int | str):
        return
    if isinstance(value, list | tuple):
        for item in value:
            _refuse_what_is_not_canonical(item)
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON has string keys only, not {key!r}")
            _refuse_what_is_not_canonical(item)
        return
    raise TypeError(f"canonical JSON holds no {type(value).__name__}")
