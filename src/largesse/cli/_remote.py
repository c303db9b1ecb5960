"""List torrents at a site through its API: `POST /api/v1/torrents` with a token."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from largesse.cli._publishing import Listed
from largesse.kit.errors import LargesseError, Unavailable, gettext_noop
from largesse.torrents.making import MadeTorrent

TORRENTS = "/api/v1/torrents"
PATIENCE = httpx.Timeout(60.0, connect=10.0)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


class SiteSilent(Unavailable):
    """The site does not answer, or not as Largesse does."""

    code = "site_silent"
    template = gettext_noop("{site} {how}. Nothing was listed. Check the address of --site, then try again.")


class SiteRefused(LargesseError):
    """The site refused; the sentence is its own."""

    code = "site_refused"
    template = gettext_noop("{site} says: {sentence}")

    def __init__(self, *, exit_code: int, **fields: str) -> None:
        super().__init__(**fields)
        self.exit_code = exit_code  # type: ignore[misc]


class Site:
    """A site that runs Largesse, and our token there."""

    def __init__(self, address: str, *, token: str, fields: Mapping[str, str | list[str]]) -> None:
        self.address = address.rstrip("/")
        self.fields = dict(fields)
        self.announce: tuple[str, ...] = ()
        self.client = httpx.Client(
            base_url=self.address,
            timeout=PATIENCE,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "Largesse"},
        )

    def prepare(self, sources: Sequence[Path]) -> None:
        """Refuse an address that is no site of ours, and a token that does not work, before hours are spent on hashing."""
        del sources
        answer = self._ask("POST", TORRENTS, json={})
        code = _error_of(answer).get("code")
        if code != "no_torrent_given":  # What it says to one who may publish, but sends nothing.
            raise self._refusal(answer)

    def list(self, made: MadeTorrent) -> Listed:
        """List a torrent, or find its listing."""
        parts = {"torrent": ("upload.torrent", made.metainfo_bytes, "application/x-bittorrent")}
        answer = self._ask("POST", TORRENTS, data=self.fields, files=parts)
        is_new = answer.status_code == httpx.codes.CREATED
        if not is_new:
            answer = self._existing(answer)
        try:
            told = answer.json()
            page, magnet, title, public_id = (str(told[name]) for name in ("page", "magnet", "title", "id"))
        except (ValueError, KeyError, TypeError) as error:
            raise SiteSilent(site=self.address, how="answered, but not as a site of Largesse does") from error
        download = self._ask("GET", f"{TORRENTS}/{public_id}/download")
        if download.status_code != httpx.codes.OK:
            raise self._refusal(download)
        self.announce = tuple(parse_qs(urlsplit(magnet).query).get("tr", ()))
        return Listed(page, magnet, title, self.announce, download.content, is_new)

    def announce_now(self) -> tuple[str, ...]:
        """Return the announce URLs that the site told."""
        return self.announce

    def running(self) -> int | None:
        """Return the same number always: the site answered a moment ago, and its tracker keeps its address."""
        return 0

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def _existing(self, refusal: httpx.Response) -> httpx.Response:
        """Return the listing that the site says is there already; raise its refusal when it says anything else."""
        error = _error_of(refusal)
        if error.get("code") != "already_listed" or not isinstance(error.get("fields"), dict):
            raise self._refusal(refusal)
        return self._ask("GET", f"{TORRENTS}/{error['fields'].get('listing')}")

    def _ask(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return self.client.request(method, path, **what)
        except httpx.TimeoutException as error:
            raise SiteSilent(site=self.address, how="does not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise SiteSilent(site=self.address, how=f"cannot be reached ({_shown(str(error))})") from error

    def _refusal(self, answer: httpx.Response) -> LargesseError:
        error = _error_of(answer)
        if not error.get("message"):
            how = f"answered, but not as a site of Largesse does (HTTP {answer.status_code})"
            return SiteSilent(site=self.address, how=how)
        exit_code = {401: 77, 403: 77, 404: 66, 410: 66, 429: 75}.get(answer.status_code)
        exit_code = exit_code or (65 if answer.status_code < 500 else 69)
        return SiteRefused(site=self.address, sentence=_shown(str(error["message"])), exit_code=exit_code)


def is_loopback_or_secure(address: str) -> bool:
    """Return whether a token may travel there unseen."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def _error_of(answer: httpx.Response) -> dict[str, Any]:
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _shown(sentence: str) -> str:
    """Return what a site said, on one line and harmless to a terminal."""
    return CONTROLS.sub(" ", sentence)[:500]
