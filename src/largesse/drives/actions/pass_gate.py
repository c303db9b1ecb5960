"""
The gate before a payment: card testers pay for each try, donors do not notice it.

A browser with scripts solves a challenge while its donor fills in the form. One without may give as well: it waits some seconds,
and fewer are let through in an hour. A bank transfer is minted nowhere, so it needs no proof.
"""

from datetime import timedelta

from largesse.drives.errors import TooManyTries, TooSoon
from largesse.drives.gate import count_one, network_of, note, seen
from largesse.drives.models import Drive
from largesse.drives.providers.registry import provider as provider_named
from largesse.drives.rules.work import WorkWrong, age_of, is_solved
from largesse.kit.clock import Clock, utc_now

WITHOUT_SCRIPT_AFTER = timedelta(seconds=10)
"""How old a form without a proof has to be."""
PER_TOKEN = 4
"""How often one form may be sent: corrections, and a double click."""
PER_ADDRESS = 12
PER_DRIVE = 600
PER_ADDRESS_WITHOUT_SCRIPT = 3
PER_DRIVE_WITHOUT_SCRIPT = 40
"""Payments that may be begun in an hour."""


def pass_gate(
    drive: Drive, *, provider: str, address: str, token: str, solution: str = "", clock: Clock = utc_now
) -> None:
    """
    Let a payment be begun, or say why not.

    Args:
        address: of the visitor; it is counted for this hour and kept nowhere.
        token: of the form's challenge.
        solution: the number that solves it; empty without scripts.

    Raises:
        WorkWrong: the challenge is not ours, too old, used up or not solved.
        TooSoon: without scripts, the form has to be some seconds old.
        TooManyTries: the limit of the address or of the drive is reached.
        UnknownProvider: it is not set up here.
    """
    now = clock()
    outcome = _decided(drive, provider=provider, token=token, solution=solution, clock=clock)
    network = network_of(address)
    is_slow = outcome == "no_script"
    most_here, most_there = (
        (PER_ADDRESS_WITHOUT_SCRIPT, PER_DRIVE_WITHOUT_SCRIPT) if is_slow else (PER_ADDRESS, PER_DRIVE)
    )
    kind = "slow-" if is_slow else ""
    if seen(f"{kind}address", network, now=now) >= most_here:
        note(drive, "address_limit", now=now)
        raise TooManyTries
    # A refused try counts for nobody but its address, so that one tester does not use up the drive's share.
    count_one(f"{kind}address", network, now=now)
    if outcome != "by_hand" and count_one(f"{kind}drive", drive.public_id, now=now) > most_there:
        note(drive, "drive_limit", now=now)
        raise TooManyTries
    note(drive, outcome, now=now)


def _decided(drive: Drive, *, provider: str, token: str, solution: str, clock: Clock) -> str:
    """Return which way leads through the gate: `proof`, `no_script` or `by_hand`."""
    now = clock()
    if not provider_named(provider).is_online:
        return "by_hand"
    try:
        age = age_of(token, drive=drive.public_id, now=now)
        if solution and not is_solved(token, solution, drive=drive.public_id):
            raise WorkWrong
        if count_one("token", token, now=now) > PER_TOKEN:
            raise WorkWrong
    except WorkWrong:
        note(drive, "wrong", now=now)
        raise
    if solution:
        return "proof"
    if age < WITHOUT_SCRIPT_AFTER:
        note(drive, "too_soon", now=now)
        raise TooSoon(seconds=int(WITHOUT_SCRIPT_AFTER.total_seconds()))
    return "no_script"
