"""
Receive a webhook: keep it as it came, ask for its processing, and be done; the answer waits for nothing else.

The event's id is the primary key of its row, so the database itself sees a second delivery, also one at the same moment. The
row and the job are one transaction: an event that was answered is processed, and one that was not comes again.

Events carry names and mail addresses of payers, so they are sealed, and emptied once no sweep looks back so far; the id stays.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction

from largesse.drives.models import ProviderEvent
from largesse.drives.providers.base import VerifiedEvent
from largesse.drives.sealing import seal_bytes, unseal_bytes
from largesse.jobs.registry import enqueue
from largesse.kit.clock import Clock, utc_now

LONGEST_EVENT_BYTES = 262_144


def receive_event(event: VerifiedEvent, *, provider: str, body: bytes, clock: Clock = utc_now) -> bool:
    """Keep a verified event; return whether it is new."""
    key = f"{provider}/{event.event_id}"[:200]
    sealed = seal_bytes(body, bound_to=f"event:{key}")
    kept = ProviderEvent(id=key, kind=event.kind[:80], body=sealed, received_at=clock())
    # Most repetitions come late and need no transaction; those at the same moment meet at the key.
    return not ProviderEvent.objects.filter(pk=kept.pk).exists() and _kept(kept, clock=clock)


@transaction.atomic
def _kept(kept: ProviderEvent, *, clock: Clock) -> bool:
    try:
        with transaction.atomic():
            kept.save(force_insert=True)
    except IntegrityError:
        return False
    enqueue("drives.process_event", event=kept.id, clock=clock)
    return True


def body_of(event: ProviderEvent) -> bytes:
    """Return an event as it came; empty once its time is over."""
    return unseal_bytes(bytes(event.body), bound_to=f"event:{event.pk}") if event.body else b""


def forget_events(*, older_than: timedelta, clock: Clock = utc_now) -> int:
    """Empty the events that came before that; their ids stay, so none is taken in twice. Return how many."""
    return ProviderEvent.objects.filter(received_at__lt=clock() - older_than).exclude(body=b"").update(body=b"")
