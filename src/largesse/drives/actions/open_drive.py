"""Open a drive: freeze its contract, and take gifts from now on."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.contract import hash_of, terms_json
from largesse.drives.errors import DriveNotOpen, TermsMissing
from largesse.drives.models import Contract, Drive, DriveState
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import currency_exponent


@transaction.atomic
def open_drive(drive: Drive, *, treasurer: User, clock: Clock = utc_now) -> Contract:
    """
    Freeze the first contract and open the drive.

    Raises:
        NotPermitted: only treasurers and administrators open drives.
        DriveNotOpen: it was opened before.
        TermsMissing: a promise is empty; says which.
        UnknownCurrency: not a code of ISO 4217.
    """
    require(may_keep_books(treasurer))
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    if drive.state != DriveState.DRAFT:
        raise DriveNotOpen(title=drive.title)
    currency_exponent(drive.currency)
    missing = [name for name in ("purpose", "holder", "surplus", "shortfall") if not getattr(drive, name).strip()]
    if missing:
        raise TermsMissing(what=", ".join(missing))
    text = terms_json(drive, version=1)
    now = clock()
    contract = Contract.objects.create(drive=drive, version=1, terms_json=text, hash=hash_of(text), frozen_at=now)
    drive.state = DriveState.OPEN
    drive.save(update_fields=("state",))
    payload = {
        "slug": drive.slug,
        "goal_minor": drive.goal_minor,
        "currency": drive.currency,
        "contract": contract.hash,
    }
    append(kind="drives.opened", subject=drive.subject, actor=treasurer.actor, payload=payload, clock=clock)
    return contract
