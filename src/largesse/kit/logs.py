"""
Structured logs: a record is one line, with its facts as named fields, as text for people or as JSON for programs.

`logger.info("a sentence", extra=fields(event="tls_reloads", count=1))`
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

Form = Literal["text", "json"]
FIELDS = "largesse_fields"
"""Where a record carries its fields."""


def fields(**named: str | int) -> Mapping[str, object]:
    """Return the `extra` of a log call that has these fields."""
    return {FIELDS: named}


class OneLine(logging.Formatter):
    """Writes a record as one line; a traceback follows in text, and is a field in JSON."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        named: Mapping[str, object] = getattr(record, FIELDS, {})
        time = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self.form == "json":
            told: dict[str, object] = {"time": time, "level": record.levelname.lower(), "logger": record.name}
            told |= {"message": record.getMessage(), **named}
            return json.dumps(told | ({"trace": trace} if trace else {}), ensure_ascii=False)
        told_fields = "".join(f" {name}={value}" for name, value in named.items())
        line = f"{time} {record.levelname} {record.name}: {record.getMessage()}{told_fields}"
        return f"{line}\n{trace}" if trace else line


def write_logs_as(form: Form) -> None:
    """Let every handler of the root logger write this form; give it one to standard error where it has none."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
        root.setLevel(logging.INFO)
    for handler in root.handlers:
        handler.setFormatter(OneLine(form))
