"""What every test may use."""

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db.backends.sqlite3.base import DatabaseWrapper
from hypothesis import HealthCheck, settings

settings.register_profile(
    "ci", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.register_profile("nightly", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session", autouse=True)
def _hear_interruptions() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and programs hand that on; those that are tested must hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _flush_past_triggers() -> Iterator[None]:
    """Let the flush between transactional tests pass the triggers that refuse deletion on SQLite; they come back after it."""
    plain_flush = DatabaseWrapper.ops_class.sql_flush

    def sql_flush(self: Any, *args: Any, **options: Any) -> list[str]:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql IS NOT NULL")
            triggers = cursor.fetchall()
        drops = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
        return [*drops, *plain_flush(self, *args, **options), *(sql for _, sql in triggers)]

    DatabaseWrapper.ops_class.sql_flush = sql_flush
    yield
    DatabaseWrapper.ops_class.sql_flush = plain_flush


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Begin each test with nothing counted for the address that all tests come from."""
    cache.clear()
