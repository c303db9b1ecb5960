"""
The compiled tracker as the rest of the program sees it, and how it is started from the settings.

What is asked of it is written down as protocols, so that each part says what it needs and tests may hand it something smaller.
"""

import errno
import ipaddress
import resource
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from largesse import _core
from largesse.config.sections import TrackerConfig
from largesse.config.values import ListenAddress
from largesse.swarm.errors import AddressUnusable, CertificateUnusable, PortInUse

USUAL_REQUESTS_PER_SECOND = 500
"""What one address may ask over HTTP: a hundred clients behind one router, announcing all they have at once."""

OPEN_FILES = 65_536
"""More than the connections that the tracker allows, twenty thousand."""

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised here, not listened on.

Change = tuple[str, bytes, bytes | None]
"""`("allow", key, None)`, `("alias", key, canonical key)` or `("refuse", key, None)`."""


Deed = tuple[int, bytes, int, int, int, int]
"""account, announce key, bytes uploaded, bytes downloaded, seconds seeded, downloads completed."""
Report = tuple[int, int, bool, int, int, bool, bool]
"""
What a peer said last: bytes uploaded, bytes downloaded, whether it seeds, when it was heard and when its session began (seconds
since 1970), whether it stopped, and whether its completed download was counted.
"""
Heard = tuple[int, bytes, bytes, Report | None]
"""account, announce key, peer id, and its last report; None when it is gone."""


class TakesPolicy(Protocol):
    """Something that is told what may be announced, and by whom."""

    def apply(self, changes: list[Change]) -> None:
        """Apply changes in their order; they hold when this returns."""

    def admit_member(self, passkey: bytes, account: int) -> None:
        """Give one account its passkey; its former one stops working."""

    def replace_members(self, accounts: dict[bytes, int]) -> None:
        """Give all accounts their passkeys, in place of all former ones."""

    def set_client_rules(self, allow: list[bytes], deny: list[bytes]) -> None:
        """Set which clients are served, by prefixes of their peer ids."""


class GivesFacts(Protocol):
    """Something that hands over what happened in the swarms."""

    def drain_counts(self, limit: int) -> list[tuple[bytes, int, int, int, int]]:
        """Hand over changed swarms: key, seeders, leechers, partial seeds, completed since its start."""

    def drain_members(self) -> tuple[list[Deed], list[Heard]]:
        """Hand over what members did since the last time, and what their peers said last."""

    def restore_members(self, reports: list[tuple[int, bytes, bytes, Report]]) -> None:
        """Take what peers said last to a former tracker."""


def take_addresses(wanted: Sequence[ListenAddress], *, key: str) -> tuple[list[ListenAddress], list[str]]:
    """
    Find out which addresses can be listened on, over UDP and TCP, before anything is started.

    Args:
        key: the setting that names them, for the error.

    Returns:
        The usable addresses, and a warning for each IPv6 address that this machine does not have.

    Raises:
        PortInUse: another program has one of the ports.
        AddressUnusable: an address is not this machine's, or none is left.
    """
    usable, warnings = [], []
    for address in wanted:
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with bound_socket(address, kind=kind, key=key):
                    pass
        except AddressUnusable as error:
            if ":" not in address.host or len(wanted) == 1:
                raise
            warnings.append(error.message)
        else:
            usable.append(address)
    if not usable:
        raise AddressUnusable(address=str(wanted[0]), key=key, reason="no address of the list can be used")
    return usable, warnings


