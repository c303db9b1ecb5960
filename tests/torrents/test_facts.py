"""What a listing's page tells beside the listing."""

from datetime import date, timedelta

import pytest
from django.test import Client

from factories import make_listing, make_metainfo, make_user
from largesse.kit.clock import utc_now
from largesse.swarm.models import HealthDay
from largesse.torrents.actions.list_torrent import ListingDraft, list_torrent
from largesse.torrents.facts import citation_of, shared_roots, trend_of
from largesse.torrents.models import Listing

pytestmark = pytest.mark.django_db


def remember(listing: Listing, seeders: dict[date, int]) -> None:
    for day, number in seeders.items():
        HealthDay.objects.create(key=listing.torrent.swarm_key, day=day, most_seeders=number, most_leechers=0)


def test_a_trend_needs_two_days() -> None:
    listing, today = make_listing(), utc_now().date()
    assert trend_of(listing.torrent) is None
    remember(listing, {today: 3})
    assert trend_of(listing.torrent) is None


def test_a_trend_starts_at_zero_and_a_day_without_peers_is_zero() -> None:
    listing, today = make_listing(), utc_now().date()
    remember(listing, {today - timedelta(days=2): 10, today: 5, today - timedelta(days=400): 99})
    trend = trend_of(listing.torrent)
    assert trend is not None
    assert (trend.lowest, trend.highest) == (0, 10)
    assert trend.points == "1.0,5.0 165.0,84.0 329.0,44.5"
    assert (trend.first, trend.last) == (today - timedelta(days=2), today)


def test_the_trend_is_drawn_on_the_page_and_told_in_words(client: Client) -> None:
    listing, today = make_listing(), utc_now().date()
    remember(listing, {today - timedelta(days=1): 7, today: 9})
    page = client.get(listing.path).content.decode()
    assert 'class="spark"' in page
    assert "Between 7 and 9 seeds in 30 days." in page


def test_the_same_file_is_found_in_other_torrents_whatever_its_name(client: Client) -> None:
    ada, content = make_user(), b"the very same bytes" * 5000
    first, second = (
        list_torrent(
            publisher=ada, metainfo_bytes=make_metainfo(name, content=content), listing=ListingDraft(title=name)
        )
        for name in ("one.bin", "two.bin")
    )
    (root,) = shared_roots(first.torrent)
    assert shared_roots(first.torrent) == {root: 1}
    page = client.get(first.path).content.decode()
    assert f"/file/{root}/" in page
    both = client.get(f"/file/{root}/").content.decode()
    assert "one.bin" in both
    assert "two.bin" in both
    Listing.objects.filter(pk=second.pk).update(state="withdrawn")
    assert shared_roots(first.torrent) == {}
    assert "two.bin" not in client.get(f"/file/{root}/").content.decode()


@pytest.mark.parametrize("root", ["0" * 64, "x", "..%2F"])
def test_a_file_that_nobody_holds_is_not_found(client: Client, root: str) -> None:
    assert client.get(f"/file/{root}/").status_code == 404


def test_a_citation_cannot_break_out_of_its_braces() -> None:
    listing = make_listing(title="100% of {braces} \\ & more_less $5 ~ #1")
    text = citation_of(listing)
    title = next(line for line in text.splitlines() if line.startswith("  title"))
    assert title == r"  title        = {100\% of \{braces\}   \& more\_less \$5   \#1},"
    assert str(listing.torrent.v1) in text
