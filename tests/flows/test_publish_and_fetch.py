"""
The first straight line: `largesse up`, `largesse publish FOLDER`, and other people's programs fetch it, found through our tracker.

The folder has many files, an empty one, names beyond ASCII and one of more than 64 MiB. The hybrid torrent is fetched by libtorrent,
and by Transmission and aria2 where they are new enough to read one; Debian's are not, so they fetch the folder as `--format v1`.
Each fetch has one announce URL, so what arrived was found over that protocol.
"""

import json
import os
import random
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from clients.libtorrent_peer import LibtorrentPeer
from clients.made_up import Kind, Shared, digests
from clients.peers import Peer, Share, knows, make_peer
from clients.programs import wait_until
from clients.transmission_peer import TransmissionShare
from processes import Running, RunningSite, run, start, start_site

pytestmark = pytest.mark.clients

LARGE_BYTES = 65 * 1024**2 + 12_345
NOT_LISTED = "not listed"
FAILURE = "failure"
"""What libtorrent shows of a refusal over UDP, of which it drops the sentence."""


@dataclass(frozen=True)
class Fetch:
    """Which program fetches what, begun with what, found how."""

    name: str
    given: str
    protocol: str
    ipv6: bool = False
    kind: Kind = Kind.V1

    def __str__(self) -> str:
        return f"{self.name}-{self.kind}-{self.given}-{self.protocol}{'6' if self.ipv6 else '4'}"


FETCHES = [
    Fetch("libtorrent", "magnet", "udp", kind=Kind.HYBRID),
    Fetch("libtorrent", "torrent", "http", kind=Kind.HYBRID),
    Fetch("libtorrent", "torrent", "udp", ipv6=True, kind=Kind.HYBRID),
    Fetch("libtorrent", "magnet", "http", ipv6=True, kind=Kind.HYBRID),
    Fetch("Transmission", "torrent", "udp"),
    Fetch("Transmission", "torrent", "http"),
    Fetch("Transmission", "torrent", "http", kind=Kind.HYBRID),
    Fetch("aria2", "torrent", "udp"),
    Fetch("aria2", "torrent", "http"),
    Fetch("aria2", "magnet", "http"),
    Fetch("aria2", "torrent", "http", ipv6=True),
    Fetch("aria2", "torrent", "http", kind=Kind.HYBRID),
]


