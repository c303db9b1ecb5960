"""
The site's own tracker with real clients: what is listed is announced, what is not is refused, and all peers make one health figure.

A hybrid torrent has two announce keys and one swarm; browsers and all others make one swarm, too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clients.aria2_peer import Aria2Peer
from clients.libtorrent_peer import LibtorrentPeer
from clients.made_up import Kind, Shared, make_shared
from clients.peers import make_peer, running
from clients.programs import wait_until
from clients.running_tracker import counts_at
from clients.site_session import health, make_people, publish, restart_tracker
from clients.web_pages import web_pages
from processes import RunningSite, start_site

pytestmark = pytest.mark.clients

NOT_LISTED = "This torrent is not listed here"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    with start_site(tmp_path_factory.mktemp("site")) as running_site:
        yield running_site


@pytest.fixture(scope="module")
def token(site: RunningSite) -> str:
    return make_people(site, "ada")["ada"]


def address_of(site: RunningSite) -> str:
    return site.announce[0].split("/")[2]


def listed(site: RunningSite, token: str, folder: Path, kind: Kind, name: str) -> tuple[Shared, dict[str, Any]]:
    shared = make_shared(folder, kind=kind, name=name)
    return shared, publish(site, token, shared)


def wait_for_counts(tracker: str, shared: Shared, expected: tuple[int, int]) -> None:
    """Wait until a scrape of each announce key tells these counts."""

    def found() -> list[tuple[int, int]]:
        return [counts_at(tracker, key) for key in shared.keys]

    wait_until(lambda: found() == [expected] * len(shared.keys), telling=found)


def wait_for_health(site: RunningSite, listing: dict[str, Any], seeders: int, leechers: int) -> None:
    expected = {"API": (seeders, leechers), "page": (seeders, leechers)}
    wait_until(lambda: health(site, listing) == expected, telling=lambda: health(site, listing))


def test_clients_of_either_key_of_a_hybrid_meet_and_count_once(site: RunningSite, token: str, tmp_path: Path) -> None:
    shared, listing = listed(site, token, tmp_path, Kind.HYBRID, "either key")
    tracker = address_of(site)
    v1, v2 = (f"{link}&tr=udp://{tracker}/announce" for link in magnets(shared))
    with running(LibtorrentPeer()) as both, running(LibtorrentPeer()) as first, running(LibtorrentPeer()) as second:
        # Who has a magnet link with one hash announces one key, until it has met somebody who knows both.
        knows_v1 = first.share(v1, tmp_path / "v1")
        wait_for_counts(tracker, shared, (0, 1))
        wait_for_health(site, listing, 0, 1)
        # It has announced already, so the seeder must reach out to it, and greet it with the hash that it knows.
        both.share(shared.with_announce(tmp_path / "a.torrent", f"udp://{tracker}/announce"), shared.folder)
        wait_until(knows_v1.is_complete, telling=knows_v1.told)
        knows_v2 = second.share(v2, tmp_path / "v2")
        wait_until(knows_v2.is_complete, telling=knows_v2.told)
        assert shared.is_in(tmp_path / "v1")
        assert shared.is_in(tmp_path / "v2")
        wait_for_counts(tracker, shared, (3, 0))
        wait_for_health(site, listing, 3, 0)


@pytest.mark.browser
def test_browsers_and_all_others_make_one_health_figure(site: RunningSite, token: str, tmp_path: Path) -> None:
    shared, listing = listed(site, token, tmp_path, Kind.HYBRID, "one figure")
    tracker = address_of(site)
    plain = shared.with_announce(tmp_path / "plain.torrent", f"http://{tracker}/announce")
    web = shared.with_announce(tmp_path / "web.torrent", f"ws://{tracker}/announce")
    (tmp_path / "page").mkdir()
    with web_pages(tmp_path / "page") as pages, running(pages.open()) as page, running(LibtorrentPeer()) as over_tcp:
        over_tcp.share(plain, shared.folder)
        fetched = page.share(web)
        # The page cannot reach the seeder, which knows TCP only; but whoever looks sees both.
        wait_for_health(site, listing, 1, 1)
        with running(LibtorrentPeer()) as over_webrtc:
            over_webrtc.share(web, shared.folder)
            wait_until(fetched.is_complete, telling=fetched.told)
            wait_for_health(site, listing, 3, 0)
        wait_for_health(site, listing, 2, 0)
    wait_for_health(site, listing, 0, 0)


def test_swarms_outlast_a_planned_restart_of_the_tracker(site: RunningSite, token: str, tmp_path: Path) -> None:
    shared, listing = listed(site, token, tmp_path, Kind.V1, "restart")
    tracker = address_of(site)
    torrent = shared.with_announce(tmp_path / "a.torrent", f"http://{tracker}/announce")
    with running(LibtorrentPeer()) as seeding, running(Aria2Peer(tmp_path / "aria2")) as aria2:
        seeder = seeding.share(torrent, shared.folder)
        wait_until(lambda: counts_at(tracker, shared.keys[0]) == (1, 0), telling=seeder.told)
        heard = seeder.told().count("sending announce")
        restart_tracker(site)
        fetched = aria2.share(torrent, tmp_path / "arrived")
        wait_until(fetched.is_complete, telling=fetched.told)
        assert shared.is_in(tmp_path / "arrived")
        assert seeder.told().count("sending announce") == heard, "the seeder has not announced again: it was remembered"
        wait_for_health(site, listing, 2, 0)


@pytest.mark.parametrize("protocol", ["udp", "http"])
@pytest.mark.parametrize("name", ["libtorrent", "Transmission", "aria2"])
def test_a_torrent_that_is_not_listed_is_refused_with_words(
    site: RunningSite, protocol: str, name: str, tmp_path: Path
) -> None:
    shared = make_shared(tmp_path, kind=Kind.V1, name=f"{name} {protocol}")
    torrent = shared.with_announce(tmp_path / "a.torrent", f"{protocol}://{address_of(site)}/announce")
    with running(make_peer(name, tmp_path / "client")) as peer:
        share = peer.share(torrent, tmp_path / "arrived")
        sentence = "tracker sent a failure message" if (name, protocol) == ("libtorrent", "udp") else NOT_LISTED
        wait_until(lambda: sentence in share.told(), telling=share.told)


@pytest.mark.browser
def test_a_page_is_told_that_a_torrent_is_not_listed(site: RunningSite, tmp_path: Path) -> None:
    with web_pages(tmp_path) as pages, running(pages.open()) as page:
        seeded = page.seed(f"ws://{address_of(site)}/announce")
        wait_until(lambda: NOT_LISTED in seeded.share.told(), telling=seeded.share.told)


def magnets(shared: Shared) -> tuple[str, str]:
    """Return a magnet link with the v1 hash only, and one with the v2 hash only."""
    hashes = shared.info.info_hashes()
    return f"magnet:?xt=urn:btih:{hashes.v1}", f"magnet:?xt=urn:btmh:1220{hashes.v2}"
