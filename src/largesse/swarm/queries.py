"""What the site asks about swarms."""

import socket
from collections.abc import Iterable

from django.conf import settings

from largesse.config import Config, ListenAddress
from largesse.kit.runtime import read_runtime
from largesse.swarm.models import SwarmCount

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised here, not listened on.


def counts_for(keys: Iterable[str]) -> dict[str, SwarmCount]:
    """Return the counts of these swarms by their first announce key; a swarm without peers may be missing."""
    return SwarmCount.objects.in_bulk(list(keys))


def announce_urls(*, passkey: str | None = None) -> list[str]:
    """
    Return the tracker's announce URLs, of the running tracker if there is one.

    Args:
        passkey: put into the path, where the tracker counts what its members give.
    """
    config: Config = settings.CONFIG
    running = read_runtime(config.data)
    urls = list(running.announce) if running else configured_announce_urls(config)
    if passkey and config.tracker.policy == "members":
        return [url.removesuffix("/announce") + f"/{passkey}/announce" for url in urls]
    return urls


def configured_announce_urls(config: Config) -> list[str]:
    """Return the announce URLs that the settings say: UDP first, which costs least."""
    hosts = [_host(config, address) for address in config.tracker.listen]
    urls = [f"{scheme}://{host}/announce" for scheme in ("udp", "http") for host in hosts]
    if config.tracker.tls_listen:
        urls.append(f"https://{_host(config, ListenAddress.parse(config.tracker.tls_listen))}/announce")
    return list(dict.fromkeys(urls))


def _host(config: Config, address: ListenAddress) -> str:
    name = config.tracker.announce_host or (socket.getfqdn() if address.host in WILDCARDS else address.host)
    return str(ListenAddress(name, address.port))