def make_folder(root: Path) -> Path:
    """Make a folder as people have them."""
    chance = random.Random("a real folder")
    for number in range(60):
        path = root / f"notes {number // 20}" / f"page {number:03}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(chance.randrange(1, 40_000)))
    (root / "empty").touch()
    (root / "Été à Reykjavík ☃ 音.txt").write_text("bonjour", encoding="utf-8")
    with (root / "large.bin").open("wb") as file:
        for _ in range(LARGE_BYTES // 65_536):
            file.write(chance.randbytes(65_536))
        file.write(chance.randbytes(LARGE_BYTES % 65_536))
    return root


@dataclass
class Published:
    """A folder, published and seeded by `largesse publish`."""

    seeding: Running
    told: dict[str, Any]
    shared: Shared

    @property
    def key(self) -> bytes:
        """The v1 announce key."""
        return bytes.fromhex(self.told["v1"])

    def magnet(self, url: str) -> str:
        """Return the magnet link with this tracker alone."""
        return re.sub(r"&tr=[^&]+", "", self.told["magnet"]) + f"&tr={quote(url, safe='')}"


def publish(site: RunningSite, source: Path, *, kind: Kind, folder: Path) -> Published:
    """Publish from the command line and wait until it says so."""
    folder.mkdir()
    seeding = start("publish", str(source), "--json", "--format", kind, "--data", str(site.data), cwd=folder)
    told = json.loads(seeding.first_line(seconds=120))
    path = Path(told["torrent"])
    return Published(seeding, told, Shared(source.parent, source.name, path, path.read_bytes(), digests(source)))


@dataclass
class World:
    """A running site, and what was published there."""

    site: RunningSite
    published: dict[Kind, Published]
    folder: Path
    stack: ExitStack
    peers: dict[Fetch, Peer] = field(default_factory=dict)
    shares: dict[Fetch, Share] = field(default_factory=dict)

    def url(self, protocol: str, *, ipv6: bool) -> str:
        """Return the announce URL of a protocol and an address family."""
        beginning = f"{protocol}://{'[' if ipv6 else '127'}"
        return next(url for url in self.site.announce if url.startswith(beginning))

    def begin(self, fetch: Fetch) -> None:
        """Start a client and let it fetch."""
        folder = self.folder / str(fetch)
        arriving = folder / "arriving"
        arriving.mkdir(parents=True)
        url, published = self.url(fetch.protocol, ipv6=fetch.ipv6), self.published[fetch.kind]
        given = published.magnet(url)
        if fetch.given == "torrent":
            given = published.shared.with_announce(folder / "one tracker.torrent", url)
        peer = make_peer(fetch.name, folder / "client", address="::1" if fetch.ipv6 else "127.0.0.1")
        self.stack.callback(peer.stop)
        self.peers[fetch], self.shares[fetch] = peer, peer.share(given, arriving)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A site with the folder published in both forms, and every fetch begun."""
    folder = tmp_path_factory.mktemp("flow")
    source = make_folder(folder / "shared" / "Field recordings")
    with ExitStack() as stack:
        site = stack.enter_context(start_site(folder))
        made = {}
        for kind in (Kind.HYBRID, Kind.V1):
            made[kind] = publish(site, source, kind=kind, folder=folder / kind)
            stack.enter_context(made[kind].seeding)
        found = World(site, made, folder, stack)
        for fetch in FETCHES:
            if knows(fetch.name, fetch.kind):
                found.begin(fetch)
        yield found


@pytest.mark.parametrize("fetch", FETCHES, ids=str)
def test_every_byte_arrives(world: World, fetch: Fetch) -> None:
    if fetch not in world.shares:
        pytest.skip(f"the installed {fetch.name} is too old for hybrid torrents")
    share, published = world.shares[fetch], world.published[fetch.kind]
    wait_until(share.is_complete, telling=lambda: (share.told()[-3_000:], published.seeding.said()))
    wait_until_in(published, world.folder / str(fetch) / "arriving")


def wait_until_in(published: Published, folder: Path) -> None:
    """Wait until the folder has every byte: libtorrent says that it is complete before all of them are on the disk."""
    wait_until(lambda: published.shared.is_in(folder), telling=lambda: digests(folder))


def test_the_exchange_completes_though_the_tracker_is_killed_in_between(world: World, tmp_path: Path) -> None:
    source = world.folder / "shared" / "Field recordings"
    with ExitStack() as stack:
        site = stack.enter_context(start_site(tmp_path))
        published = publish(site, source, kind=Kind.HYBRID, folder=tmp_path / "publisher")
        stack.enter_context(published.seeding)
        url = next(url for url in site.announce if url.startswith("http://127"))
        torrent = published.shared.with_announce(tmp_path / "one tracker.torrent", url)
        slow, fresh = LibtorrentPeer(download_rate_limit=12_000_000), LibtorrentPeer()
        stack.callback(slow.stop)
        stack.callback(fresh.stop)
        share = slow.share(torrent, tmp_path / "slow")
        wait_until(lambda: share.moved()[1] > 1_000_000, telling=share.told)
        before = site.children()["tracker"]
        os.kill(before, signal.SIGKILL)
        assert not share.is_complete()
        wait_until(lambda: site.children().get("tracker", before) != before, telling=site.said)
        # This one is found through the new tracker only, which was told nothing by the old one.
        joined = fresh.share(torrent, tmp_path / "fresh")
        for each in (share, joined):
            wait_until(each.is_complete, telling=lambda: (share.told(), joined.told(), published.seeding.said()))
        for name in ("slow", "fresh"):
            wait_until_in(published, tmp_path / name)


def test_the_next_announce_after_a_withdrawal_is_refused_by_every_client(world: World) -> None:
    for published in world.published.values():
        assert withdraw(world.site, published) == ""
    before: dict[Fetch, int] = {}
    for fetch, share in world.shares.items():
        wait_until(share.is_complete, telling=share.told)
        before[fetch] = len(share.told()) if fetch.name != "Transmission" else 0
        share.announce_again()
        if isinstance(share, TransmissionShare):  # It lets two minutes pass, unless it begins again.
            share.leave()
            share.peer.ask("torrent-start", ids=[share.number])
    for fetch, share in world.shares.items():
        sentence = FAILURE if (fetch.name, fetch.protocol) == ("libtorrent", "udp") else NOT_LISTED

        def is_refused(share: Share = share, fetch: Fetch = fetch, sentence: str = sentence) -> bool:
            return sentence in share.told()[before[fetch] :]

        wait_until(is_refused, telling=lambda share=share, fetch=fetch: (str(fetch), share.told()[-3_000:]))
    for published in world.published.values():
        wait_until(lambda p=published: "the tracker refuses it" in p.seeding.said(), telling=published.seeding.said)
    checked = run("check", "--data", str(world.site.data), "--json")
    assert json.loads(checked.stdout)["breaks"] == []


def withdraw(site: RunningSite, published: Published) -> str:
    """Withdraw a listing as its publisher does."""
    public_id = published.told["page"].split("/")[-2]
    return site.shell(
        "from largesse.torrents.actions.withdraw_listing import withdraw_listing\n"
        "from largesse.torrents.models import Listing\n"
        f"listing = Listing.objects.get(public_id='{public_id}')\n"
        "withdraw_listing(listing, editor=listing.publisher)"
    )
