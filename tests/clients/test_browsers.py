"""
Browsers share files through the tracker: with each other, with libtorrent's own WebTorrent, and through that with everybody else.

The pages run npm's WebTorrent in Debian's Chromium, over WebSocket with and without TLS.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.aria2_peer import Aria2Peer
from clients.certificates import Certificates, make_certificates
from clients.libtorrent_peer import LibtorrentPeer
from clients.made_up import Kind, digests, make_shared
from clients.peers import running
from clients.programs import wait_until
from clients.running_tracker import RunningTracker, running_tracker
from clients.web_pages import PagePeer, WebPages, web_pages

pytestmark = [pytest.mark.clients, pytest.mark.browser]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tracker(certificates: Certificates) -> Iterator[RunningTracker]:
    with running_tracker("--policy", "open", certificates=certificates) as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebPages]:
    with web_pages(tmp_path_factory.mktemp("page")) as running:
        yield running


@pytest.fixture
def page(pages: WebPages) -> Iterator[PagePeer]:
    opened = pages.open()
    yield opened
    opened.stop()


@pytest.fixture
def other_page(pages: WebPages) -> Iterator[PagePeer]:
    opened = pages.open()
    yield opened
    opened.stop()


@pytest.fixture
def libtorrent_peer(certificates: Certificates) -> Iterator[LibtorrentPeer]:
    peer = LibtorrentPeer(authority=certificates.authority)
    yield peer
    peer.stop()


@pytest.mark.parametrize("protocol", ["ws", "wss"])
def test_two_pages_exchange_a_file(
    tracker: RunningTracker, page: PagePeer, other_page: PagePeer, protocol: str
) -> None:
    seeded = page.seed(tracker.url(protocol))
    fetched = other_page.share(seeded.magnet)
    wait_until(fetched.is_complete, telling=fetched.told)
    assert fetched.digests() == {"take 3.flac": seeded.digest}

    key = bytes.fromhex(seeded.share.info_hash)
    wait_until(lambda: tracker.counts(key) == (2, 0), telling=lambda: tracker.counts(key))
    assert tracker.stats()["peers_webrtc"] == 2
    seeded.share.leave()
    wait_until(lambda: tracker.counts(key) == (1, 0), telling=lambda: tracker.counts(key))
    other_page.stop()
    wait_until(lambda: tracker.counts(key) == (0, 0), telling=lambda: tracker.counts(key))


@pytest.mark.parametrize("protocol", ["ws", "wss"])
def test_a_page_gives_to_libtorrent(
    tracker: RunningTracker, page: PagePeer, libtorrent_peer: LibtorrentPeer, protocol: str, tmp_path: Path
) -> None:
    seeded = page.seed(tracker.url(protocol))
    fetched = libtorrent_peer.share(seeded.magnet, tmp_path)
    wait_until(fetched.is_complete, telling=fetched.told)
    assert digests(tmp_path) == {"take 3.flac": seeded.digest}


@pytest.mark.parametrize("kind", [Kind.V1, Kind.HYBRID])
def test_libtorrent_gives_to_a_page(
    tracker: RunningTracker, page: PagePeer, libtorrent_peer: LibtorrentPeer, kind: Kind, tmp_path: Path
) -> None:
    shared = make_shared(tmp_path, kind=kind)
    torrent = shared.with_announce(tmp_path / "announced.torrent", tracker.url("ws"))
    libtorrent_peer.share(torrent, shared.folder)
    fetched = page.share(torrent)
    wait_until(fetched.is_complete, telling=fetched.told)
    arrived = {path.removeprefix(f"{shared.name}/"): digest for path, digest in fetched.digests().items()}
    assert shared.files.items() <= arrived.items()


def test_what_a_page_gives_reaches_those_who_know_no_webrtc(
    tracker: RunningTracker, page: PagePeer, libtorrent_peer: LibtorrentPeer, tmp_path: Path
) -> None:
    seeded = page.seed(tracker.url("ws"), tracker.url("udp"))
    key = bytes.fromhex(seeded.share.info_hash)
    between = libtorrent_peer.share(seeded.magnet, tmp_path / "between")
    wait_until(between.is_complete, telling=between.told)
    wait_until(lambda: tracker.counts(key)[0] == 3, telling=lambda: (tracker.counts(key), between.told()))
    assert tracker.stats()["peers_webrtc"] == 2

    with running(Aria2Peer(tmp_path / "aria2")) as aria2:
        fetched = aria2.share(f"magnet:?xt=urn:btih:{seeded.share.info_hash}&tr={tracker.url('udp')}", tmp_path / "far")
        wait_until(fetched.is_complete, telling=fetched.told)
        assert digests(tmp_path / "far")["take 3.flac"] == seeded.digest
        wait_until(lambda: tracker.counts(key) == (4, 0), telling=lambda: tracker.counts(key))
