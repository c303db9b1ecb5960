"""
Members' accounts over a real `largesse tracker` with its data folder: passkeys, what each gave and took, restarts and kills.
"""

import json
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import pytest

from processes import Running, run, start, wait_for
from tracker_talk import get
from udp_talk import UdpPeer, UdpRefusedError, connected, url_data

KEY = b"members-members-mem!"
MAKE = """
from largesse.accounts.models import User
from django.db import transaction
from largesse.journal.actions.append import append
for name in ("ada", "bob"):
    User.objects.create_user(name)
with transaction.atomic():
    append(kind="torrents.listed", subject="torrent:1", actor="test", payload={"announce_keys": ["%s"]})
"""
PASSKEYS = """
import json
from largesse.accounts.models import User
print(json.dumps(dict(User.objects.values_list("username", "tracker_passkey"))))
"""
TOTALS = """
import json
from largesse.swarm.models import MemberTotal
rows = MemberTotal.objects.order_by("account__username").values_list(
    "account__username", "uploaded_bytes", "downloaded_bytes", "completed", "seed_seconds")
print(json.dumps(list(rows)))
"""


@dataclass
class Members:
    """A data folder with two accounts, one listed torrent, and its tracker."""

    data: Path
    running: Running
    told: dict[str, Any]

    def shell(self, code: str) -> Any:
        """Run code over the folder, with Django set up; return what it printed, read as JSON."""
        done = run(
            "manage", "shell", "--no-imports", "-v", "0", "-c", code, environment={"LARGESSE_DATA": str(self.data)}
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def said(self, *options: str) -> dict[str, dict[str, Any]]:
        """Return what `largesse members` says of each account."""
        done = run("members", "--data", str(self.data), "--json", *options)
        assert done.returncode == 0, done.stderr
        return {told["account"]: told for told in map(json.loads, done.stdout.splitlines())}

    def url(self, scheme: str) -> str:
        """Return an announce URL."""
        return next(url for url in self.told["announce"] if url.startswith(scheme + "://"))

    def restart(self, number: int) -> None:
        """End the tracker with a signal, and start another one."""
        self.running.stop(number)
        self.running, self.told = started(self.data)

    def announced(self, passkey: str, *, port: int, event: str = "", **words: int) -> bytes:
        """Announce over HTTP; return the reply."""
        host = self.url("http").removeprefix("http://").removesuffix("/announce")
        query = "&".join(f"{name}={value}" for name, value in {"left": 1, **words}.items())
        peer = f"info_hash={quote_from_bytes(KEY)}&peer_id=-XX0001-{port:012}&port={port}&event={event}&{query}"
        return get(host, f"/{passkey}/announce?{peer}")

    def totals_are(self, expected: dict[str, tuple[int, int, int]]) -> bool:
        """Wait until the database says what each member uploaded, downloaded and completed."""
        found: dict[str, tuple[int, int, int]] = {}

        def are_booked() -> bool:
            found.clear()
            found.update({name: (up, down, completed) for name, up, down, completed, _ in self.shell(TOTALS)})
            return found == expected

        return wait_for(are_booked, seconds=20, telling=lambda: (found, self.running.said()))


def started(data: Path) -> tuple[Running, dict[str, Any]]:
    running = start(
        *("tracker", "--data", str(data), "--policy", "members", "--listen", "127.0.0.1:0", "--workers", "1", "--json"),
        environment={"LARGESSE_TRACKER_INTERVAL_SECONDS": "30"},
    )
    return running, json.loads(running.first_line())


@pytest.fixture(name="members")
def _members(tmp_path: Path) -> Iterator[Members]:
    members = Members(tmp_path, *started(tmp_path))
    members.shell(MAKE % KEY.hex())
    yield members
    members.running.stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_members_gave_survives_restarts_and_kills(members: Members, number: int) -> None:
    passkeys = members.shell(PASSKEYS)
    wait_for(lambda: b"failure" not in members.announced(passkeys["bob"], port=6002, event="started"))
    with connected(members.url("udp")) as udp:
        options = url_data(f"/{passkeys['ada']}/announce".encode())
        udp.announce(KEY, port=6001, options=options, left=0)
        udp.announce(KEY, port=6001, options=options, left=0, event="none", uploaded=1000)
    members.announced(passkeys["bob"], port=6002, uploaded=5, downloaded=900)
    members.totals_are({"ada": (1000, 0, 0), "bob": (5, 900, 0)})
    members.restart(number)
    # The next announce of each peer is compared with what it said to the former tracker.
    members.announced(passkeys["bob"], port=6002, uploaded=10, downloaded=1000, left=0, event="completed")
    with connected(members.url("udp")) as udp:
        udp.announce(KEY, port=6001, options=options, left=0, event="stopped", uploaded=1500)
    members.totals_are({"ada": (1500, 0, 0), "bob": (10, 1000, 1)})
    members.restart(number)
    # The peer that stopped begins anew at nought, and what it says late or twice counts no more.
    with connected(members.url("udp")) as udp:
        udp.announce(KEY, port=6001, options=options, left=0, event="stopped", uploaded=1500)
        udp.announce(KEY, port=6001, options=options, left=0)
        udp.announce(KEY, port=6001, options=options, left=0, event="none", uploaded=7)
        udp.announce(KEY, port=6001, options=options, left=0, event="none", uploaded=3)
    members.totals_are({"ada": (1507, 0, 0), "bob": (10, 1000, 1)})
    said = members.said("--grace-days", "0", "--seed-hours", "1")
    assert said["ada"]["hit_and_runs"] == []
    (left,) = said["bob"]["hit_and_runs"]
    assert left["key"] == KEY.hex()
    assert 3000 < left["missing_seconds"] <= 3600
    assert (said["bob"]["downloaded_bytes"], said["bob"]["completed"], said["bob"]["torrents"]) == (1000, 1, 1)
    assert members.said("--account", "ada", "--grace-days", "3")["ada"]["uploaded_bytes"] == 1507
    assert members.said("--account", "bob", "--grace-days", "3")["bob"]["hit_and_runs"] == [], "there is time yet"
    assert not list((members.data / "tracker" / "spool").glob("*.damaged"))


def test_a_reset_passkey_stops_working_once_the_reset_is_acknowledged(members: Members) -> None:
    before = members.shell(PASSKEYS)["ada"]
    wait_for(lambda: b"failure" not in members.announced(before, port=6001))
    reset = """
import json, time
from largesse.accounts.actions.tokens import reset_passkey
from largesse.accounts.models import User
from largesse.journal.followers import acknowledged_by, last_serial
passkey = reset_passkey(User.objects.get(username="ada"))
deadline = time.monotonic() + 30
while not acknowledged_by(last_serial())["tracker policy@main"]:
    assert time.monotonic() < deadline, "never acknowledged"
print(json.dumps(passkey))
"""
    after = members.shell(reset)
    assert b"Unknown passkey" in members.announced(before, port=6001)
    assert b"failure" not in members.announced(after, port=6001)
    with UdpPeer(members.url("udp")) as udp:
        udp.connect()
        with pytest.raises(UdpRefusedError, match="Unknown passkey"):
            udp.announce(KEY, port=6001, options=url_data(f"/{before}/announce".encode()))
        udp.announce(KEY, port=6001, options=url_data(f"/{after}/announce".encode()))


def test_a_closed_account_is_refused_once_that_is_acknowledged_and_admitted_when_it_is_opened(members: Members) -> None:
    passkeys = members.shell(PASSKEYS)
    wait_for(lambda: b"failure" not in members.announced(passkeys["ada"], port=6001))
    change = """
import time
from largesse.accounts.actions.{verb}_account import {verb}_account
from largesse.accounts.models import User
from largesse.journal.followers import acknowledged_by, last_serial
root, _ = User.objects.get_or_create(username="root", role="administrator")
{verb}_account(User.objects.get(username="ada"), administrator=root)
deadline = time.monotonic() + 30
while not acknowledged_by(last_serial())["tracker policy@main"]:
    assert time.monotonic() < deadline, "never acknowledged"
"""
    members.shell(change.format(verb="close"))
    assert b"Unknown passkey" in members.announced(passkeys["ada"], port=6001)
    assert b"failure" not in members.announced(passkeys["bob"], port=6002), "the others are served on"
    members.shell(change.format(verb="reopen"))
    assert b"failure" not in members.announced(passkeys["ada"], port=6001)


def test_a_batch_that_waits_is_booked_once_before_the_reports_are_taken(members: Members) -> None:
    passkey = members.shell(PASSKEYS)["ada"]
    wait_for(lambda: b"failure" not in members.announced(passkey, port=6001, event="started"))
    members.announced(passkey, port=6001, uploaded=100)
    members.totals_are({"ada": (100, 0, 0)})
    members.running.stop(signal.SIGKILL)
    account = members.shell(
        "import json; from largesse.accounts.models import User; print(User.objects.get(username='ada').pk)"
    )
    peer_id = b"-XX0001-000000006001".hex()
    batch = {
        "id": "ab" * 16,
        "at": "2026-11-25T08:00:00+00:00",
        "deeds": [[account, KEY.hex(), 50, 0, 0, 0]],
        "heard": [[account, KEY.hex(), peer_id, [150, 0, False, int(time.time())]]],
    }
    spool = members.data / "tracker" / "spool"
    for name in ("20261125T080000-a.batch", "20261125T080001-b.batch"):
        (spool / name).write_text(json.dumps(batch))
    (spool / "20261125T075959-c.batch").write_text("half a ba")
    members.running, members.told = started(members.data)
    members.announced(passkey, port=6001, uploaded=175)
    members.totals_are({"ada": (175, 0, 0)})
    assert [path.name for path in spool.glob("*.damaged")] == ["20261125T075959-c.damaged"]
