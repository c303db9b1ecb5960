"""Identifiers: public ids that say nothing, and hashes with their own types."""

import secrets
from typing import NewType

InfoHashV1 = NewType("InfoHashV1", bytes)
"""SHA-1 of the info dictionary, 20 bytes (BEP 3)."""
InfoHashV2 = NewType("InfoHashV2", bytes)
"""SHA-256 of the info dictionary, 32 bytes (BEP 52)."""
AnnounceKey = NewType("AnnounceKey", bytes)
"""The 20 bytes a client announces: the v1 hash, or the v2 hash cut to 20 (BEP 52)."""

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
"""Digits and letters that are not mistaken for each other when read aloud."""


def new_public_id(*, length: int = 12) -> str:
    """Return a random public id of `length` characters, 4.95 bits each; it reveals neither order nor count."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