@contextmanager
def bound_socket(address: ListenAddress, *, kind: int, key: str) -> Iterator[socket.socket]:
    """Bind a socket that is closed afterwards; raise as `take_addresses` does."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if kind == socket.SOCK_STREAM:
                # A port whose last connections are only waiting to be forgotten is free.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address.host, address.port))
            yield probe
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(address=str(address), port=address.port, key=key) from error
        raise AddressUnusable(address=str(address), key=key, reason=(error.strerror or str(error)).lower()) from error


def make_core(config: TrackerConfig, *, listen: Sequence[ListenAddress]) -> _core.Tracker:
    """
    Make a tracker that has no sockets yet, so that it can be told its policy before it answers anyone.

    Raises:
        CertificateUnusable: one of the certificate and its key is set without the other.
    """
    if bool(config.tls_certificate) != bool(config.tls_key):
        reason = "tracker.tls_certificate and tracker.tls_key are set together or not at all"
        raise CertificateUnusable(certificate=config.tls_certificate, key=config.tls_key, reason=reason)
    return _core.Tracker(
        listen=[str(address) for address in listen],
        admin=config.admin or None,
        policy=config.policy,
        workers=config.workers,
        interval_seconds=config.interval_seconds,
        private_peers=config.private_peers,
        trusted_proxies=list(config.trusted_proxies),
        client_allow=prefixes(config.client_allow),
        client_deny=prefixes(config.client_deny),
        most_torrents=config.most_torrents,
        tls_certificate=config.tls_certificate or None,
        tls_key=config.tls_key or None,
        requests_per_second=_requests_per_second(config, listen),
        full_scrape=config.full_scrape,
        proxy_header=config.proxy_header,
        is_waiting=True,
    )


def _requests_per_second(config: TrackerConfig, listen: Sequence[ListenAddress]) -> int:
    if config.requests_per_second != "auto":
        return config.requests_per_second
    is_among_friends = not config.trusted_proxies and all(is_loopback(address) for address in listen)
    return 0 if is_among_friends else USUAL_REQUESTS_PER_SECOND


def is_loopback(address: ListenAddress) -> bool:
    """Return whether only this machine can reach the address."""
    return ipaddress.ip_address(address.host).is_loopback


def start_core(tracker: _core.Tracker, config: TrackerConfig, *, listen: Sequence[ListenAddress]) -> None:
    """
    Take the sockets and answer from now on.

    Raises:
        PortInUse: another program has the port of the admin address.
        AddressUnusable: an address cannot be listened on, or another program took its port meanwhile.
        CertificateUnusable: the certificate or its key cannot be read, or they do not belong together.
    """
    _allow_open_files()
    if config.admin:
        # Tried here, where it can be told from the others: those were tried by `take_addresses`.
        with bound_socket(ListenAddress.parse(config.admin), kind=socket.SOCK_STREAM, key="tracker.admin"):
            pass
    try:
        tracker.start()
    except OSError as error:
        if config.tls_certificate:
            _try_certificate(config)
        addresses = ", ".join([*(str(address) for address in listen), config.admin])
        # The core's sentence begins with the address that it means.
        reason = error.strerror or str(error).removeprefix("[Errno None] ")
        raise AddressUnusable(address=addresses, key="tracker.listen or tracker.admin", reason=reason) from error


def _allow_open_files() -> None:
    """Raise the soft limit of open files as far as the tracker can use it and the hard one lets it: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _try_certificate(config: TrackerConfig) -> None:
    """Raise CertificateUnusable when OpenSSL cannot use the files either; it tells more plainly why."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.tls_certificate, config.tls_key)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CertificateUnusable(certificate=config.tls_certificate, key=config.tls_key, reason=reason) from error


def prefixes(texts: Sequence[str]) -> list[bytes]:
    """Return peer-id prefixes as bytes."""
    return [text.encode("latin-1") for text in texts]


def addresses_of(tracker: _core.Tracker) -> tuple[ListenAddress, ...]:
    """Return the addresses that the tracker really took."""
    return tuple(ListenAddress.parse(text) for text in tracker.addresses)


def announce_urls_of(config: TrackerConfig, addresses: Sequence[ListenAddress]) -> list[str]:
    """
    Return the announce URLs of a tracker at these addresses: UDP first, which costs least, WebTorrent's last.

    With a certificate, HTTPS and WSS are spoken on the same ports; browsers are then told of WSS only.
    """
    hosts = [_named(config, address) for address in addresses]
    schemes = ("udp", "https", "http", "wss") if config.tls_certificate else ("udp", "http", "ws")
    return list(dict.fromkeys(f"{scheme}://{host}/announce" for scheme in schemes for host in hosts))


def _named(config: TrackerConfig, address: ListenAddress) -> str:
    name = config.announce_host or (socket.getfqdn() if address.host in WILDCARDS else address.host)
    return str(ListenAddress(name, address.port))
