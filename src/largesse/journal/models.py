"""
The journal's tables: rows that only ever grow, the head that orders them, and what each follower has acknowledged.

A row's hash covers the row before it, so a changed, removed or inserted row breaks the chain from there on.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from django.db import models

from largesse.kit.canonical import canonical_json

GENESIS_HASH = "0" * 64
"""What the first row names as the hash before it."""


class Row(models.Model):
    """One public fact, appended in the transaction that made it true."""

    serial = models.BigIntegerField(primary_key=True)
    time = models.DateTimeField()
    kind = models.CharField(max_length=64)
    """What happened, as `app.past_participle`: `torrents.listed`, `drives.settled`."""
    actor = models.CharField(max_length=64)
    """Who did it, by public id (`account:k3v…`), or `system`."""
    subject = models.CharField(max_length=128)
    """What it happened to, by public id (`listing:7fq…`)."""
    payload_json = models.TextField()
    """The public facts as canonical JSON; the hash is over this very text."""
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ("serial",)
        indexes = (models.Index(fields=("kind", "serial")), models.Index(fields=("subject", "serial")))

    def __str__(self) -> str:
        return f"{self.serial} {self.kind} {self.subject}"

    @property
    def payload(self) -> dict[str, Any]:
        """The public facts as a dictionary."""
        value: dict[str, Any] = json.loads(self.payload_json)
        return value

    def computed_hash(self) -> str:
        """Return the SHA-256, in hex, of the hash before this row and of everything this row says."""
        return row_hash(
            serial=self.serial,
            time=self.time,
            kind=self.kind,
            actor=self.actor,
            subject=self.subject,
            payload_json=self.payload_json,
            previous_hash=self.previous_hash,
        )


class Head(models.Model):
    """The one row that is locked to append: the last serial and its hash."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    serial = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS_HASH)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="journal_has_one_head"),)

    def __str__(self) -> str:
        return f"head at {self.serial}"


class Acknowledgement(models.Model):
    """What a follower on a node has applied: every row up to and including `serial`."""

    follower = models.CharField(max_length=64)
    node = models.CharField(max_length=64)
    serial = models.BigIntegerField()
    time = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("follower", "node"), name="one_acknowledgement_per_node"),)

    def __str__(self) -> str:
        return f"{self.follower}@{self.node} acknowledged {self.serial}"


def row_hash(
    *, serial: int, time: datetime, kind: str, actor: str, subject: str, payload_json: str, previous_hash: str
) -> str:
    """Return the chain hash of a row, as SHA-256 in hex over canonical JSON of all its parts."""
    parts = {
        "actor": actor,
        "kind": kind,
        "payload": payload_json,
        "previous_hash": previous_hash,
        "serial": serial,
        "subject": subject,
        "time": time.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
