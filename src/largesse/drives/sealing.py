"""
Sealing: what is known of a person lies encrypted in the database, under a key that is not in it.

A seal is 12 random bytes and AES-256-GCM over canonical JSON. It is bound to the row that it belongs to, so a seal that was
moved to another row does not open. The key is derived from `secrets.donor_key` (HKDF-SHA256), one for each purpose.

    bytes  0-11   nonce
    bytes 12-     ciphertext, then 16 bytes of tag
"""

import functools
import hmac
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from largesse.kit.canonical import Json, canonical_json
from largesse.kit.errors import LargesseError, gettext_noop

NONCE_BYTES = 12


class SealBroken(LargesseError):
    """A seal does not open: another key, another row, or altered bytes."""

    code = "seal_broken"
    template = gettext_noop(
        "What was kept of this person cannot be opened: the donor key is not the one it was sealed with."
    )


def seal(value: Json, *, bound_to: str) -> bytes:
    """
    Encrypt `value`.

    Args:
        bound_to: names the row, such as `donation:7q4m2kx`; the same is needed to open it.
    """
    return seal_bytes(canonical_json(value).encode(), bound_to=bound_to)


def unseal(sealed: bytes, *, bound_to: str) -> Any:
    """
    Return what was sealed.

    Raises:
        SealBroken: the key or the row is another, or the bytes were altered.
    """
    return json.loads(unseal_bytes(sealed, bound_to=bound_to))


def seal_bytes(plain: bytes, *, bound_to: str) -> bytes:
    """Encrypt bytes as they are."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(_key("seal")).encrypt(nonce, plain, bound_to.encode())


def unseal_bytes(sealed: bytes, *, bound_to: str) -> bytes:
    """
    Return the bytes that were sealed.

    Raises:
        SealBroken: the key or the row is another, or the bytes were altered.
    """
    try:
        return AESGCM(_key("seal")).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken from error


def keyed_hash(text: str, *, purpose: str) -> str:
    """Return a hash, in hex, that only the holder of the donor key can make: to find equal texts without reading them."""
    return hmac.new(_key(purpose), text.encode(), "sha256").hexdigest()


def _key(purpose: str) -> bytes:
    return _derived(settings.DONOR_KEY, purpose)


@functools.lru_cache(maxsize=16)
def _derived(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"largesse/{purpose}".encode()).derive(secret.encode())
