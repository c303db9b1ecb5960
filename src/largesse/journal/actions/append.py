"""
Append a fact to the journal in the caller's transaction.

The head's row is locked until the caller's transaction ends, so serials are handed out in commit order and a rolled-back
caller leaves no gap. On SQLite every transaction is `BEGIN IMMEDIATE`, which is that lock already.
"""

from collections.abc import Mapping

from django.db import transaction

from largesse.journal.models import Head, Row, row_hash
from largesse.kit.canonical import canonical_json
from largesse.kit.clock import Clock, utc_now


def append(
    *,
    kind: str,
    subject: str,
    actor: str = "system",
    payload: Mapping[str, object] | None = None,
    clock: Clock = utc_now,
) -> Row:
    """
    Append one fact; call it last in the action's transaction, since it holds the journal's lock until the commit.

    Args:
        kind: `app.past_participle`, for example `torrents.listed`.
        subject: public id of what it happened to, `listing:…`.
        actor: public id of who did it, `account:…`, or `system`.
        payload: public facts only, as canonical JSON values (no floats); anyone may read them.

    Raises:
        RuntimeError: there is no transaction to belong to.
        TypeError: the payload holds a value that canonical JSON has no form for.
    """
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        raise RuntimeError("journal.append belongs in the transaction that makes its fact true")
    payload_json = canonical_json(dict(payload or {}))
    head = Head.objects.select_for_update().get(id=1)
    time = clock()
    serial = head.serial + 1
    row = Row(
        serial=serial,
        time=time,
        kind=kind,
        actor=actor,
        subject=subject,
        payload_json=payload_json,
        previous_hash=head.hash,
        hash=row_hash(
            serial=serial,
            time=time,
            kind=kind,
            actor=actor,
            subject=subject,
            payload_json=payload_json,
            previous_hash=head.hash,
        ),
    )
    row.save(force_insert=True)
    head.serial, head.hash = serial, row.hash
    head.save(update_fields=("serial", "hash"))
    return row
