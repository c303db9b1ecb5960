"""What a check of the data folder finds: each app's `checks.py` yields the first thing that does not agree, and the next."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Break:
    """One thing that does not agree."""

    where: str
    """Which row, file or listing."""
    sentence: str
    """What does not agree, said plainly."""
