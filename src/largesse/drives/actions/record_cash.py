"""Record cash or a cheque that the treasurer counted."""

from datetime import datetime

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.settle import settle
from largesse.drives.contract import contract_in_force
from largesse.drives.models import Donation, Drive, Settlement
from largesse.kit.clock import Clock, utc_now


@transaction.atomic
def record_cash(
    drive: Drive,
    *,
    treasurer: User,
    amount_minor: int,
    form_key: str,
    occurred_at: datetime | None = None,
    clock: Clock = utc_now,
) -> Settlement:
    """
    Book a gift in cash or by cheque under the contract in force.

    Args:
        form_key: hash of the form; the same form sent twice books once.

    Raises:
        NotPermitted: only treasurers and administrators do.
        DriveNotOpen, AmountOutOfBounds: as for every pledge.
    """
    require(may_keep_books(treasurer))
    Drive.objects.select_for_update().get(pk=drive.pk)
    known = Settlement.objects.filter(donation__form_key=form_key, provider="cash").first()
    if known is not None:
        return known
    contract = contract_in_force(drive)
    donation = pledge(
        drive,
        provider="cash",
        amount_minor=amount_minor,
        contract_hash=contract.hash if contract else "",
        clock=clock,
    )
    Donation.objects.filter(pk=donation.pk).update(form_key=form_key)
    return settle(
        donation,
        provider="cash",
        reference=f"cash-{donation.public_id}",
        amount_minor=amount_minor,
        occurred_at=occurred_at or clock(),
        actor=treasurer.actor,
        clock=clock,
    )
