"""What the tracker told the database: counts of each swarm, and what members gave."""

from django.conf import settings
from django.db import models


class SwarmCount(models.Model):
    """The newest counts of one swarm; `key` is the torrent's first announce key, in hex."""

    key = models.CharField(max_length=40, primary_key=True)
    seeders = models.PositiveIntegerField(default=0)
    leechers = models.PositiveIntegerField(default=0)
    partial_seeds = models.PositiveIntegerField(default=0)
    completed = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("seeders",)),)

    def __str__(self) -> str:
        return f"{self.key}: {self.seeders} seeders, {self.leechers} leechers"


class MemberTotal(models.Model):
    """What one account did on one torrent, accumulated from announces in members' mode."""

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=40)
    uploaded_bytes = models.BigIntegerField(default=0)
    downloaded_bytes = models.BigIntegerField(default=0)
    seed_seconds = models.BigIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    completed_at = models.DateTimeField(null=True)
    """When the first download was completed; what a hit-and-run is measured from."""
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "key"), name="one_total_per_account_and_torrent"),)

    def __str__(self) -> str:
        return f"{self.account_id} on {self.key}"


class MemberReport(models.Model):
    """
    What one peer of a member said last: totals since its client started, which its next announce is compared with.

    A tracker that was killed goes on from here. `peer_id` is the client's own name for a session; no address is kept.
    """

    account = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=40)
    peer_id = models.CharField(max_length=40)
    uploaded_bytes = models.BigIntegerField()
    downloaded_bytes = models.BigIntegerField()
    is_seeder = models.BooleanField()
    heard_at = models.BigIntegerField()
    """Seconds since 1970, as the tracker counts."""
    begun_at = models.BigIntegerField(default=0)
    """When the peer's session began, likewise."""
    is_stopped = models.BooleanField(default=False)
    has_completed = models.BooleanField(default=False)
    """Whether its completed download was counted."""

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "key", "peer_id"), name="one_report_per_peer"),)
        indexes = (models.Index(fields=("heard_at",)),)

    def __str__(self) -> str:
        return f"{self.account_id} on {self.key}"


class HealthDay(models.Model):
    """How well one swarm did on one day (UTC); a day without peers has no row."""

    key = models.CharField(max_length=40)
    day = models.DateField()
    most_seeders = models.PositiveIntegerField()
    most_leechers = models.PositiveIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("key", "day"), name="one_health_per_swarm_and_day"),)
        indexes = (models.Index(fields=("day",)),)

    def __str__(self) -> str:
        return f"{self.key} on {self.day}: {self.most_seeders} seeders"


class AppliedBatch(models.Model):
    """An accounting batch that was booked; its id makes booking it again do nothing."""

    id = models.CharField(max_length=32, primary_key=True)
    applied_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.id
