"""Debian's Chromium at a running site: what a visitor sees and does, and what goes wrong unseen while they do it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Page, Request, Response, sync_playwright

from processes import RunningSite
from tools import tool

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "correct horse battery"
PATIENCE_SECONDS = 20

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} refused ${event.blockedURI || "inline"} at ${document.location.pathname}`);
});
"""
"""Puts what the Content-Security-Policy refused where every other error of the page is gathered."""


@dataclass
class Visit:
    """One page of a visitor with a profile of their own, and what went wrong on it."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    """Errors of scripts, refusals by the policy, and parts of a page that did not come."""
    outside: list[str] = field(default_factory=list)
    """Requests that left the site."""

    def go(self, path: str) -> int:
        """Open an address of the site; return the status of the answer."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        return answer.status

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Sign in with a password, as a person does."""
        self.go("/account/login/")
        self.page.fill("#id_login", name)
        self.page.fill("#id_password", password)
        self.page.press("#id_password", "Enter")
        self.page.wait_for_url(lambda url: "/account/login/" not in url)

    def add_authenticator(self) -> tuple[CDPSession, str]:
        """Give the browser a made-up device that keeps passkeys and knows its owner; return the session and its id."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("WebAuthn.enable")
        device = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
        }
        added = session.send("WebAuthn.addVirtualAuthenticator", {"options": device})
        return session, str(added["authenticatorId"])

    def width_beyond_window(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        beyond: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return beyond

    def trouble(self) -> list[str]:
        """Return whatever a visitor does not see but should not have happened."""
        return [*self.errors, *(f"left the site: {url}" for url in self.outside)]

    def _watch(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(f"script: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        # A page may well answer 404 or 422; parts of a page that fail are gathered from their answers.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        there = urlsplit(request.url)
        if there.scheme not in {"data", "blob"} and there.netloc != urlsplit(self.address).netloc:
            self.outside.append(request.url)

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.errors.append(f"{response.status} for {response.url}")


def open_visit(browser: Browser, address: str, **profile: Any) -> Visit:
    """
    Open a page in a profile of its own.

    Args:
        profile: what playwright's `new_context` takes: `locale`, `viewport`, `color_scheme`, `java_script_enabled`.
    """
    context = browser.new_context(**{"locale": "en-GB", "viewport": {"width": 1280, "height": 900}, **profile})
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    context.add_init_script(TELL_VIOLATIONS)
    visit = Visit(context.new_page(), address)
    visit._watch()
    return visit


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium without a window."""
    path = tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        try:
            yield browser
        finally:
            browser.close()


def make_account(site: RunningSite, name: str, *, role: str = "member") -> None:
    """Make an account of the running site, with PASSWORD."""
    site.shell(
        "from largesse.accounts.models import User\n"
        f"user = User(username={name!r}, email={name + '@example.org'!r}, role={role!r})\n"
        f"user.set_password({PASSWORD!r})\n"
        "user.save()"
    )
