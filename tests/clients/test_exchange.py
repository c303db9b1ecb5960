"""
Real clients exchange real files through `largesse tracker`: every protocol, IPv4 and IPv6, every form of torrent that they know.

Each exchange has a torrent of its own with one announce URL, so what arrives was found over that protocol. All of them begin
together, since clients mostly wait: for their next round of whom to give bytes to.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clients.certificates import make_certificates
from clients.made_up import Kind, Shared, make_shared
from clients.peers import Peer, Share, knows, make_peer
from clients.programs import wait_until
from clients.running_tracker import RunningTracker, running_tracker

pytestmark = pytest.mark.clients

LIBTORRENT, TRANSMISSION, ARIA2 = "libtorrent", "Transmission", "aria2"


@dataclass(frozen=True)
class Exchange:
    """Who gives what to whom, found how."""

    protocol: str
    seeder: str
    leecher: str
    kind: Kind = Kind.V1
    ipv6: bool = False

    def __str__(self) -> str:
        return f"{self.kind}-{self.protocol}{'6' if self.ipv6 else ''}-{self.seeder}-{self.leecher}"


PAIRS = [(one, other) for one in (LIBTORRENT, TRANSMISSION, ARIA2) for other in (LIBTORRENT, TRANSMISSION, ARIA2)]
EXCHANGES = [
    *(
        Exchange(protocol, seeder, leecher)
        for protocol in ("udp", "http", "https")
        for seeder, leecher in PAIRS
        if (seeder, leecher) != (TRANSMISSION, TRANSMISSION)  # Neither of them connects to a loopback address.
    ),
    *(Exchange(protocol, LIBTORRENT, LIBTORRENT, Kind.V2) for protocol in ("udp", "http", "https")),
    *(Exchange(protocol, LIBTORRENT, LIBTORRENT, Kind.HYBRID) for protocol in ("udp", "http", "https")),
    # Between WebRTC peers, libtorrent's handshake names the v1 hash only, so a v2 torrent does not pass there.
    *(
        Exchange(protocol, LIBTORRENT, LIBTORRENT, kind)
        for protocol in ("ws", "wss")
        for kind in (Kind.V1, Kind.HYBRID)
    ),
    Exchange("http", LIBTORRENT, TRANSMISSION, Kind.HYBRID),
    Exchange("http", LIBTORRENT, ARIA2, Kind.HYBRID),
    # Of the others, aria2 asks over UDP from IPv4 only, and Transmission asks from the one address that it is bound to.
    *(Exchange(protocol, LIBTORRENT, LIBTORRENT, ipv6=True) for protocol in ("udp", "http", "https", "ws")),
    *(Exchange(protocol, ARIA2, LIBTORRENT, ipv6=True) for protocol in ("http", "https")),
]


@dataclass
class Begun:
    """An exchange under way."""

    shared: Shared
    arriving: Path
    shares: list[Share] = field(default_factory=list)
    missing: str = ""

    def are_complete(self) -> bool:
        """Whether both have every byte."""
        return len(self.shares) == 2 and all(share.is_complete() for share in self.shares)

    def told(self) -> str:
        """Return what the trackers answered both."""
        return "\n".join(share.told()[-1_500:] for share in self.shares)


class Clients:
    """
    The clients of all exchanges: of each program and address family one to give and one to take, and such a pair for HTTPS.

    The last because aria2 would speak HTTPS through a connection that it opened for HTTP to the same port.
    """

    def __init__(self, folder: Path, authority: Path, stack: ExitStack) -> None:
        self.folder, self.authority, self.stack = folder, authority, stack
        self.made: dict[str, Peer] = {}

    def get(self, name: str, exchange: Exchange, *, gives: bool) -> Peer:
        """Return the client, started when it is asked for first."""
        family, safety = "6" if exchange.ipv6 else "4", "TLS" if exchange.protocol in ("https", "wss") else "plain"
        key = "-".join((name, family, safety, "gives" if gives else "takes"))
        if key not in self.made:
            address = "::1" if exchange.ipv6 else "127.0.0.1"
            self.made[key] = make_peer(name, self.folder / key, address=address, authority=self.authority)
            self.stack.callback(self.made[key].stop)
        return self.made[key]


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Exchange, Begun]]:
    """Begin all exchanges."""
    folder = tmp_path_factory.mktemp("exchanges")
    certificates = make_certificates(folder)
    with ExitStack() as stack:
        tracker = stack.enter_context(running_tracker("--policy", "open", certificates=certificates))
        clients = Clients(folder, certificates.authority, stack)
        exchanges = {exchange: _prepared(exchange, folder / str(exchange)) for exchange in EXCHANGES}
        going = [exchange for exchange, found in exchanges.items() if not found.missing]
        for exchange in going:
            _share(exchange, exchanges[exchange], tracker, clients, is_first=True)
        for exchange in going:
            _wait_for_first(exchange, exchanges[exchange], tracker)
        for exchange in going:
            _share(exchange, exchanges[exchange], tracker, clients, is_first=False)
        yield exchanges


@pytest.mark.parametrize("exchange", EXCHANGES, ids=str)
def test_every_byte_arrives(begun: dict[Exchange, Begun], exchange: Exchange) -> None:
    found = begun[exchange]
    if found.missing:
        pytest.skip(found.missing)
    wait_until(found.are_complete, telling=found.told)
    assert found.shared.is_in(found.arriving)


def _prepared(exchange: Exchange, folder: Path) -> Begun:
    for name in (exchange.seeder, exchange.leecher):
        if not knows(name, exchange.kind):
            return Begun(None, folder, missing=f"the installed {name} is too old for {exchange.kind} torrents")
    arriving = folder / "arriving"
    arriving.mkdir(parents=True)
    return Begun(make_shared(folder, kind=exchange.kind, name=str(exchange)), arriving)


def _share(exchange: Exchange, found: Begun, tracker: RunningTracker, clients: Clients, *, is_first: bool) -> None:
    """Let the first or the second client in; a Transmission waits to be found, so it is first."""
    torrent = found.arriving.parent / "with tracker.torrent"
    found.shared.with_announce(torrent, tracker.url(exchange.protocol, ipv6=exchange.ipv6))
    if is_first == (exchange.leecher == TRANSMISSION):
        peer = clients.get(exchange.leecher, exchange, gives=False)
        found.shares.append(peer.share(torrent, found.arriving))
    else:
        peer = clients.get(exchange.seeder, exchange, gives=True)
        found.shares.append(peer.share(torrent, found.shared.folder))


def _wait_for_first(exchange: Exchange, found: Begun, tracker: RunningTracker) -> None:
    def is_there() -> bool:
        return all(sum(tracker.counts(key)) == 1 for key in found.shared.keys)

    wait_until(is_there, telling=lambda: f"{exchange}: {found.told()}")
