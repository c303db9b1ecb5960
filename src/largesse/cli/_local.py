"""List torrents in a data folder on this machine, whether or not `largesse up` runs over it."""

import time
from collections.abc import Sequence
from pathlib import Path

from django.db import DatabaseError

from largesse.accounts.actions.local_publisher import local_publisher
from largesse.accounts.models import User
from largesse.accounts.permits import may_publish, require
from largesse.cli._folder import FolderUnusable, reason_of
from largesse.cli._publishing import HoldsSecrets, Listed
from largesse.journal.followers import acknowledged_by, last_serial
from largesse.kit.runtime import read_runtime
from largesse.swarm.queries import announce_urls
from largesse.torrents.actions.list_torrent import ListingDraft, checked_draft, list_torrent
from largesse.torrents.errors import AlreadyListed
from largesse.torrents.making import MadeTorrent
from largesse.torrents.metainfo import with_announce
from largesse.torrents.models import Listing
from largesse.torrents.queries import magnet_of, site_address

PATIENCE_SECONDS = 2.0
"""How long followers may take; one that is not there any more is not waited for longer."""


class DataFolder:
    """A data folder whose settings are this process's own."""

    def __init__(self, folder: Path, *, draft: ListingDraft, account: str | None) -> None:
        self.folder = folder
        self.draft = draft
        self.account = account
        self.passkey: str | None = None

    def prepare(self, sources: Sequence[Path]) -> None:
        """Refuse to share our own secrets, what the rules refuse of the draft, and an account that may not publish."""
        for source in sources:
            if source == self.folder or source in self.folder.parents or self.folder in source.parents:
                raise HoldsSecrets(path=source, folder=self.folder)
        checked_draft(self.draft, name="name")
        if self.account is not None:
            require(may_publish(local_publisher(self.account)))

    def list(self, made: MadeTorrent) -> Listed:
        """List a torrent, or find its listing."""
        try:
            publisher = local_publisher(self.account)
            self.passkey = publisher.tracker_passkey
            listing, is_new = self._listing(made, publisher=publisher)
        except DatabaseError as error:
            raise FolderUnusable(folder=self.folder, reason=reason_of(error)) from error
        self._wait_for_followers()
        announce = self.announce_now()
        return Listed(
            page=site_address() + listing.path,
            magnet=magnet_of(listing.torrent, title=listing.title, trackers=announce_urls(passkey=self.passkey)),
            title=listing.title,
            announce=announce,
            metainfo_bytes=with_announce(made.metainfo_bytes, announce=[[url] for url in announce]),
            is_new=is_new,
        )

    def announce_now(self) -> tuple[str, ...]:
        """Return the announce URLs of whatever runs over the folder at this moment."""
        return tuple(announce_urls(passkey=self.passkey))

    def running(self) -> int | None:
        """Return the process id of the `largesse up` that runs over the folder."""
        found = read_runtime(self.folder)
        return found.pid if found else None

    def _wait_for_followers(self) -> None:
        """Wait until whatever runs over the folder has taken note, so that the first announce is not refused."""
        serial, deadline = last_serial(), time.monotonic() + PATIENCE_SECONDS
        while self.running() is not None and not all(acknowledged_by(serial).values()) and time.monotonic() < deadline:
            time.sleep(0.02)

    def _listing(self, made: MadeTorrent, *, publisher: User) -> tuple[Listing, bool]:
        try:
            return list_torrent(publisher=publisher, metainfo_bytes=made.metainfo_bytes, listing=self.draft), True
        except AlreadyListed as error:
            return Listing.objects.select_related("torrent").get(public_id=error.fields["listing"]), False
