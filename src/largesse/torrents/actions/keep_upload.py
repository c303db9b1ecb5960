"""Keep an uploaded .torrent file until its publisher has described it."""

from django.db import OperationalError, transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_publish, require
from largesse.torrents.blobs import says_no_room
from largesse.torrents.errors import NoRoom
from largesse.torrents.models import Draft

MOST_DRAFTS = 5
"""Uploads that one account may leave undescribed; an older one makes room for a newer."""


def keep_upload(*, owner: User, file_name: str, content: bytes) -> Draft:
    """
    Keep the bytes as they came; they are read when the report is shown.

    Raises:
        NotPermitted: the account may not publish.
        NoRoom: the disk is full.
    """
    require(may_publish(owner))
    try:
        with transaction.atomic():
            made = Draft.objects.create(owner=owner, file_name=file_name[:255], content=content)
            newest = Draft.objects.filter(owner=owner).order_by("-pk").values_list("pk", flat=True)
            Draft.objects.filter(owner=owner).exclude(pk__in=list(newest[:MOST_DRAFTS])).delete()
    except OperationalError as error:
        if says_no_room(error):
            raise NoRoom(reason="the database has no room left") from error
        raise
    return made
