"""The queue: work that was asked for and is not done yet, and when periodic work is due. Work that is done leaves no row."""

import json
from typing import Any

from django.db import models


class JobState(models.TextChoices):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DEAD = "dead"
    """It failed as often as it may; a person looks at it (`largesse jobs`)."""


class Job(models.Model):
    """One call of a registered function, asked for in the transaction that made it needed."""

    name = models.CharField(max_length=80)
    arguments_json = models.TextField()
    """Keyword arguments as canonical JSON."""
    unique_key = models.CharField(max_length=200, null=True)
    """While a job with this key waits, the same work is not queued a second time."""
    state = models.CharField(max_length=8, choices=JobState, default=JobState.WAITING)
    run_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    """How often it was begun."""
    lease_holder = models.CharField(max_length=160, default="")
    """Who runs it: `node:process:random`; empty while nobody does."""
    lease_until = models.DateTimeField(null=True)
    """Until when its holder must have said that it is alive; after that anyone may begin the job again."""
    last_error = models.TextField(default="")
    made_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("unique_key",), condition=models.Q(state="waiting"), name="one_waiting_job_per_key"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in JobState]), name="job_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="running", lease_until__isnull=False)
                | (~models.Q(state="running") & models.Q(lease_until__isnull=True)),
                name="running_jobs_have_a_lease",
            ),
        )
        indexes = (models.Index(fields=("state", "run_at")), models.Index(fields=("state", "lease_until")))

    def __str__(self) -> str:
        return f"{self.name} ({self.state}, begun {self.attempts} times)"

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments."""
        value: dict[str, Any] = json.loads(self.arguments_json)
        return value


class Schedule(models.Model):
    """When a periodic job is due next."""

    name = models.CharField(max_length=80, primary_key=True)
    due_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} is due at {self.due_at:%Y-%m-%d %H:%M:%S}"
