"""Files that outlive a loss of power: each is there whole or not at all, and only its owner can read it."""

import os
from pathlib import Path


def write_durably(path: Path, text: str) -> None:
    """
    Write an ASCII text to a file with mode 0600, and return once the disk has it under its name.

    Raises:
        OSError: the disk is full or broken; nothing is under the name then, or what was there before.
    """
    part = path.with_suffix(".part")
    with open(part, "w", encoding="ascii", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
