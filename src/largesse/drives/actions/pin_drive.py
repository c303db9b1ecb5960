"""Pin a drive as the strip, or take it off; at most one is pinned."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.errors import DriveNotOpen
from largesse.drives.models import Drive, DriveState


@transaction.atomic
def pin_drive(drive: Drive, *, treasurer: User) -> None:
    """
    Show this drive in the strip, instead of any other.

    Raises:
        NotPermitted: only treasurers and administrators pin.
        DriveNotOpen: only open drives are pinned.
    """
    require(may_keep_books(treasurer))
    drive = Drive.objects.select_for_update().get(pk=drive.pk)
    if drive.state != DriveState.OPEN:
        raise DriveNotOpen(title=drive.title)
    Drive.objects.filter(is_pinned=True).exclude(pk=drive.pk).update(is_pinned=False)
    Drive.objects.filter(pk=drive.pk).update(is_pinned=True)


@transaction.atomic
def unpin_drive(drive: Drive, *, treasurer: User) -> None:
    """
    Take this drive off the strip.

    Raises:
        NotPermitted: only treasurers and administrators do.
    """
    require(may_keep_books(treasurer))
    Drive.objects.filter(pk=drive.pk).update(is_pinned=False)
