"""Withdraw a listing, and list it again."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import require
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.torrents.actions.list_torrent import public_facts
from largesse.torrents.models import Listing, State
from largesse.torrents.permits import may_edit


def withdraw_listing(listing: Listing, *, editor: User, reason: str = "", clock: Clock = utc_now) -> Listing:
    """
    Take a listing off the site; its announce keys are refused within a second. Withdrawing twice does nothing more.

    Raises:
        NotPermitted: only its publisher and moderators withdraw a listing.
    """
    return _move(listing, editor=editor, to=State.WITHDRAWN, kind="torrents.withdrawn", reason=reason, clock=clock)


def restore_listing(listing: Listing, *, editor: User, clock: Clock = utc_now) -> Listing:
    """
    List a withdrawn listing again.

    Raises:
        NotPermitted: only its publisher and moderators do that.
    """
    return _move(listing, editor=editor, to=State.LISTED, kind="torrents.restored", reason="", clock=clock)


@transaction.atomic
def _move(listing: Listing, *, editor: User, to: State, kind: str, reason: str, clock: Clock) -> Listing:
    current = Listing.objects.select_for_update(of=("self",)).select_related("torrent", "category").get(pk=listing.pk)
    require(may_edit(editor, current))
    if current.state == to:
        return current
    current.state = to
    current.save(update_fields=["state"])
    payload = {**public_facts(current), "reason": reason.strip()[:500]}
    append(kind=kind, subject=current.subject, actor=editor.actor, payload=payload, clock=clock)
    return current
