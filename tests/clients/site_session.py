"""A running site as its people use it: publishing with a token, signing in, getting .torrent files, and what the database says."""

import json
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from clients.made_up import Shared
from clients.programs import wait_until
from clients.running_tracker import is_known_at
from largesse.config.values import ListenAddress
from largesse.swarm.probe import answers_http
from processes import RunningSite

PASSWORD = "correct horse battery"
MAKE_PEOPLE = """
import json
from largesse.accounts.actions.tokens import make_token
from largesse.accounts.models import Role, User
tokens = {{}}
for name in {names!r}:
    user = User(username=name, email=name + "@example.org", role=Role.PUBLISHER)
    user.set_password({password!r})
    user.save()
    tokens[name] = make_token(user, name="test").secret
print(json.dumps(tokens))
"""


def make_people(site: RunningSite, *names: str) -> dict[str, str]:
    """Make accounts that may publish; return a token of each."""
    tokens: dict[str, str] = json.loads(site.shell(MAKE_PEOPLE.format(names=names, password=PASSWORD)))
    return tokens


def publish(site: RunningSite, token: str, shared: Shared) -> dict[str, Any]:
    """List a torrent, and wait until the tracker has it; return what the API says of it."""
    answer = httpx.post(
        f"{site.site}/api/v1/torrents",
        files={"torrent": ("a.torrent", shared.metainfo)},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    listing: dict[str, Any] = answer.json()
    tracker = site.announce[0].split("/")[2]
    wait_until(lambda: all(is_known_at(tracker, key) for key in shared.keys), telling=lambda: listing)
    return listing


def health(site: RunningSite, listing: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return the seeders and leechers that the site tells: by the API, and on the listing's page."""
    with httpx.Client(base_url=site.site, trust_env=False) as client:
        said = client.get(f"/api/v1/torrents/{listing['id']}").json()
        page = dict(re.findall(r'<dd id="(\w+)">(\d+)</dd>', client.get(listing["page"]).text))
    return {"API": (said["seeders"], said["leechers"]), "page": (int(page["seeders"]), int(page["leechers"]))}


@dataclass(frozen=True)
class Deeds:
    """What the site booked for an account, over all torrents."""

    uploaded: int
    downloaded: int
    seed_seconds: int
    completed: int


def deeds(site: RunningSite) -> dict[str, Deeds]:
    """Return what every account did, by its name."""
    with closing(sqlite3.connect(f"file:{site.data / 'largesse.sqlite3'}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT username, SUM(uploaded_bytes), SUM(downloaded_bytes), SUM(seed_seconds), SUM(completed)"
            " FROM swarm_membertotal JOIN accounts_user ON accounts_user.id = account_id GROUP BY username"
        )
        return {name: Deeds(*numbers) for name, *numbers in rows}


@contextmanager
def signed_in(site: RunningSite, name: str) -> Iterator[httpx.Client]:
    """Sign in with a browser's manners."""
    with httpx.Client(base_url=site.site, follow_redirects=True, trust_env=False, timeout=30) as browser:
        browser.get("/account/login/")
        post(browser, "/account/login/", login=name, password=PASSWORD)
        assert "session" in browser.cookies
        yield browser


def post(browser: httpx.Client, path: str, **fields: str) -> None:
    """Send a form."""
    form = {**fields, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    origin = str(browser.base_url).rstrip("/")
    answer = browser.post(path, data=form, headers={"Origin": origin, "Referer": f"{origin}{path}"})
    assert answer.status_code == 200, answer.text


def download(browser: httpx.Client, listing: dict[str, Any], path: Path) -> Path:
    """Get the .torrent file of a listing, as the account of this session is given it."""
    answer = browser.get(listing["download"])
    assert answer.status_code == 200
    path.write_bytes(answer.content)
    return path


def restart_tracker(site: RunningSite) -> None:
    """Let the tracker end as planned; `up` starts it again on its ports. Return when it answers."""
    before = site.children()["tracker"]
    addresses = [ListenAddress.parse(url.split("/")[2]) for url in site.announce]
    os.kill(before, signal.SIGTERM)
    wait_until(lambda: site.children().get("tracker", before) != before, telling=site.said)
    wait_until(lambda: all(answers_http(address) for address in addresses), telling=site.said)
