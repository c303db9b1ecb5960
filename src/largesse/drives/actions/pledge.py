"""Pledge a gift: a donation without money yet, under the contract that its donor read."""

from django.db import transaction

from largesse.drives.contract import contract_in_force
from largesse.drives.errors import AmountOutOfBounds, ContractChanged, DriveNotOpen
from largesse.drives.figures import figures_of
from largesse.drives.models import BudgetLine, Donation, Drive
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import currency_exponent

LEAST_MAJOR = 1
MOST_MAJOR = 1_000_000
"""Bounds of one gift in major units; beyond them a person should talk to the treasurer."""


@transaction.atomic
def pledge(
    drive: Drive,
    *,
    provider: str,
    amount_minor: int,
    contract_hash: str,
    is_monthly: bool = False,
    shows_name: bool = False,
    shows_amount: bool = True,
    form_key: str | None = None,
    line: BudgetLine | None = None,
    clock: Clock = utc_now,
) -> Donation:
    """
    Make a donation that waits for its money.

    Args:
        contract_hash: of the contract that the donor was shown.
        form_key: of the form that it came by; see `give.py`.
        line: the one line of the drive's budget that it is for; None: wherever it is needed.

    Raises:
        DriveNotOpen: the drive takes no gifts now.
        ContractChanged: another contract is in force meanwhile.
        AmountOutOfBounds: too small or too large.
    """
    if not figures_of(drive, clock=clock).is_open:
        raise DriveNotOpen(title=drive.title)
    contract = contract_in_force(drive)
    if contract is None or contract.hash != contract_hash:
        raise ContractChanged
    unit = 10 ** currency_exponent(drive.currency)
    least = 1 if drive.currency == "BTC" else LEAST_MAJOR * unit
    if not least <= amount_minor <= MOST_MAJOR * unit:
        raise AmountOutOfBounds(least=LEAST_MAJOR, most=MOST_MAJOR, currency=drive.currency)
    return Donation.objects.create(
        drive=drive,
        contract=contract,
        provider=provider,
        amount_minor=amount_minor,
        is_monthly=is_monthly,
        shows_name=shows_name,
        shows_amount=shows_amount,
        form_key=form_key,
        line=line,
        made_at=clock(),
    )
