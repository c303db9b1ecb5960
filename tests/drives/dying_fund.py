"""
A program of its own that settles and refunds in children which die at every step: before each SQL statement that writes, and before and after
each request to the provider and each commit. After each death the sweep runs, and the books have to equal the provider.

It runs over the data folder and database that its environment names, and prints one JSON line for each death.
"""

import json
import os
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import django

sys.path.insert(0, str(Path(__file__).parent.parent))
os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
django.setup()

import httpx
from django.core.management import call_command
from django.db import connection, connections
from django.test import RequestFactory

from drive_factories import make_drive
from fakes.stripe import FakeStripe
from fund_site import begin, with_stripe
from largesse.drives.actions.refund import claim
from largesse.drives.actions.sweep import REACH, sweep_all
from largesse.drives.checks import check
from largesse.drives.models import Drive, Refund, RefundOutcome, RefundReason, Settlement
from largesse.drives.providers import registry
from largesse.drives.views.webhooks import webhook
from largesse.jobs.models import Job
from largesse.jobs.worker import Worker
from largesse.ledger.checks import check as check_ledger
from largesse.ledger.models import Account
from largesse.ledger.queries import balance

MOST_STEPS = 200
PAST: Counter[str] = Counter()
"""How much was made at the provider in rounds before this one, so that a sweep looks at one round only."""


class Fate:
    """Kills this process at its `at`-th step."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.named = ""

    def step(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            os.write(2, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.step(f"before {name}")
            result = real(*args, **kwargs)
            self.step(f"after {name}")
            return result

        return call

    def sql(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith("SELECT"):  # Dying before a reading is dying after the step that came before it.
            self.step(sql[:60])
        return execute(sql, params, many, context)


def in_child(at: int, flow: Callable[[], object]) -> int:
    """Run a flow in a child that dies at its `at`-th step; return its exit status, or minus the signal that ended it."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 70
        try:
            registry._made.cache_clear()  # A connection to the provider is no child's to share.
            fate = Fate(at)
            with (
                mock.patch.object(httpx.Client, "request", fate.around(httpx.Client.request, "the provider")),
                mock.patch.object(
                    type(connections["default"]),
                    "_commit",
                    fate.around(type(connections["default"])._commit, "the commit"),
                ),
                connection.execute_wrapper(fate.sql),
            ):
                flow()
            status = 0
        except Exception:  # noqa: BLE001 - a child must not go on as its parent, and what went wrong is to be read.
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_jobs() -> None:
    """What a worker does in its next moments, and only for money."""
    worker = Worker(node="test")
    money = Job.objects.filter(name__in=("drives.process_event", "drives.send_refund"))
    while money.exists():
        Job.objects.exclude(pk__in=money).delete()
        worker.run_one()
    Job.objects.all().delete()


def state(stripe: FakeStripe) -> dict[str, Any]:
    """Return whether the books equal the provider."""
    books, theirs = balance(Account.objects.get(name="Assets:Stripe:USD")), stripe.balance["usd"]
    sent = RefundOutcome.objects.filter(is_sent=True).count()
    return {
        "agree": books == theirs,
        "breaks": [f"{found.where}: {found.sentence}" for app in (check, check_ledger) for found in app()],
        "refunds": (sent, PAST["refunds"] + len(stripe.items["refunds"])),
        "charges": (Settlement.objects.count(), PAST["charges"] + len(stripe.items["charges"])),
    }


def go_on(stripe: FakeStripe) -> dict[str, Any]:
    """Let the sweep run after a death, and then what the dead worker left."""
    before = state(stripe)
    sweep_all(reach=REACH)
    swept = state(stripe)
    Job.objects.filter(state="running").update(state="waiting", lease_holder="", lease_until=None)
    Worker(node="test").take_over()
    run_jobs()
    sweep_all(reach=REACH)
    after = state(stripe)
    return {"differed": not before["agree"], "swept": swept, "after": after}


def every_step(name: str, stripe: FakeStripe, prepared: Callable[[], Callable[[], object]]) -> None:
    """Kill a flow at its first step, its second, …, until it gets through alive."""
    for at in range(1, MOST_STEPS):
        flow = prepared()
        ended = in_child(at, flow)
        told = go_on(stripe)
        print(json.dumps({"flow": name, "at": at, "ended": ended, **told}), flush=True)
        if ended != -signal.SIGKILL:
            return
        for kind, items in stripe.items.items():
            PAST[kind] += len(items)
            items.clear()


def settling(stripe: FakeStripe, drive: Drive) -> Callable[[], object]:
    """A payment was made, and its webhook is on its way."""
    _, started = begin(drive, "stripe", 5_000)
    stripe.events.clear()
    stripe.pay(started.reference)
    event = stripe.events[0]

    def flow() -> None:
        answer = webhook(
            RequestFactory().post("/", data=event.body, content_type="application/json", headers=event.headers),
            "stripe",
        )
        if answer.status_code != 200 or not Worker(node="test").run_one():
            raise RuntimeError(answer.content)

    return flow


def refunding(stripe: FakeStripe, drive: Drive) -> Callable[[], object]:
    """A payment is in the books, and a part of it shall go back."""
    _, started = begin(drive, "stripe", 5_000)
    stripe.pay(started.reference)
    sweep_all(reach=REACH)
    Job.objects.all().delete()
    settlement = Settlement.objects.order_by("-pk")[0]

    def flow() -> None:
        claim(settlement, amount_minor=1_700, reason=RefundReason.CHANGE_OF_MIND)
        if not Worker(node="test").run_one():
            raise RuntimeError

    return flow


def main() -> None:
    """Go through every step of both flows."""
    call_command("migrate", verbosity=0)
    with with_stripe() as stripe:
        drive = make_drive()
        settling(stripe, drive)
        sweep_all(reach=REACH)
        every_step("settle", stripe, lambda: settling(stripe, drive))
        every_step("refund", stripe, lambda: refunding(stripe, drive))
        print(json.dumps({"flow": "end", "open": Refund.objects.filter(outcome__isnull=True).count()}), flush=True)


if __name__ == "__main__":
    main()
