"""Give: a pledge with who makes it, once for each form, however often the form is sent."""

import hashlib

from django.db import IntegrityError, transaction

from largesse.drives.actions.pledge import pledge
from largesse.drives.donors import Identity, keep_identity
from largesse.drives.models import BudgetLine, Donation, Drive
from largesse.kit.clock import Clock, utc_now


def form_key_of(nonce: str, *parts: object) -> str:
    """Return the key of a form: of its nonce and what was chosen, so that a changed form is another gift."""
    return hashlib.sha256("\n".join([nonce, *(str(part) for part in parts)]).encode()).hexdigest()


@transaction.atomic
def give(
    drive: Drive,
    *,
    provider: str,
    amount_minor: int,
    contract_hash: str,
    identity: Identity,
    nonce: str,
    is_monthly: bool = False,
    shows_name: bool = False,
    shows_amount: bool = False,
    line: BudgetLine | None = None,
    clock: Clock = utc_now,
) -> Donation:
    """
    Make a donation that waits for its money, and keep what its donor told, sealed.

    Args:
        contract_hash: of the contract that the donor was shown.
        nonce: random text of the form; the same form sent again returns the same donation.

    Raises:
        DriveNotOpen: the drive takes no gifts now.
        ContractChanged: another contract is in force meanwhile.
        AmountOutOfBounds: too small or too large.
    """
    key = form_key_of(nonce, drive.pk, provider, amount_minor, is_monthly, line.pk if line else None)
    made = Donation.objects.filter(form_key=key).first()
    if made is not None:
        return made
    try:
        with transaction.atomic():
            made = pledge(
                drive,
                provider=provider,
                amount_minor=amount_minor,
                contract_hash=contract_hash,
                is_monthly=is_monthly,
                shows_name=shows_name and bool(identity.name),
                shows_amount=shows_amount,
                form_key=key,
                line=line,
                clock=clock,
            )
    except IntegrityError:  # The same form came twice at once, and the other one was first.
        return Donation.objects.get(form_key=key)
    keep_identity(made, identity)
    return made
