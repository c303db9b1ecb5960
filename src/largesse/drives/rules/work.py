"""
Proof of work before a payment is minted (hashcash): it costs a donor's browser a moment, and a card tester each try.

A challenge is signed and names the drive, so it cannot be made up or carried elsewhere; it is good for two hours. Its solution is
a number: the SHA-256 of `token:number` begins with `bits` zero bits. The more payments are begun for a drive in an hour, the
more bits a challenge asks for.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core import signing

from largesse.kit.errors import BadInput, gettext_noop

SALT = "drives.work"
GOOD_FOR = timedelta(hours=2)
LEAST_BITS = 15
MOST_BITS = 21
CALM_PER_HOUR = 60
"""Payments begun for a drive in an hour until each doubling adds a bit."""
LONGEST_SOLUTION = 20


class WorkWrong(BadInput):
    """The challenge is not ours, too old, used up, or not solved."""

    code = "work_wrong"
    template = gettext_noop("This form is too old, or was changed on its way. Load the page again, then give.")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a browser has to solve."""

    token: str
    bits: int


def challenge(drive: str, *, begun_this_hour: int, now: datetime) -> Challenge:
    """Return a new challenge for a drive's public id."""
    bits = min(LEAST_BITS + (begun_this_hour // CALM_PER_HOUR).bit_length(), MOST_BITS)
    said = [drive, bits, int(now.timestamp()), secrets.token_urlsafe(12)]
    return Challenge(signing.dumps(said, salt=SALT), bits)


def age_of(token: str, *, drive: str, now: datetime) -> timedelta:
    """
    Return how old a challenge of this drive is.

    Raises:
        WorkWrong: it is not ours, for another drive, or too old.
    """
    age = now - datetime.fromtimestamp(_said(token, drive)[1], now.tzinfo)
    if not timedelta(seconds=-5) <= age <= GOOD_FOR:
        raise WorkWrong
    return age


def is_solved(token: str, solution: str, *, drive: str) -> bool:
    """
    Return whether the number solves the challenge.

    Raises:
        WorkWrong: the challenge is not ours or for another drive.
    """
    bits, _ = _said(token, drive)
    if not solution.isascii() or not solution.isdigit() or len(solution) > LONGEST_SOLUTION:
        return False
    digest = hashlib.sha256(f"{token}:{solution}".encode()).digest()
    return int.from_bytes(digest) >> (len(digest) * 8 - bits) == 0


def solve(given: Challenge) -> str:
    """Solve a challenge, as `work.js` does in a browser."""
    number = 0
    shift = 256 - given.bits
    begun = hashlib.sha256(f"{given.token}:".encode())
    while True:
        tried = begun.copy()
        tried.update(str(number).encode())
        if int.from_bytes(tried.digest()) >> shift == 0:
            return str(number)
        number += 1


def _said(token: str, drive: str) -> tuple[int, int]:
    try:
        named, bits, made, _ = signing.loads(token, salt=SALT)
        if named != drive:
            raise WorkWrong
        return int(bits), int(made)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise WorkWrong from error
