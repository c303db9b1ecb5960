"""Change the terms of an open drive: a new version, told to whoever gave under an earlier one, who may have it back."""

from datetime import timedelta

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.actions.draft_drive import DriveDraft, set_lines
from largesse.drives.contract import changed_terms, contract_in_force, frozen_terms, hash_of, terms_json, terms_of
from largesse.drives.errors import DriveNotOpen, NothingChanged, TermsMissing
from largesse.drives.models import Contract, Drive, DriveState
from largesse.jobs.registry import enqueue
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now

LEAST_WINDOW_DAYS = 14
FIXED = frozenset({"slug", "currency", "period", "starts_at"})
"""What a change leaves as it is: figures and addresses that were published hang on it."""


@transaction.atomic
def change_contract(
    drive: Drive,
    draft: DriveDraft,
    *,
    treasurer: User,
    why: str,
    window_days: int = 30,
    clock: Clock = utc_now,
) -> Contract:
    """
    Freeze a new version of the terms; gifts made under earlier ones may go back for `window_days`.

    Raises:
        NotPermitted: only treasurers and administrators change terms.
        DriveNotOpen: only open drives have terms in force.
        TermsMissing: there is no reason, the window is too short, or a promise became empty.
        NothingChanged: the terms would be the same.
        LineInUse: a line that money was spent on would go.
    """
    require(may_keep_books(treasurer))
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    earlier = contract_in_force(drive)
    if drive.state != DriveState.OPEN or earlier is None:
        raise DriveNotOpen(title=drive.title)
    missing = [name for name in ("purpose", "holder", "surplus", "shortfall") if not getattr(draft, name).strip()]
    missing += [] if why.strip() else ["why"]
    missing += [] if window_days >= LEAST_WINDOW_DAYS else ["window_days"]
    if missing:
        raise TermsMissing(what=", ".join(missing))
    for name, value in draft.fields().items():
        if name not in FIXED:
            setattr(drive, name, value)
    drive.save()
    set_lines(drive, draft.lines)
    changed = changed_terms(frozen_terms(earlier), terms_of(drive))
    if not changed:
        raise NothingChanged
    now, version = clock(), earlier.version + 1
    text = terms_json(drive, version=version, why=why.strip())
    contract = Contract.objects.create(
        drive=drive,
        version=version,
        terms_json=text,
        hash=hash_of(text),
        frozen_at=now,
        refund_until=now + timedelta(days=window_days),
    )
    payload = {
        "slug": drive.slug,
        "contract": contract.hash,
        "version": version,
        "changed": changed,
        "why": why.strip(),
    }
    append(kind="drives.contract_changed", subject=drive.subject, actor=treasurer.actor, payload=payload, clock=clock)
    enqueue("drives.tell_new_terms", unique=f"terms:{contract.hash}", contract=contract.hash)
    return contract
