"""
A program of its own that publishes, edits and withdraws in children that die or run out of room at a given step.

It runs over the data folder and database that its environment names, and prints one JSON line for each step: how the child
ended, and what the tables, the journal and the bytes say afterwards.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import django

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
django.setup()

from django.core.management import call_command
from django.db import connection, connections

from factories import make_metainfo, make_user
from largesse.accounts.models import User
from largesse.journal.followers import last_serial
from largesse.kit.clock import utc_now
from largesse.torrents import blobs
from largesse.torrents.actions import edit_listing as editing
from largesse.torrents.actions import list_torrent as listing
from largesse.torrents.actions import withdraw_listing as withdrawing
from largesse.torrents.actions.keep_upload import keep_upload
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.actions.sweep_leftovers import sweep_leftovers
from largesse.torrents.checks import check
from largesse.torrents.errors import NoRoom
from largesse.torrents.models import Draft, Listing, Torrent

STEPS: dict[str, tuple[Any, str, bool]] = {
    "before the bytes are written": (listing, "store_blob", False),
    "before the bytes reach the disk": (blobs.os, "fsync", False),
    "before the bytes get their name": (blobs.os, "replace", False),
    "after the bytes got their name": (blobs.os, "replace", True),
    "before the torrent is kept": (listing, "_keep_torrent", False),
    "after the torrent was kept": (listing, "_keep_torrent", True),
    "before the journal is told": (listing, "append", False),
    "after the journal was told": (listing, "append", True),
    "before the commit": (type(connections["default"]), "_commit", False),
    "after the commit": (type(connections["default"]), "_commit", True),
}
"""Each step of publishing: what to patch, and whether the child dies before or after it."""


def die() -> None:
    """End this process as a power cut would: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(real: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return the function with death before or after it."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not after:
            die()
        result = real(*args, **kwargs)
        die()
        return result

    return call


def in_child(work: Callable[[], int]) -> int:
    """Run the work in a child; return its exit status, or minus the signal that ended it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = work()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def tell(step: str, ended: int, **more: Any) -> None:
    """Print what is there after a step."""
    facts = {
        "step": step,
        "ended": ended,
        "breaks": [f"{found.where}: {found.sentence}" for found in check()],
        "listings": Listing.objects.count(),
        "torrents": Torrent.objects.count(),
        "serial": last_serial(),
    }
    print(json.dumps({**facts, **more}), flush=True)


def publish_and_die(step: str, content: bytes) -> int:
    """Publish in a child that dies at the step."""
    target, name, after = STEPS[step]

    def work() -> int:
        user = User.objects.get(username="ada")
        with mock.patch.object(target, name, deadly(getattr(target, name), after=after)):
            list_torrent(publisher=user, metainfo_bytes=content, listing=ListingDraft())
        return 0

    return in_child(work)


def change_and_die(module: Any, action: Callable[[Listing, User], object]) -> list[int]:
    """Edit or withdraw in children that die before the journal is told, after it, and before the commit."""
    ends = []
    for target, name, after in (
        (module, "append", False),
        (module, "append", True),
        (type(connections["default"]), "_commit", False),
    ):

        def work(target: Any = target, name: str = name, after: bool = after) -> int:
            user, shown = User.objects.get(username="ada"), Listing.objects.order_by("pk")[0]
            with mock.patch.object(target, name, deadly(getattr(target, name), after=after)):
                action(shown, user)
            return 0

        ends.append(in_child(work))
    return ends


def without_room(limit_bytes: int, work: Callable[[User], object]) -> int:
    """Run the work in a child whose files cannot grow beyond the limit; 28 (ENOSPC) tells that it said so."""

    def limited() -> int:
        user = User.objects.get(username="ada")
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
        try:
            work(user)
        except NoRoom:
            return 28
        return 0

    return in_child(limited)


def main() -> None:
    """Go through every step."""
    call_command("migrate", verbosity=0)
    make_user("ada")
    tell("begin", 0)
    contents = {step: make_metainfo(f"file {number}.bin") for number, step in enumerate(STEPS)}
    for step, content in contents.items():
        tell(step, publish_and_die(step, content))
    user = User.objects.get(username="ada")
    done = "after the commit"
    for step, content in contents.items():
        if step != done:
            list_torrent(publisher=user, metainfo_bytes=content, listing=ListingDraft())
    tell("published again", 0)
    ends = change_and_die(
        editing,
        lambda shown, editor: editing.edit_listing(
            shown, editor=editor, draft=ListingDraft(title="Changed"), version=1
        ),
    )
    ends += change_and_die(withdrawing, lambda shown, editor: withdrawing.withdraw_listing(shown, editor=editor))
    shown = Listing.objects.order_by("pk")[0]
    tell("changes", min(ends), ends=ends, title=shown.title, state=shown.state)
    large = make_metainfo("large.bin", content=os.urandom(16_384 * 3_000))
    # A v2 layer has 32 bytes for each 16 KiB or more: larger than the limit below, so the bytes do not fit.
    tell(
        "no room for the bytes",
        without_room(2_000, lambda user: list_torrent(publisher=user, metainfo_bytes=large, listing=ListingDraft())),
        size_bytes=len(large),
    )
    if connection.vendor == "sqlite":
        long = ListingDraft(description="x" * 49_000)
        small = make_metainfo("small.bin")
        tell(
            "no room for the listing",
            without_room(36_000, lambda user: list_torrent(publisher=user, metainfo_bytes=small, listing=long)),
        )
        tell(
            "no room for an upload",
            without_room(36_000, lambda user: keep_upload(owner=user, file_name="x.torrent", content=b"x" * 200_000)),
            drafts=Draft.objects.count(),
        )
    blobs.store_blob(make_metainfo("orphan.bin"))
    swept = sweep_leftovers(clock=lambda: utc_now() + timedelta(hours=2))
    kept = sum(1 for _ in blobs.stored_hashes())
    parts = sum(1 for _ in Path(blobs.storages["torrents"].location).rglob("*.part"))
    tell("swept", 0, blobs=swept.blobs, parts=swept.parts, kept=kept, parts_left=parts)


if __name__ == "__main__":
    main()
