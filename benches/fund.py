"""
Webhooks: how many deliveries a second are verified, kept and answered, and how many events are booked, on both engines.

10,000 deliveries of 1,000 events, 16 at once, shuffled, through the view itself; then the jobs, against facts from memory. So it
measures the site's own work and its database, and neither a web server nor a provider.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
EVENTS, COPIES, AT_ONCE = 1_000, 10, 16


def run(*, rounds: int) -> str:
    """Measure both engines in turn, each round over empty data; return the table."""
    sys.path.insert(0, str(ROOT / "tests"))
    from engines import start_postgresql

    told: dict[str, list[dict[str, float]]] = {"SQLite (WAL, synchronous=FULL)": [], "PostgreSQL (fsync off)": []}
    for number in range(rounds):
        for engine, found in told.items():
            environment = {name: value for name, value in os.environ.items() if not name.startswith("LARGESSE_")}
            with tempfile.TemporaryDirectory() as data:
                environment["LARGESSE_DATA"] = data
                if engine.startswith("PostgreSQL"):
                    environment["LARGESSE_DATABASE_URL"] = _empty_database(start_postgresql().url, f"bench{number}")
                done = subprocess.run(
                    [sys.executable, "-m", "benches.fund"], cwd=ROOT, env=environment, capture_output=True, check=True
                )
                found.append(json.loads(done.stdout))
    head = "| engine | deliveries/s | of events that are new /s | events booked/s | double | lost |\n|---|---|---|---|---|---|"
    rows = [
        f"| {engine} | {_median(found, 'mixed')} | {_median(found, 'fresh')} | {_median(found, 'booked')}"
        f" | {_median(found, 'double')} | {_median(found, 'lost')} |"
        for engine, found in told.items()
    ]
    return "\n".join((head, *rows))


def _empty_database(url: str, name: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


def _median(found: list[dict[str, float]], key: str) -> str:
    return f"{statistics.median(row[key] for row in found):,.0f}"


def measure() -> dict[str, float]:
    """Measure the engine that the environment names."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
    sys.path.insert(0, str(ROOT / "tests"))
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test import RequestFactory

    from drive_factories import make_drive
    from fund_site import with_stripe
    from largesse.drives.models import Donation, ProviderEvent, Settlement
    from largesse.drives.providers.base import FactKind, ProviderFact
    from largesse.drives.providers.registry import provider
    from largesse.drives.views.webhooks import webhook
    from largesse.jobs.models import Job
    from largesse.jobs.worker import Worker
    from largesse.kit.clock import utc_now
    from largesse.kit.money import Money

    call_command("migrate", verbosity=0)
    drive = make_drive()
    contract = drive.contracts.get()
    made = [
        Donation(
            drive=drive,
            contract=contract,
            provider="stripe",
            reference=f"cs_{at}",
            amount_minor=1_000,
            made_at=utc_now(),
        )
        for at in range(EVENTS)
    ]
    Donation.objects.bulk_create(made)

    def facts(reference: str) -> list[ProviderFact]:
        when = datetime(2004, 12, 14, tzinfo=UTC)
        return [ProviderFact(FactKind.SETTLED, f"ch_{reference}", Money(1_000, "USD"), Money(30, "USD"), when)]

    def delivered(event: Any) -> int:
        request = RequestFactory().post(
            "/webhooks/stripe/", data=event.body, content_type="application/json", headers=event.headers
        )
        return int(webhook(request, "stripe").status_code)

    with with_stripe() as fake, ThreadPoolExecutor(AT_ONCE) as pool:
        for donation in made:
            item = {"object": "checkout.session", "id": donation.reference, "client_reference_id": donation.public_id}
            fake._event("checkout.session.completed", item)
        provider("stripe").facts = facts  # type: ignore[method-assign]
        fresh = _seconds(lambda: list(pool.map(delivered, fake.events[: EVENTS // 2])))
        deliveries = fake.events * COPIES
        random.Random(2004).shuffle(deliveries)
        mixed = _seconds(lambda: list(pool.map(delivered, deliveries)))
        Job.objects.exclude(name="drives.process_event").delete()
        workers = 1 if connection.vendor == "sqlite" else 2
        booked = _seconds(
            lambda: list(pool.map(lambda at: [1 for _ in iter(Worker(node=f"w{at}").run_one, False)], range(workers)))
        )
    events, settled = ProviderEvent.objects.count(), Settlement.objects.count()
    distinct = Settlement.objects.values("donation").distinct().count()
    return {
        "fresh": EVENTS / 2 / fresh,
        "mixed": EVENTS * COPIES / mixed,
        "booked": EVENTS / booked,
        "double": settled - distinct + events - EVENTS,
        "lost": EVENTS - distinct,
    }


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


if __name__ == "__main__":
    print(json.dumps(measure()))
