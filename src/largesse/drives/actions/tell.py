"""Tell what goes on in a drive: updates, matching pledges, goals beyond the goal."""

from datetime import datetime

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.errors import DriveNotOpen
from largesse.drives.models import Drive, DriveState, MatchingPledge, StretchGoal, Update
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now


@transaction.atomic
def publish_update(drive: Drive, *, author: User, title: str, text: str, clock: Clock = utc_now) -> Update:
    """
    Publish news of a drive, on its page and in its feed; also of one that is closed.

    Raises:
        NotPermitted: only treasurers and administrators do.
        DriveNotOpen: nobody has seen the drive yet.
    """
    require(may_keep_books(author))
    _seen(drive)
    update = Update.objects.create(drive=drive, title=title, text=text, author=author, published_at=clock())
    payload = {"drive": drive.slug, "title": title, "update": update.public_id}
    append(kind="drives.update_published", subject=drive.subject, actor=author.actor, payload=payload, clock=clock)
    return update


@transaction.atomic
def promise_matching(
    drive: Drive,
    *,
    treasurer: User,
    name: str,
    cap_minor: int,
    starts_at: datetime,
    ends_at: datetime,
    clock: Clock = utc_now,
) -> MatchingPledge:
    """
    Publish that somebody promises to add as much as others give in a time, up to a cap.

    Raises:
        NotPermitted: only treasurers and administrators do.
        DriveNotOpen: the drive is not open.
    """
    require(may_keep_books(treasurer))
    _open(drive)
    pledge = MatchingPledge.objects.create(
        drive=drive, name=name, cap_minor=cap_minor, starts_at=starts_at, ends_at=ends_at
    )
    payload = {"drive": drive.slug, "name": name, "cap_minor": cap_minor}
    append(kind="drives.matching_promised", subject=drive.subject, actor=treasurer.actor, payload=payload, clock=clock)
    return pledge


@transaction.atomic
def add_stretch_goal(
    drive: Drive, *, treasurer: User, name: str, amount_minor: int, clock: Clock = utc_now
) -> StretchGoal:
    """
    Publish a goal beyond the goal.

    Raises:
        NotPermitted: only treasurers and administrators do.
        DriveNotOpen: the drive is not open.
    """
    require(may_keep_books(treasurer))
    _open(drive)
    goal = StretchGoal.objects.create(drive=drive, name=name, amount_minor=amount_minor)
    payload = {"drive": drive.slug, "name": name, "amount_minor": amount_minor}
    append(kind="drives.stretch_goal_added", subject=drive.subject, actor=treasurer.actor, payload=payload, clock=clock)
    return goal


def _seen(drive: Drive) -> None:
    if drive.state == DriveState.DRAFT:
        raise DriveNotOpen(title=drive.title)


def _open(drive: Drive) -> None:
    if drive.state != DriveState.OPEN:
        raise DriveNotOpen(title=drive.title)
