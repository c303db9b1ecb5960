"""The check of the index finds what does not agree, and the database refuses what never may be."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db import DatabaseError, IntegrityError, connection, transaction

from factories import make_listing, make_user
from largesse.torrents.actions.edit_listing import edit_listing
from largesse.torrents.actions.list_torrent import ListingDraft
from largesse.torrents.actions.withdraw_listing import restore_listing, withdraw_listing
from largesse.torrents.blobs import blob_name
from largesse.torrents.checks import check
from largesse.torrents.demo import DEMOS, fill
from largesse.torrents.models import AnnounceKeyEntry, Listing, ListingEdit, Torrent, TorrentFile

pytestmark = pytest.mark.django_db


def blob_path(listing: Listing) -> Path:
    return Path(storages["torrents"].path(blob_name(listing.torrent.metainfo_sha256)))


def cut_blob(listing: Listing) -> None:
    path = blob_path(listing)
    path.write_bytes(path.read_bytes()[:-1])


def swap_blob(listing: Listing) -> None:
    other = make_listing(title="Other")
    Torrent.objects.filter(pk=listing.torrent_id).update(metainfo_sha256=other.torrent.metainfo_sha256)


DAMAGE: list[tuple[Callable[[Listing], object], str]] = [
    (lambda listing: blob_path(listing).unlink(), "is missing"),
    (cut_blob, "holds other bytes"),
    (swap_blob, "other info-hashes"),
    (lambda listing: Listing.objects.filter(pk=listing.pk).update(state="withdrawn"), "the journal says"),
    (lambda listing: Listing.objects.filter(pk=listing.pk).update(version=9), "is at version 9"),
    (lambda listing: Listing.objects.filter(pk=listing.pk).update(public_id="elsewhere"), "never said"),
    (lambda listing: AnnounceKeyEntry.objects.filter(torrent=listing.torrent)[0].delete(), "announce keys"),
    (lambda listing: TorrentFile.objects.filter(torrent=listing.torrent).update(size_bytes=1), "files hold 1 bytes"),
    (lambda listing: TorrentFile.objects.filter(torrent=listing.torrent).delete(), "but 0 are kept"),
]


def test_a_sound_index_has_no_break() -> None:
    user = make_user()
    listing = make_listing(user, title="One")
    edit_listing(listing, editor=user, draft=ListingDraft(title="Two"), version=1)
    withdraw_listing(listing, editor=user)
    restore_listing(listing, editor=user)
    withdraw_listing(make_listing(user), editor=user)
    assert list(check()) == []


@pytest.mark.parametrize(("damage", "words"), DAMAGE, ids=[words for _, words in DAMAGE])
def test_each_damage_is_found(damage: Callable[[Listing], object], words: str) -> None:
    listing = make_listing(title="One")
    damage(listing)
    assert any(words in found.sentence for found in check()), list(check())


def test_the_history_cannot_be_changed_or_removed() -> None:
    user = make_user()
    listing = make_listing(user, title="One")
    edit_listing(listing, editor=user, draft=ListingDraft(title="Two"), version=1)
    for statement in ("UPDATE torrents_listingedit SET version = 7", "DELETE FROM torrents_listingedit"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert ListingEdit.objects.get().version == 2


@pytest.mark.parametrize(
    "change",
    [{"title": ""}, {"state": "lost"}],
)
def test_the_database_refuses_an_impossible_listing(change: dict[str, str]) -> None:
    listing = make_listing(title="One")
    with pytest.raises(IntegrityError), transaction.atomic():
        Listing.objects.filter(pk=listing.pk).update(**change)


@pytest.mark.parametrize("change", [{"size_bytes": 0}, {"piece_length_bytes": 0}, {"v1": None, "v2": None}])
def test_the_database_refuses_an_impossible_torrent(change: dict[str, object]) -> None:
    listing = make_listing(title="One")
    with pytest.raises(IntegrityError), transaction.atomic():
        Torrent.objects.filter(pk=listing.torrent_id).update(**change)


def test_two_torrents_never_share_a_key() -> None:
    one, two = make_listing(title="One"), make_listing(title="Two")
    for field in ("v1", "v2", "swarm_key"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Torrent.objects.filter(pk=two.torrent_id).update(**{field: getattr(one.torrent, field)})
    with pytest.raises(IntegrityError), transaction.atomic():
        AnnounceKeyEntry.objects.create(key=one.torrent.announce_keys[1], torrent=two.torrent)


def test_the_demo_fills_once() -> None:
    first, second = fill(), fill()
    assert len(first) == len(DEMOS) >= 12
    assert [row.pk for row in first] == [row.pk for row in second]
    assert list(check()) == []
