"""What the site asks about swarms."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Count, F, Sum

from largesse.accounts.models import User
from largesse.config.settings import Config
from largesse.kit.clock import Clock, utc_now
from largesse.kit.runtime import read_runtime
from largesse.swarm.core import announce_urls_of
from largesse.swarm.models import HealthDay, MemberTotal, SwarmCount


def counts_for(keys: Iterable[str]) -> dict[str, SwarmCount]:
    """Return the counts of these swarms by their first announce key; a swarm without peers may be missing."""
    return SwarmCount.objects.in_bulk(list(keys))


def health_history(key: str, *, since: date) -> Sequence[HealthDay]:
    """Return the days of one swarm from `since` on, the oldest first; days without peers are missing."""
    return list(HealthDay.objects.filter(key=key, day__gte=since).order_by("day"))


@dataclass(frozen=True, slots=True)
class MemberSum:
    """What one member did on all torrents together."""

    account: User
    torrents: int
    uploaded_bytes: int
    downloaded_bytes: int
    seed_seconds: int
    completed: int


def member_sums(*, username: str | None = None) -> Iterator[MemberSum]:
    """Yield what members did, those who gave most first; only of one where a name is given."""
    totals = MemberTotal.objects.all() if username is None else MemberTotal.objects.filter(account__username=username)
    rows = list(
        totals.values("account_id")
        .annotate(
            torrents=Count("pk"),
            uploaded_bytes_high=_high("uploaded_bytes"),
            uploaded_bytes_low=_low("uploaded_bytes"),
            downloaded_bytes_high=_high("downloaded_bytes"),
            downloaded_bytes_low=_low("downloaded_bytes"),
            seed_seconds_high=_high("seed_seconds"),
            seed_seconds_low=_low("seed_seconds"),
            finished=Sum("completed"),
        )
        .order_by("account_id")
    )
    accounts = User.objects.in_bulk([row["account_id"] for row in rows])
    sums = [
        MemberSum(
            accounts[row["account_id"]],
            row["torrents"],
            _whole(row["uploaded_bytes_high"], row["uploaded_bytes_low"]),
            _whole(row["downloaded_bytes_high"], row["downloaded_bytes_low"]),
            _whole(row["seed_seconds_high"], row["seed_seconds_low"]),
            row["finished"],
        )
        for row in rows
    ]
    yield from sorted(sums, key=lambda one: -one.uploaded_bytes)


def _high(column: str) -> Sum:
    """Sum the upper halves of a column: each total fits it, but together they may exceed what SQLite can add."""
    return Sum(F(column).bitrightshift(32))


def _low(column: str) -> Sum:
    return Sum(F(column).bitand(2**32 - 1))


def _whole(high: int, low: int) -> int:
    return (int(high) << 32) + int(low)


@dataclass(frozen=True, slots=True)
class Unreturned:
    """A hit-and-run as facts: a completed download whose member left before seeding it for long enough."""

    total: MemberTotal
    missing_seconds: int


def unreturned(account: User, *, required_seconds: int, grace: timedelta, clock: Clock = utc_now) -> list[Unreturned]:
    """
    Return the member's completed downloads that were seeded for less than `required_seconds` and not announced for `grace`.

    Whether that matters, and what follows, is for the people who run the site to say.
    """
    left = MemberTotal.objects.filter(
        account=account,
        completed__gt=0,
        downloaded_bytes__gt=0,
        seed_seconds__lt=required_seconds,
        last_seen_at__lt=clock() - grace,
    ).order_by("completed_at", "pk")
    return [Unreturned(total, required_seconds - total.seed_seconds) for total in left]


def announce_urls(*, passkey: str | None = None) -> list[str]:
    """
    Return the tracker's announce URLs, of the running tracker if there is one.

    Args:
        passkey: put into the path, where the tracker counts what its members give.
    """
    config: Config = settings.CONFIG
    running = read_runtime(config.data)
    urls = list(running.announce) if running else announce_urls_of(config.tracker, config.tracker.listen)
    if passkey and config.tracker.policy == "members":
        return [url.removesuffix("/announce") + f"/{passkey}/announce" for url in urls]
    return urls
