"""Pages with npm's WebTorrent in Debian's Chromium: real browsers that share files over WebRTC, on one machine, without a server."""

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from clients.programs import PATIENCE_SECONDS
from tools import NODE, node_packages, tool

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Peers name their addresses plainly, and loopback is one: nobody answers multicast DNS here.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    # A page that nobody looks at works on.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
]


@dataclass(frozen=True)
class Seeded:
    """What a page made up and seeds."""

    share: "PageShare"
    magnet: str
    digest: str


class WebPages:
    """A browser, and the address of the page that is a peer."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address

    def open(self) -> "PagePeer":
        """Open a page in a profile of its own; certificates that nobody vouches for are believed."""
        page = self.browser.new_context(ignore_https_errors=True).new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(self.address)
        page.wait_for_function("window.isReady")
        return PagePeer(page)


class PagePeer:
    """A page that shares torrents."""

    name = "WebTorrent"

    def __init__(self, page: Page) -> None:
        self.page = page

    def seed(self, *announce: str, name: str = "take 3.flac", size_bytes: int = 1_500_000) -> Seeded:
        """Make up a file and seed it."""
        made: dict[str, str] = self.page.evaluate("given => seed(...given)", [name, size_bytes, list(announce)])
        return Seeded(PageShare(self.page, made["infoHash"]), made["magnet"], made["digest"])

    def share(self, torrent: Path | str) -> "PageShare":
        """Fetch a .torrent file or a magnet link."""
        given = torrent if isinstance(torrent, str) else torrent.read_bytes().hex()
        return PageShare(self.page, self.page.evaluate("fetchTorrent", given))

    def stop(self) -> None:
        """Close the page, as a user does."""
        self.page.context.close()


class PageShare:
    """One torrent of a page."""

    def __init__(self, page: Page, info_hash: str) -> None:
        self.page = page
        self.info_hash = info_hash

    def is_complete(self) -> bool:
        """Whether it has every byte."""
        return bool(self._state()["done"])

    def told(self) -> str:
        """Return what the page was warned of."""
        return "\n".join(self._state()["warnings"])

    def moved(self) -> tuple[int, int]:
        """Return the bytes uploaded and downloaded."""
        state = self._state()
        return state["uploaded"], state["downloaded"]

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file by its path."""
        found: dict[str, str] = self.page.evaluate("digests", self.info_hash)
        return found

    def leave(self) -> None:
        """Tell the trackers farewell, and share no longer."""
        self.page.evaluate("leave", self.info_hash)

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("state", self.info_hash)
        return found


@contextmanager
def web_pages(folder: Path) -> Iterator[WebPages]:
    """Serve the page on a free port of loopback, and run a browser."""
    chromium = tool("chromium")
    for file in (NODE / "peer.html", NODE / "peer.mjs", node_packages() / "webtorrent/dist/webtorrent.min.js"):
        shutil.copy(file, folder)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        browser = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        try:
            yield WebPages(browser, f"http://127.0.0.1:{server.server_port}/peer.html")
        finally:
            browser.close()
            server.shutdown()
            serving.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    extensions_map = {".html": "text/html", ".mjs": "text/javascript", ".js": "text/javascript"}

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the library.
        """Say nothing."""
