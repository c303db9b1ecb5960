"""What the swarms need done in the background."""

from largesse.jobs.registry import periodic
from largesse.kit.clock import utc_now
from largesse.swarm.counts import record_health


@periodic("swarm.record_health", every_seconds=3600)
def record_health_of_today() -> None:
    """Keep the health history."""
    record_health(utc_now().date())
