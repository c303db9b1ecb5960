"""
Config: every setting of the program, typed, with where each value came from.

Order, later wins: the built-in default, `largesse.toml` (in the data folder, or the file that `--config` names),
`LARGESSE_SECTION_KEY` variables, options of the command line. An unknown key or a value that is not allowed is refused with
the key, the value and what is allowed.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, Self

from stdnum import bic as bic_codes
from stdnum import iban as ibans

from largesse.kit.errors import BadSetting

SETTINGS_FILE = "largesse.toml"
DEFAULT_DATA_FOLDER = "largesse-data"


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An address and a port to listen on; port 0 takes a free one. IPv6 stands in brackets: `[::1]:8080`."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ADDRESS:PORT`; raise ValueError when it is not one."""
        host, separator, port = text.strip().rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError(text)
        ipaddress.ip_address(bare)
        if ":" in bare and bare == host:
            raise ValueError(text)
        return cls(bare, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def _truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "1", "yes", "false", "0", "no"}:
        return value.lower() in {"true", "1", "yes"}
    raise ValueError(value)


def _texts(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise TypeError(value)
    return tuple(_text(part).strip() for part in parts if _text(part).strip())


def _networks(value: object) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(part)) for part in _texts(value))


def _listen(value: object) -> ListenAddress:
    return ListenAddress.parse(_text(value))


def _listens(value: object) -> tuple[ListenAddress, ...]:
    addresses = tuple(ListenAddress.parse(part) for part in _texts(value))
    if not addresses:
        raise ValueError(value)
    return addresses


