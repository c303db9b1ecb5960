"""
Who gave, kept apart: sealed with a key that is not in the database, for a limited time, and joined to nothing else.

An identity is sealed to its donation (`sealing.py`), so one that is moved to another donation does not open. A donor's private
link carries a keyed hash of the donation's id, which the public ledger cannot tell.
"""

import hmac
import logging
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings

from largesse.drives.errors import NoSuchDonation
from largesse.drives.models import Donation, Donor
from largesse.drives.sealing import SealBroken, keyed_hash, seal, unseal
from largesse.kit.clock import Clock, utc_now

TOKEN_CHARACTERS = 40
"""Hex digits of a private link: 160 bits."""
FORGET_BATCH = 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a donor told about themselves; every part may be empty."""

    name: str = ""
    email: str = ""
    message: str = ""
    language: str = "en"
    refund_to: str = ""
    """Account that a bank refund goes to."""

    @property
    def says_something(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.name or self.email or self.message or self.refund_to)


def keep_identity(donation: Donation, identity: Identity) -> None:
    """Keep who gave, until the retention limit; what says nothing is not kept at all."""
    if not identity.says_something:
        Donor.objects.filter(donation=donation).delete()
        return
    Donor.objects.update_or_create(
        donation=donation,
        defaults={
            "sealed": seal(asdict(identity), bound_to=donation.subject),
            "mail_index": mail_index(identity.email),
            "forget_at": donation.made_at + timedelta(days=settings.CONFIG.fund.donor_retention_days),
        },
    )


def identity_of(donation: Donation) -> Identity | None:
    """Return who gave; None when they told nothing, were forgotten, or the key is another one."""
    donor = Donor.objects.filter(donation=donation).first()
    return None if donor is None else opened(donation, donor)


def opened(donation: Donation, donor: Donor) -> Identity | None:
    """Open what is sealed in `donor`, which belongs to `donation`."""
    try:
        said = unseal(bytes(donor.sealed), bound_to=donation.subject)
    except SealBroken:
        logger.warning("the identity of donation %s does not open: was the donor key changed?", donation.public_id)
        return None
    known = set(Identity.__dataclass_fields__)
    return Identity(**{name: value for name, value in said.items() if name in known})


def change_identity(donation: Donation, **changes: str) -> Identity:
    """Change parts of what is kept; what was forgotten begins anew."""
    changed = replace(identity_of(donation) or Identity(), **changes)
    keep_identity(donation, changed)
    return changed


def forget(donation: Donation) -> None:
    """Delete who gave; the donation, its money and its entries stay as they are."""
    Donor.objects.filter(donation=donation).delete()
    Donation.objects.filter(pk=donation.pk).update(shows_name=False)


def keep_longer(donation: Donation, *, since: datetime) -> None:
    """Count the time of a monthly donor from their newest gift."""
    limit = since + timedelta(days=settings.CONFIG.fund.donor_retention_days)
    Donor.objects.filter(donation=donation, forget_at__lt=limit).update(forget_at=limit)


def forget_expired(*, clock: Clock = utc_now) -> int:
    """Delete every identity whose time is over; return how many."""
    number = 0
    while batch := list(Donor.objects.filter(forget_at__lte=clock()).values_list("pk", flat=True)[:FORGET_BATCH]):
        Donation.objects.filter(pk__in=batch).update(shows_name=False)
        number += Donor.objects.filter(pk__in=batch).delete()[0]
    return number


def mail_index(email: str) -> str:
    """Return the keyed hash of an address, by which one donor's gifts are found; empty for none."""
    return keyed_hash(email.strip().casefold(), purpose="mail") if email.strip() else ""


def link_token(donation: Donation) -> str:
    """Return the secret part of a donation's private link."""
    return keyed_hash(donation.public_id, purpose="link")[:TOKEN_CHARACTERS]


def private_path(donation: Donation) -> str:
    """Return the donation's private page."""
    return f"/gifts/{donation.public_id}/{link_token(donation)}/"


def donation_of_link(public_id: str, token: str) -> Donation:
    """
    Return the donation that a private link is for.

    Raises:
        NoSuchDonation: there is none, or the token is wrong; both take the same time and say the same.
    """
    donation = Donation.objects.select_related("drive", "contract").filter(public_id=public_id).first()
    right = keyed_hash(public_id, purpose="link")[:TOKEN_CHARACTERS]
    if not hmac.compare_digest(right.encode(), token.encode()) or donation is None:
        raise NoSuchDonation
    return donation


def statement_token(index: str, year: int) -> str:
    """Return the secret part of a yearly statement's link, which leaves by mail alone."""
    return keyed_hash(f"{index}/{year}", purpose="statement")[:TOKEN_CHARACTERS]


def wall_order(public_id: str) -> str:
    """Return where a donation stands on the wall: in an order that tells neither time nor entry."""
    return keyed_hash(public_id, purpose="wall")
