"""Alarms for the treasurer: raised while a provider and the books disagree, ended by a person or by agreement."""

import json

from django.db import IntegrityError, transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_keep_books, require
from largesse.drives.models import Alarm, AlarmCode
from largesse.jobs.registry import enqueue
from largesse.kit.clock import Clock, utc_now
from largesse.kit.money import Money


@transaction.atomic
def raise_alarm(code: AlarmCode, *, provider: str, subject: str, clock: Clock = utc_now, **fields: str) -> Alarm:
    """Raise an alarm, or say of the one that lasts that it is still true; treasurers get a mail about a new one."""
    now = clock()
    lasting = Alarm.objects.filter(provider=provider, code=code, subject=subject, settled_at=None)
    if not lasting.update(seen_at=now, fields_json=json.dumps(fields)):
        alarm = Alarm(
            provider=provider, code=code, subject=subject, fields_json=json.dumps(fields), raised_at=now, seen_at=now
        )
        try:
            with transaction.atomic():
                alarm.save()
        except IntegrityError:  # Somebody else saw it at the same moment.
            return lasting.get()
        enqueue("drives.mail_alarm", alarm=alarm.public_id, clock=clock)
        return alarm
    return lasting.get()


def end_alarm(code: AlarmCode, *, provider: str, subject: str, clock: Clock = utc_now) -> None:
    """Say that both agree again; nearly always there is nothing to end, and reading that costs no transaction."""
    lasting = Alarm.objects.filter(provider=provider, code=code, subject=subject, settled_at=None)
    if lasting.exists():
        lasting.update(settled_at=clock())


@transaction.atomic
def settle_alarm(alarm: Alarm, *, treasurer: User, clock: Clock = utc_now) -> None:
    """
    Say that a person saw to it.

    Raises:
        NotPermitted: only treasurers and administrators do.
    """
    require(may_keep_books(treasurer))
    Alarm.objects.filter(pk=alarm.pk, settled_at=None).update(settled_at=clock(), settled_by=treasurer)


def told(money: Money) -> str:
    """Return an amount as an alarm says it: `20640.00 USD`."""
    return f"{money.decimal():f} {money.currency}"