def _between(low: int, high: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        number = _whole(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return parse


def _listen_or_none(value: object) -> str:
    return str(ListenAddress.parse(_text(value))) if value != "" else ""


def _peer_id_prefixes(value: object) -> tuple[str, ...]:
    prefixes = _texts(value)
    if not all(1 <= len(prefix) <= 20 and prefix.isascii() and prefix.isprintable() for prefix in prefixes):
        raise ValueError(value)
    return prefixes


def _or_auto(parse: Callable[[object], int]) -> Callable[[object], int | Literal["auto"]]:
    def parse_or_auto(value: object) -> int | Literal["auto"]:
        return "auto" if value == "auto" else parse(value)

    return parse_or_auto


def _one_of(*choices: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = _text(value)
        if text not in choices:
            raise ValueError(value)
        return text

    return parse


def _matching(pattern: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = _text(value)
        if not re.fullmatch(pattern, text):
            raise ValueError(value)
        return text

    return parse


def _checked_by(is_valid: Callable[[str], bool]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        text = "".join(_text(value).split()).upper()
        if text and not is_valid(text):
            raise ValueError(value)
        return text

    return parse


def setting(default: Any, parse: Callable[[object], Any], help_text: str, *, allowed: str, secret: bool = False) -> Any:
    """Declare a setting: its default, how it is read, what it is for, what is allowed, and whether it is a secret."""
    return field(default=default, metadata={"parse": parse, "help": help_text, "allowed": allowed, "secret": secret})


ADDRESS = "Allowed: ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080; port 0 takes a free one."
TEXT = "Allowed: text."
YES_NO = "Allowed: true or false."


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """What the site is called and how it speaks."""

    name: str = setting("Largesse", _text, "Name of the site, in the title and in mail.", allowed=TEXT)
    operator: str = setting("", _text, "Who runs the site, shown at the foot of every page.", allowed=TEXT)
    address: str = setting(
        "",
        _matching(r"(https?://[^/\s]+)?"),
        "Public address of the site, without a slash at the end; empty: the address it listens on.",
        allowed="Allowed: http://HOST or https://HOST, or empty.",
    )
    language: str = setting(
        "en", _one_of("en", "fr"), "Language where a visitor names none.", allowed="Allowed: en or fr."
    )
    registration: str = setting(
        "open", _one_of("open", "closed"), "Whether visitors may make accounts.", allowed="Allowed: open or closed."
    )


@dataclass(frozen=True, slots=True)
class WebConfig:
    """The web server."""

    listen: ListenAddress = setting(ListenAddress("127.0.0.1", 8000), _listen, "Address of the site.", allowed=ADDRESS)
    trusted_proxies: tuple[str, ...] = setting(
        (),
        _networks,
        "Proxies whose X-Forwarded-For is believed.",
        allowed="Allowed: a list of addresses or networks, such as 127.0.0.1, 10.0.0.0/8.",
    )
    workers: int = setting(1, _between(1, 64), "Web worker processes.", allowed="Allowed: 1 to 64.")


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """The tracker."""

    listen: tuple[ListenAddress, ...] = setting(
        (ListenAddress("127.0.0.1", 6969), ListenAddress("::1", 6969)),
        _listens,
        "Addresses of the tracker, UDP and HTTP alike.",
        allowed="Allowed: a list of ADDRESS:PORT, such as 0.0.0.0:6969 and [::]:6969; port 0 takes a free one.",
    )
    admin: str = setting(
        "127.0.0.1:0",
        _listen_or_none,
        "Address of /metrics, /stats.json and /health; empty: none.",
        allowed="Allowed: ADDRESS:PORT, or empty.",
    )
    policy: str = setting(
        "listed",
        _one_of("listed", "open", "members"),
        "Whose announces are answered: listed torrents, any torrent, or members with a passkey.",
        allowed="Allowed: listed, open or members.",
    )
    workers: int = setting(1, _between(1, 64), "UDP worker threads.", allowed="Allowed: 1 to 64.")
    interval_seconds: int = setting(
        1800, _between(10, 86_400), "Time between two announces of a client.", allowed="Allowed: 10 to 86400 (seconds)."
    )
    announce_host: str = setting(
        "",
        _text,
        "Host name in announce URLs; empty: the address it listens on.",
        allowed="Allowed: a host name or empty.",
    )
    trusted_proxies: tuple[str, ...] = setting(
        (),
        _networks,
        "Proxies in front of the tracker's HTTP.",
        allowed="Allowed: a list of addresses or networks, such as 127.0.0.1, 10.0.0.0/8.",
    )
    tls_certificate: str = setting(
        "",
        _text,
        "PEM file with the certificate chain; with it, HTTPS and WSS are spoken on the tracker's TCP ports, too.",
        allowed="Allowed: a path, or empty.",
    )
    tls_key: str = setting(
        "", _text, "PEM file with the certificate's private key.", allowed="Allowed: a path, or empty."
    )
    requests_per_second: int | Literal["auto"] = setting(
        "auto",
        _or_auto(_between(0, 1_000_000)),
        "Requests that one address may make in a second, over HTTP and over UDP; 0: as many as it likes; auto: 500, or any number"
        " while the tracker listens on loopback only and no proxy stands in front of it.",
        allowed="Allowed: 0 to 1000000, or auto.",
    )
    full_scrape: bool = setting(
        False, _truth, "Answer a scrape that names no torrent with all of them, at most 50,000.", allowed=YES_NO
    )
    most_torrents: int = setting(
        10_000_000,
        _between(1, 1_000_000_000),
        "Torrents that the open policy keeps at most; a new one beyond that is refused until others have expired.",
        allowed="Allowed: 1 to 1000000000.",
    )
    private_peers: str = setting(
        "same",
        _one_of("same", "all", "never"),
        "Whether loopback and private addresses are handed out: to peers on such a network, to all, never.",
        allowed="Allowed: same, all or never.",
    )
    client_allow: tuple[str, ...] = setting(
        (),
        _peer_id_prefixes,
        "Peer-id prefixes that alone are served; empty: all.",
        allowed="Allowed: a list such as -TR, -lt.",
    )
    client_deny: tuple[str, ...] = setting(
        (), _peer_id_prefixes, "Peer-id prefixes that are refused.", allowed="Allowed: a list such as -XL0012."
    )


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """Where facts are kept."""

    url: str = setting(
        "",
        _matching(r"|postgres(ql)?://\S+"),
        "PostgreSQL to use instead of SQLite in the data folder.",
        allowed="Allowed: postgresql://USER:PASSWORD@HOST:PORT/NAME, or empty.",
        secret=True,
    )


@dataclass(frozen=True, slots=True)
class MailConfig:
    """How mail leaves."""

    url: str = setting(
        "",
        _matching(r"|smtps?://\S+"),
        "Mail server; empty: mail is kept as files in the data folder.",
        allowed="Allowed: smtp://USER:PASSWORD@HOST:PORT (or smtps://), or empty.",
        secret=True,
    )
    sender: str = setting("largesse@localhost", _text, "Sender of the site's mail.", allowed="Allowed: a mail address.")


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Limits that keep one visitor's mistake from becoming everybody's."""

    metainfo_bytes: int = setting(
        10_485_760, _between(1024, 268_435_456), "Largest .torrent file.", allowed="Allowed: 1024 to 268435456 (bytes)."
    )


@dataclass(frozen=True, slots=True)
class SecretsConfig:
    """Secrets; where one is not given, a random one is made and kept in the data folder, readable by its owner only."""

    key: str = setting("", _text, "Signs sessions and links.", allowed=TEXT, secret=True)
    donor_key: str = setting(
        "", _text, "Encrypts the identities of donors; lives outside the database.", allowed=TEXT, secret=True
    )


@dataclass(frozen=True, slots=True)
class FundConfig:
    """Payment providers of the fund; a provider without its settings is not offered."""

    bank_account_holder: str = setting("", _text, "Name on the bank account.", allowed=TEXT)
    bank_iban: str = setting(
        "",
        _checked_by(ibans.is_valid),
        "IBAN that bank transfers go to.",
        allowed="Allowed: an IBAN with right check digits, or empty.",
    )
    bank_bic: str = setting(
        "", _checked_by(bic_codes.is_valid), "BIC of that bank.", allowed="Allowed: a BIC, or empty."
    )
    bank_currency: str = setting(
        "",
        _matching(r"|[A-Z]{3}"),
        "The only currency that bank transfers are offered in; empty: any.",
        allowed="Allowed: a code of ISO 4217 such as EUR, or empty.",
    )
    stripe_secret_key: str = setting("", _text, "Secret key of the Stripe account.", allowed=TEXT, secret=True)
    stripe_webhook_secret: str = setting("", _text, "Signing secret of the Stripe webhook.", allowed=TEXT, secret=True)
    stripe_api: str = setting(
        "https://api.stripe.com", _matching(r"https?://\S+"), "Address of Stripe's API.", allowed="Allowed: a URL."
    )
    btcpay_address: str = setting(
        "", _matching(r"|https?://\S+"), "Address of the BTCPay server.", allowed="Allowed: a URL, or empty."
    )
    btcpay_store: str = setting("", _text, "Store id in BTCPay.", allowed=TEXT)
    btcpay_api_key: str = setting("", _text, "Greenfield API key.", allowed=TEXT, secret=True)
    btcpay_webhook_secret: str = setting("", _text, "Signing secret of the BTCPay webhook.", allowed=TEXT, secret=True)
    donor_retention_days: int = setting(
        3650, _between(1, 36_500), "How long a donor's identity is kept.", allowed="Allowed: 1 to 36500 (days)."
    )
    strip_everywhere: bool = setting(
        False, _truth, "Show the pinned drive's strip on every public page, not on the home page only.", allowed=YES_NO
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one setting's value came from: `default`, a file, a variable or an option."""

    key: str
    value: Any
    origin: str
    help: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, with the data folder it belongs to."""

    data: Path
    site: SiteConfig = field(default_factory=SiteConfig)
    web: WebConfig = field(default_factory=WebConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    mail: MailConfig = field(default_factory=MailConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    secrets: SecretsConfig = field(default_factory=SecretsConfig)
    fund: FundConfig = field(default_factory=FundConfig)
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        *,
        data: Path | None = None,
        file: Path | None = None,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, object] | None = None,
        is_alone: bool = False,
    ) -> "Config":
        """
        Gather the settings.

        Args:
            data: the data folder; None takes LARGESSE_DATA, else `./largesse-data`.
            is_alone: there is no data folder, so no settings file is looked for in one.
            file: the settings file; None takes `largesse.toml` in the data folder, if there is one.
            environ: variables to read; None takes the process's own.
            options: `section.key` to value, from the command line; None values are passed over.

        Raises:
            BadSetting: an unknown key, or a value that is not allowed.
        """
        environ = os.environ if environ is None else environ
        folder = (data or Path(environ.get("LARGESSE_DATA") or DEFAULT_DATA_FOLDER)).expanduser().resolve()
        config = cls(data=folder)
        named = file or (Path(environ["LARGESSE_CONFIG"]) if environ.get("LARGESSE_CONFIG") else None)
        found = None if is_alone or not (folder / SETTINGS_FILE).is_file() else folder / SETTINGS_FILE
        for key, value, origin in _given(named or found, environ, options or {}):
            config = config.with_value(key, value, origin=origin)
        return config

    def with_value(self, key: str, value: object, *, origin: str) -> "Config":
        """Return a config with `key` (`section.name`) set; raise BadSetting when that is not allowed."""
        section_name, _, name = key.partition(".")
        section = getattr(self, section_name, None) if section_name in SECTIONS else None
        known = {item.name: item for item in fields(section)} if section is not None else {}
        if section is None or name not in known:
            raise BadSetting(
                origin=origin, key=key, value=value, allowed=f"There is no such setting; known are: {_near(key)}."
            )
        declared = known[name].metadata
        try:
            parsed = declared["parse"](value)
        except (TypeError, ValueError) as error:
            shown = "…" if declared["secret"] else value
            raise BadSetting(origin=origin, key=key, value=shown, allowed=declared["allowed"]) from error
        changed = {section_name: replace(section, **{name: parsed}), "origins": {**self.origins, key: origin}}
        return replace(self, **changed)

    def effective(self) -> list[Origin]:
        """Return every setting with its value and where it came from, in the order they are declared."""
        rows = []
        for section_name in SECTIONS:
            section = getattr(self, section_name)
            for item in fields(section):
                key = f"{section_name}.{item.name}"
                value = getattr(section, item.name)
                origin = self.origins.get(key, "default")
                rows.append(Origin(key, value, origin, item.metadata["help"], item.metadata["secret"]))
        return rows


SECTIONS = tuple(item.name for item in fields(Config) if item.name not in {"data", "origins"})

NOT_SETTINGS = frozenset({"LARGESSE_DATA", "LARGESSE_CONFIG", "LARGESSE_TOKEN"})
"""Variables that say where settings are, rather than being one."""


def variable_of(key: str) -> str:
    """Return the name of the variable that sets `key`: `web.listen` → `LARGESSE_WEB_LISTEN`."""
    return "LARGESSE_" + key.replace(".", "_").upper()


def _given(
    file: Path | None, environ: Mapping[str, str], options: Mapping[str, object]
) -> list[tuple[str, object, str]]:
    rows: list[tuple[str, object, str]] = [] if file is None else _from_file(file)
    keys = {variable_of(key): key for key in _all_keys()}
    for variable, value in sorted(environ.items()):
        if variable.startswith("LARGESSE_") and variable not in NOT_SETTINGS:
            if variable not in keys:
                allowed = "There is no such setting; `largesse config` lists them all."
                raise BadSetting(origin="environment", key=variable, value=value, allowed=allowed)
            rows.append((keys[variable], value, f"variable {variable}"))
    rows += [(key, value, "command line") for key, value in options.items() if value is not None]
    return rows


def _from_file(path: Path) -> list[tuple[str, object, str]]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        allowed = "The settings file cannot be read: check its path and permissions."
        raise BadSetting(origin=str(path), key="--config", value=str(path), allowed=allowed) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(origin=str(path), key="file", value=str(error), allowed="It must be TOML in UTF-8.") from error
    rows: list[tuple[str, object, str]] = []
    for section, values in document.items():
        if not isinstance(values, dict):
            allowed = f"Settings stand in sections: {', '.join(SECTIONS)}."
            raise BadSetting(origin=str(path), key=section, value=values, allowed=allowed)
        rows += [(f"{section}.{name}", value, str(path)) for name, value in values.items()]
    return rows


def _all_keys() -> list[str]:
    return [origin.key for origin in Config(data=Path()).effective()]


def _near(key: str) -> str:
    section = key.partition(".")[0]
    keys = _all_keys()
    return ", ".join([known for known in keys if known.startswith(f"{section}.")] or SECTIONS)
