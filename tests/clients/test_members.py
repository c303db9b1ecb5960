"""Members share a private torrent: each client announces with its account's passkey, and the site books what it really moved."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes, urlsplit

import libtorrent
import pytest

from clients.aria2_peer import Aria2Peer
from clients.libtorrent_peer import LibtorrentPeer
from clients.made_up import Kind, Shared, make_shared
from clients.peers import Share, running
from clients.programs import wait_until
from clients.running_tracker import counts_at
from clients.site_session import deeds, download, make_people, post, publish, restart_tracker, signed_in
from clients.transmission_peer import TransmissionPeer
from processes import RunningSite, start_site
from tracker_talk import get

pytestmark = pytest.mark.clients


@dataclass(frozen=True)
class Club:
    """A site of members: a token of each by name, and a private torrent that is listed."""

    site: RunningSite
    shared: Shared
    listing: dict[str, Any]

    @property
    def key(self) -> bytes:
        return self.shared.keys[0]


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    folder = tmp_path_factory.mktemp("club")
    shared = make_shared(folder, kind=Kind.V1, private=True)
    with start_site(folder, environment={"LARGESSE_TRACKER_POLICY": "members"}) as site:
        tokens = make_people(site, "ada", "bob", "cleo", "dora")
        listing = publish(site, tokens["ada"], shared)
        assert listing["is_private"]
        yield Club(site, shared, listing)


def announce_urls(torrent: Path) -> list[str]:
    found = libtorrent.bdecode(torrent.read_bytes())
    return [url.decode() for tier in found[b"announce-list"] for url in tier]


def test_what_clients_of_members_moved_is_what_the_site_booked(club: Club, tmp_path: Path) -> None:
    torrents = {}
    for name in ("ada", "bob", "cleo"):
        with signed_in(club.site, name) as browser:
            torrents[name] = download(browser, club.listing, tmp_path / f"{name}.torrent")
    urls = {name: announce_urls(torrent) for name, torrent in torrents.items()}
    assert len({url.split("/")[3] for found in urls.values() for url in found}) == 3, "a passkey of its own for each"
    tracker = urls["ada"][0].split("/")[2]
    with (
        running(TransmissionPeer(tmp_path / "transmission")) as transmission,
        running(LibtorrentPeer()) as libtorrent_peer,
        running(Aria2Peer(tmp_path / "aria2")) as aria2,
    ):
        # Transmission and aria2 send no path over UDP (BEP 41): refused there, they go on to HTTP by themselves.
        bob = transmission.share(torrents["bob"], tmp_path / "bob")
        wait_until(lambda: counts_at(tracker, club.key) == (0, 1), telling=bob.told)
        assert urls["ada"][0].startswith("udp://")
        over_udp = club.shared.with_announce(tmp_path / "udp.torrent", urls["ada"][0])
        ada = libtorrent_peer.share(over_udp, club.shared.folder)
        wait_until(bob.is_complete, telling=lambda: ada.told() + bob.told())
        cleo = aria2.share(torrents["cleo"], tmp_path / "cleo")
        wait_until(cleo.is_complete, telling=cleo.told)
        assert club.shared.is_in(tmp_path / "bob")
        assert club.shared.is_in(tmp_path / "cleo")
        wait_until(lambda: counts_at(tracker, club.key) == (3, 0), telling=lambda: counts_at(tracker, club.key))
        shares: dict[str, Share] = {"ada": ada, "bob": bob, "cleo": cleo}
        for share in shares.values():
            share.leave()
        wait_until(lambda: counts_at(tracker, club.key) == (0, 0), telling=lambda: counts_at(tracker, club.key))
        moved = {name: share.moved() for name, share in shares.items()}
    wait_until(
        lambda: {name: (row.uploaded, row.downloaded) for name, row in deeds(club.site).items()} == moved,
        telling=lambda: (moved, deeds(club.site)),
    )
    booked = deeds(club.site)
    assert booked["bob"].downloaded == booked["cleo"].downloaded == club.shared.size_bytes
    assert [booked[name].completed for name in ("ada", "bob", "cleo")] == [0, 1, 1]
    restart_tracker(club.site)
    assert deeds(club.site) == booked, "a restart loses nothing, and counts nothing twice"


def test_a_reset_passkey_is_refused_and_the_client_says_so(club: Club, tmp_path: Path) -> None:
    with signed_in(club.site, "dora") as browser, running(LibtorrentPeer()) as peer:
        former = download(browser, club.listing, tmp_path / "former.torrent")
        tracker = announce_urls(former)[0].split("/")[2]
        share = peer.share(former, club.shared.folder)
        # It announces to every address of the tracker: over TCP and WebRTC it is a peer in each.
        wait_until(lambda: counts_at(tracker, club.key)[0] > 0, telling=share.told)
        browser.get("/account/passkey/")
        post(browser, "/account/passkey/")
        again = download(browser, club.listing, tmp_path / "again.torrent")
        old, new = (urlsplit(announce_urls(torrent)[0]).path for torrent in (former, again))
        assert old != new
        query = f"info_hash={quote_from_bytes(club.key)}&peer_id={'p' * 20}&port=7000&left=1"
        wait_until(
            lambda: b"Unknown passkey" in get(tracker, f"{old}?{query}"), telling=lambda: get(tracker, f"{old}?{query}")
        )
        assert b"failure reason" not in get(tracker, f"{new}?{query}&event=stopped")
        share.announce_again()
        wait_until(lambda: "Unknown passkey" in share.told(), telling=share.told)
        with running(LibtorrentPeer()) as newcomer:
            fetched = newcomer.share(again, tmp_path / "arrived")
            wait_until(fetched.is_complete, telling=fetched.told)
            assert club.shared.is_in(tmp_path / "arrived")
