"""People who publish, edit or sweep the same thing in the same moment; the database's own constraints decide."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from factories import make_listing, make_metainfo, make_user
from largesse.journal.models import Row
from largesse.torrents.actions import list_torrent as publishing
from largesse.torrents.actions.edit_listing import edit_listing
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.actions.sweep_leftovers import _remove_unnamed
from largesse.torrents.actions.withdraw_listing import withdraw_listing
from largesse.torrents.blobs import stored_hashes
from largesse.torrents.checks import check
from largesse.torrents.errors import AlreadyListed, EditedMeanwhile
from largesse.torrents.metainfo import Metainfo
from largesse.torrents.models import Listing, Torrent

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run the works in threads that start together; return what each returned or raised."""
    results: list[object] = [None] * len(works)
    barrier = threading.Barrier(len(works), timeout=20)

    def run(number: int) -> None:
        barrier.wait()
        try:
            results[number] = works[number]()
        except Exception as error:  # noqa: BLE001 - the test looks at every outcome.
            results[number] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return results


def test_the_same_torrent_is_listed_once() -> None:
    user, content = make_user(), make_metainfo()
    outcomes = at_once(
        *[lambda: list_torrent(publisher=user, metainfo_bytes=content, listing=ListingDraft()) for _ in range(8)]
    )
    assert sum(isinstance(outcome, Listing) for outcome in outcomes) == 1, outcomes
    assert sum(isinstance(outcome, AlreadyListed) for outcome in outcomes) == 7, outcomes
    assert Row.objects.filter(kind="torrents.listed").count() == 1
    assert list(check()) == []


def test_one_of_two_edits_wins_and_the_other_is_told() -> None:
    user = make_user()
    listing = make_listing(user, title="Before")
    outcomes = at_once(
        *[
            lambda title=title: edit_listing(listing, editor=user, draft=ListingDraft(title=title), version=1)
            for title in ("One", "Two", "Three", "Four")
        ]
    )
    assert sum(isinstance(outcome, Listing) for outcome in outcomes) == 1, outcomes
    assert sum(isinstance(outcome, EditedMeanwhile) for outcome in outcomes) == 3, outcomes
    assert list(check()) == []


def test_withdrawing_twice_at_once_tells_the_journal_once() -> None:
    user = make_user()
    listing = make_listing(user)
    outcomes = at_once(*[lambda: withdraw_listing(listing, editor=user) for _ in range(4)])
    assert all(isinstance(outcome, Listing) for outcome in outcomes), outcomes
    assert Row.objects.filter(kind="torrents.withdrawn").count() == 1
    assert list(check()) == []


def test_a_sweep_never_takes_the_bytes_of_a_publication() -> None:
    user = make_user()
    contents = [make_metainfo(f"{number}.bin") for number in range(6)]

    def sweep() -> int:
        # The age that protects work in progress is left out: only the journal's lock stands between the two.
        return sum(_remove_unnamed([sha256 for sha256, _ in stored_hashes()]) for _ in range(12))

    outcomes = at_once(
        sweep,
        *[
            lambda content=content: list_torrent(publisher=user, metainfo_bytes=content, listing=ListingDraft())
            for content in contents
        ],
    )
    assert all(isinstance(outcome, Listing) for outcome in outcomes[1:]), outcomes
    assert isinstance(outcomes[0], int)
    assert list(check()) == []


@pytest.mark.parametrize("looks_again", [True, False], ids=["as it is", "control"])
def test_bytes_that_a_sweep_took_meanwhile_are_stored_again(monkeypatch: pytest.MonkeyPatch, looks_again: bool) -> None:
    real_keep, real_store = publishing._keep_torrent, publishing.store_blob

    def keep(metainfo: Metainfo, *, sha256: str, size_bytes: int) -> Torrent:
        assert _remove_unnamed([sha256]) == 1
        return real_keep(metainfo, sha256=sha256, size_bytes=size_bytes)

    def store(content: bytes) -> str:
        return real_store(content) if looks_again or not connection.in_atomic_block else ""

    monkeypatch.setattr(publishing, "_keep_torrent", keep)
    monkeypatch.setattr(publishing, "store_blob", store)
    make_listing()
    assert [found.sentence.endswith("is missing or cannot be read.") for found in check()] == [True] * (not looks_again)
