"""Which settings there are, by section: each with its default, its reader, what it is for and what is allowed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from stdnum import bic as bic_codes
from stdnum import iban as ibans

from largesse.config.values import (
    ListenAddress,
    as_listen_address,
    as_listen_address_or_none,
    as_listen_addresses,
    as_networks,
    as_peer_id_prefixes,
    as_text,
    as_truth,
    between,
    checked_by,
    matching,
    one_of,
    or_auto,
)


def setting(default: Any, parse: Callable[[object], Any], help_text: str, *, allowed: str, secret: bool = False) -> Any:
    """Declare a setting: its default, how it is read, what it is for, what is allowed, and whether it is a secret."""
    return field(default=default, metadata={"parse": parse, "help": help_text, "allowed": allowed, "secret": secret})


ADDRESS = "Allowed: ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080; port 0 takes a free one."
TEXT = "Allowed: text."
YES_NO = "Allowed: true or false."


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """What the site is called and how it speaks."""

    name: str = setting("Largesse", as_text, "Name of the site, in the title and in mail.", allowed=TEXT)
    operator: str = setting("", as_text, "Who runs the site, shown at the foot of every page.", allowed=TEXT)
    address: str = setting(
        "",
        matching(r"(https?://[^/\s]+)?"),
        "Public address of the site, without a slash at the end; empty: the address it listens on.",
        allowed="Allowed: http://HOST or https://HOST, or empty.",
    )
    language: str = setting(
        "en", one_of("en", "fr"), "Language where a visitor names none.", allowed="Allowed: en or fr."
    )
    registration: str = setting(
        "open", one_of("open", "closed"), "Whether visitors may make accounts.", allowed="Allowed: open or closed."
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The web server."""

    listen: ListenAddress = setting(
        ListenAddress("127.0.0.1", 8000), as_listen_address, "Address of the site.", allowed=ADDRESS
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        as_networks,
        "Proxies whose X-Forwarded-For is believed.",
        allowed="Allowed: a list of addresses or networks, such as 127.0.0.1, 10.0.0.0/8.",
    )
    workers: int = setting(1, between(1, 64), "Web worker processes.", allowed="Allowed: 1 to 64.")


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """The tracker."""

    listen: tuple[ListenAddress, ...] = setting(
        (ListenAddress("127.0.0.1", 6969), ListenAddress("::1", 6969)),
        as_listen_addresses,
        "Addresses of the tracker, UDP and HTTP alike.",
        allowed="Allowed: a list of ADDRESS:PORT, such as 0.0.0.0:6969 and [::]:6969; port 0 takes a free one.",
    )
    admin: str = setting(
        "127.0.0.1:0",
        as_listen_address_or_none,
        "Address of /metrics, /stats.json and /health; empty: none.",
        allowed="Allowed: ADDRESS:PORT, or empty.",
    )
    policy: str = setting(
        "listed",
        one_of("listed", "open", "members"),
        "Whose announces are answered: listed torrents, any torrent, or members with a passkey.",
        allowed="Allowed: listed, open or members.",
    )
    workers: int = setting(1, between(1, 64), "UDP worker threads.", allowed="Allowed: 1 to 64.")
    interval_seconds: int = setting(
        1800, between(10, 86_400), "Time between two announces of a client.", allowed="Allowed: 10 to 86400 (seconds)."
    )
    announce_host: str = setting(
        "",
        as_text,
        "Host name in announce URLs; empty: the address it listens on.",
        allowed="Allowed: a host name or empty.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        as_networks,
        "Proxies in front of the tracker's HTTP.",
        allowed="Allowed: a list of addresses or networks, such as 127.0.0.1, 10.0.0.0/8.",
    )
    proxy_header: str = setting(
        "X-Forwarded-For",
        matching(r"[A-Za-z0-9-]+"),
        "Header in which the trusted proxies say who asks, the only one that is believed: Forwarded as RFC 7239 has it, any other"
        " with one address or several.",
        allowed="Allowed: the name of a header, such as X-Forwarded-For, X-Real-IP or Forwarded.",
    )
    tls_certificate: str = setting(
        "",
        as_text,
        "PEM file with the certificate chain; with it, HTTPS and WSS are spoken on the tracker's TCP ports, too.",
        allowed="Allowed: a path, or empty.",
    )
    tls_key: str = setting(
        "", as_text, "PEM file with the certificate's private key.", allowed="Allowed: a path, or empty."
    )
    requests_per_second: int | Literal["auto"] = setting(
        "auto",
        or_auto(between(0, 1_000_000)),
        "Requests that one address may make in a second, over HTTP and over UDP; 0: as many as it likes; auto: 500, or any number"
        " while the tracker listens on loopback only and no proxy stands in front of it.",
        allowed="Allowed: 0 to 1000000, or auto.",
    )
    full_scrape: bool = setting(
        False, as_truth, "Answer a scrape that names no torrent with all of them, at most 50,000.", allowed=YES_NO
    )
    most_torrents: int = setting(
        10_000_000,
        between(1, 1_000_000_000),
        "Torrents that the open policy keeps at most; a new one beyond that is refused until others have expired.",
        allowed="Allowed: 1 to 1000000000.",
    )
    private_peers: str = setting(
        "same",
        one_of("same", "all", "never"),
        "Whether loopback and private addresses are handed out: to peers on such a network, to all, never.",
        allowed="Allowed: same, all or never.",
    )
    client_allow: tuple[str, ...] = setting(
        (),
        as_peer_id_prefixes,
        "Peer-id prefixes that alone are served; empty: all.",
        allowed="Allowed: a list such as -TR, -lt.",
    )
    client_deny: tuple[str, ...] = setting(
        (), as_peer_id_prefixes, "Peer-id prefixes that are refused.", allowed="Allowed: a list such as -XL0012."
    )


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """Where facts are kept."""

    url: str = setting(
        "",
        matching(r"|postgres(ql)?://\S+"),
        "PostgreSQL to use instead of SQLite in the data folder.",
        allowed="Allowed: postgresql://USER:PASSWORD@HOST:PORT/NAME, or empty.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class MailConfig:
    """How mail leaves."""

    url: str = setting(
        "",
        matching(r"|smtps?://\S+"),
        "Mail server; empty: mail is kept as files in the data folder.",
        allowed="Allowed: smtp://USER:PASSWORD@HOST:PORT (or smtps://), or empty.",
        secret=True,
    )
    sender: str = setting(
        "largesse@localhost", as_text, "Sender of the site's mail.", allowed="Allowed: a mail address."
    )


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Limits that keep one visitor's mistake from becoming everybody's."""

    metainfo_bytes: int = setting(
        10_485_760, between(1024, 268_435_456), "Largest .torrent file.", allowed="Allowed: 1024 to 268435456 (bytes)."
    )


@dataclass(frozen=True, slots=True)
class SecretsConfig:
    """Secrets; where one is not given, a random one is made and kept in the data folder, readable by its owner only."""

    key: str = setting("", as_text, "Signs sessions and links.", allowed=TEXT, secret=True)
    donor_key: str = setting(
        "", as_text, "Encrypts the identities of donors; lives outside the database.", allowed=TEXT, secret=True
    )


@dataclass(frozen=True, slots=True)
class FundConfig:
    """Payment providers of the fund; a provider without its settings is not offered."""

    bank_account_holder: str = setting("", as_text, "Name on the bank account.", allowed=TEXT)
    bank_iban: str = setting(
        "",
        checked_by(ibans.is_valid),
        "IBAN that bank transfers go to.",
        allowed="Allowed: an IBAN with right check digits, or empty.",
    )
    bank_bic: str = setting(
        "", checked_by(bic_codes.is_valid), "BIC of that bank.", allowed="Allowed: a BIC, or empty."
    )
    bank_currency: str = setting(
        "",
        matching(r"|[A-Z]{3}"),
        "The only currency that bank transfers are offered in; empty: any.",
        allowed="Allowed: a code of ISO 4217 such as EUR, or empty.",
    )
    stripe_secret_key: str = setting("", as_text, "Secret key of the Stripe account.", allowed=TEXT, secret=True)
    stripe_webhook_secret: str = setting(
        "", as_text, "Signing secret of the Stripe webhook.", allowed=TEXT, secret=True
    )
    stripe_api: str = setting(
        "https://api.stripe.com", matching(r"https?://\S+"), "Address of Stripe's API.", allowed="Allowed: a URL."
    )
    btcpay_address: str = setting(
        "", matching(r"|https?://\S+"), "Address of the BTCPay server.", allowed="Allowed: a URL, or empty."
    )
    btcpay_store: str = setting("", as_text, "Store id in BTCPay.", allowed=TEXT)
    btcpay_api_key: str = setting("", as_text, "Greenfield API key.", allowed=TEXT, secret=True)
    btcpay_webhook_secret: str = setting(
        "", as_text, "Signing secret of the BTCPay webhook.", allowed=TEXT, secret=True
    )
    donor_retention_days: int = setting(
        3650, between(1, 36_500), "How long a donor's identity is kept.", allowed="Allowed: 1 to 36500 (days)."
    )
    strip_everywhere: bool = setting(
        False,
        as_truth,
        "Show the pinned drive's strip on every public page, not on the home page only.",
        allowed=YES_NO,
    )
