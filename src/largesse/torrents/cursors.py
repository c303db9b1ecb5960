"""
Cursors: where a page of a list ended, so that the next begins right after it.

A cursor holds the sort key and the primary key of the last row. Rows that come or go meanwhile neither repeat nor skip any
other, and the thousandth page costs as much as the second.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

Key = str | int | datetime

LONGEST_CURSOR = 1_200


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: its sort key and its primary key."""

    key: Key
    pk: int

    @classmethod
    def parse(cls, text: str, *, kind: type[Key]) -> Self | None:
        """Read a cursor whose key is of that kind; one that makes no sense is None, which is the first page."""
        try:
            key, pk = json.loads(base64.urlsafe_b64decode(text[:LONGEST_CURSOR].encode("ascii")))
            read = datetime.fromisoformat(key) if kind is datetime else key
            str(read).encode()
        except (binascii.Error, ValueError, TypeError):
            return None
        is_sound = isinstance(read, kind) and not isinstance(read, bool) and isinstance(pk, int)
        if not is_sound or not 0 <= pk < 2**63 or (isinstance(read, int) and not 0 <= read < 2**63):
            return None
        if isinstance(read, datetime) and read.tzinfo is None:
            return None
        if isinstance(read, str) and "\0" in read:
            return None
        return cls(read, pk)

    def __str__(self) -> str:
        key = self.key.isoformat() if isinstance(self.key, datetime) else self.key
        return base64.urlsafe_b64encode(json.dumps([key, self.pk]).encode()).decode("ascii")
