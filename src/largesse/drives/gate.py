"""
Counters of the gate before a payment: how much one address and one drive began this hour, and what the treasurer is shown.

Addresses are in the cache alone, as a keyed hash that changes every hour; none is written to disk. What the treasurer sees are
numbers by day, without any address; they are gathered for some seconds, so that an attack does not become an attack on the disk.
"""

import hmac
import ipaddress
import threading
import time
from collections import Counter
from datetime import date, datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Sum

from largesse.drives.models import Drive, GateCount
from largesse.drives.rules.work import Challenge, challenge
from largesse.kit.clock import Clock, utc_now

HOUR_SECONDS = 3_600
FLUSH_SECONDS = 5.0

_lock = threading.Lock()
_gathered: Counter[tuple[int, date, str]] = Counter()
_flushed_at = 0.0


def challenge_of(drive: Drive, *, clock: Clock = utc_now) -> Challenge:
    """Return a new challenge for the form of a drive."""
    now = clock()
    return challenge(drive.public_id, begun_this_hour=seen("drive", drive.public_id, now=now), now=now)


def count_one(kind: str, name: str, *, now: datetime) -> int:
    """Count something in this hour; return how often it was counted, this time included."""
    key = _key(kind, name, now)
    if cache.add(key, 1, HOUR_SECONDS):
        return 1
    try:
        return int(cache.incr(key))
    except ValueError:  # It ended between both.
        cache.set(key, 1, HOUR_SECONDS)
        return 1


def seen(kind: str, name: str, *, now: datetime) -> int:
    """Return how often something was counted in this hour."""
    return int(cache.get(_key(kind, name, now)) or 0)


def network_of(address: str) -> str:
    """Return what counts as one visitor: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def note(drive: Drive, outcome: str, *, now: datetime) -> None:
    """Count how the gate decided, for the treasurer."""
    with _lock:
        _gathered[drive.pk, now.date(), outcome] += 1
        is_due = time.monotonic() - _flushed_at >= FLUSH_SECONDS
    if is_due:
        flush()


def flush() -> None:
    """Write what was gathered."""
    global _flushed_at  # noqa: PLW0603 - one gathering for a process, as its lock.
    with _lock:
        waiting = dict(_gathered)
        _gathered.clear()
        _flushed_at = time.monotonic()
    with transaction.atomic():
        # A drive that is gone meanwhile takes its counts with it.
        there = set(Drive.objects.filter(pk__in={key[0] for key in waiting}).values_list("pk", flat=True))
        for (drive_id, day, outcome), number in waiting.items():
            if drive_id not in there:
                continue
            row, _ = GateCount.objects.get_or_create(drive_id=drive_id, day=day, outcome=outcome)
            GateCount.objects.filter(pk=row.pk).update(number=F("number") + number)


def counts(drive: Drive, *, days: int = 30, clock: Clock = utc_now) -> dict[str, int]:
    """Return how often the gate decided what, in the last days: `proof`, `no_script`, `by_hand`, `wrong`, `too_soon`, …"""
    flush()
    rows = GateCount.objects.filter(drive=drive, day__gt=clock().date() - timedelta(days=days))
    return {row["outcome"]: int(row["sum"]) for row in rows.values("outcome").annotate(sum=Sum("number"))}


def _key(kind: str, name: str, now: datetime) -> str:
    """Return a cache key that tells nobody the name, and another one each hour."""
    hour = int(now.timestamp()) // HOUR_SECONDS
    digest = hmac.new(settings.SECRET_KEY.encode(), f"{kind}/{name}/{hour}".encode(), "sha256").hexdigest()
    return f"gate:{digest[:40]}"
