"""
What a setting's value may be: one reader for each kind of value.

A reader takes what TOML, a variable or an option gave, which may be text where a number is meant, and returns the typed value; it
raises TypeError or ValueError when that is not allowed.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self


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


def as_text(value: object) -> str:
    """Read text."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def as_whole(value: object) -> int:
    """Read a whole number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(value)
    return int(value)


def as_truth(value: object) -> bool:
    """Read true or false, also written 1 or 0, yes or no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "1", "yes", "false", "0", "no"}:
        return value.lower() in {"true", "1", "yes"}
    raise ValueError(value)


def as_texts(value: object) -> tuple[str, ...]:
    """Read a list of texts, or one text with commas; empty parts are passed over."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise TypeError(value)
    return tuple(as_text(part).strip() for part in parts if as_text(part).strip())


def as_networks(value: object) -> tuple[str, ...]:
    """Read a list of networks; an address is a network of one."""
    return tuple(str(ipaddress.ip_network(part)) for part in as_texts(value))


def as_listen_address(value: object) -> ListenAddress:
    """Read an address to listen on."""
    return ListenAddress.parse(as_text(value))


def as_listen_addresses(value: object) -> tuple[ListenAddress, ...]:
    """Read a list of addresses to listen on, at least one."""
    addresses = tuple(ListenAddress.parse(part) for part in as_texts(value))
    if not addresses:
        raise ValueError(value)
    return addresses


def between(low: int, high: int) -> Callable[[object], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def parse(value: object) -> int:
        number = as_whole(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return parse


def as_listen_address_or_none(value: object) -> str:
    """Read an address to listen on, or nothing."""
    return str(ListenAddress.parse(as_text(value))) if value != "" else ""


def as_peer_id_prefixes(value: object) -> tuple[str, ...]:
    """Read a list of beginnings of peer ids, each 1 to 20 printable ASCII characters."""
    prefixes = as_texts(value)
    if not all(1 <= len(prefix) <= 20 and prefix.isascii() and prefix.isprintable() for prefix in prefixes):
        raise ValueError(value)
    return prefixes


def or_auto(parse: Callable[[object], int]) -> Callable[[object], int | Literal["auto"]]:
    """Return a reader that takes `auto`, too."""

    def parse_or_auto(value: object) -> int | Literal["auto"]:
        return "auto" if value == "auto" else parse(value)

    return parse_or_auto


def one_of(*choices: str) -> Callable[[object], str]:
    """Return a reader of texts that takes these only."""

    def parse(value: object) -> str:
        text = as_text(value)
        if text not in choices:
            raise ValueError(value)
        return text

    return parse


def matching(pattern: str) -> Callable[[object], str]:
    """Return a reader of texts that match `pattern` from end to end."""

    def parse(value: object) -> str:
        text = as_text(value)
        if not re.fullmatch(pattern, text):
            raise ValueError(value)
        return text

    return parse


def checked_by(is_valid: Callable[[str], bool]) -> Callable[[object], str]:
    """Return a reader of codes: in capitals, without spaces, and empty or valid by `is_valid`."""

    def parse(value: object) -> str:
        text = "".join(as_text(value).split()).upper()
        if text and not is_valid(text):
            raise ValueError(value)
        return text

    return parse
