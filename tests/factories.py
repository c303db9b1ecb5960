"""Things that tests need: accounts and real torrents of made-up content."""

import os
import tempfile
from pathlib import Path
from typing import Any

from largesse.accounts.models import Role, User
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.making import make_torrent
from largesse.torrents.models import Listing


def make_user(name: str = "ada", *, role: Role = Role.PUBLISHER) -> User:
    """Make an account with the password "correct horse battery"."""
    user = User(username=name, email=f"{name}@example.org", role=role)
    user.set_password("correct horse battery")
    user.save()
    return user


def make_metainfo(name: str = "recording.bin", *, content: bytes | None = None) -> bytes:
    """Make a real hybrid torrent of a file of random bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(os.urandom(40_000) if content is None else content)
        return make_torrent(path).metainfo_bytes


def make_listing(publisher: User | None = None, **said: Any) -> Listing:
    """List a new torrent."""
    publisher = publisher or User.objects.filter(username="ada").first() or make_user()
    return list_torrent(publisher=publisher, metainfo_bytes=make_metainfo(), listing=ListingDraft(**said))
