"""What payments need done in the background: events, refunds, sweeps, alarms."""

import contextlib

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext, override

from largesse.accounts.models import Role, User
from largesse.drives.actions.import_statement import forget_lines
from largesse.drives.actions.receive_event import body_of, forget_events
from largesse.drives.actions.send_refund import send_refund
from largesse.drives.actions.sweep import OVERLAP, REACH, sweep_all, unfinished
from largesse.drives.actions.take_in import take_in
from largesse.drives.models import Alarm, ProviderEvent, Refund
from largesse.drives.providers.base import Changed, ProviderUnavailable
from largesse.drives.providers.registry import LABELS, online, provider
from largesse.jobs.registry import job, periodic
from largesse.kit.clock import utc_now

POLLED_FOR = REACH / 7


@job("drives.process_event")
def process_event(*, event: str) -> None:
    """Take in the payment that a webhook is about."""
    kept = ProviderEvent.objects.get(pk=event)
    one = provider(kept.pk.partition("/")[0])
    if body := body_of(kept):
        take_in(one, one.changed(body))


@job("drives.send_refund")
def send_claimed_refund(*, refund: str) -> None:
    """Send a refund that was claimed."""
    send_refund(Refund.objects.get(public_id=refund))


@job("drives.mail_alarm")
def mail_alarm(*, alarm: str) -> None:
    """Tell every treasurer who has a mail address that a provider and the books disagree."""
    raised = Alarm.objects.get(public_id=alarm)
    keepers = User.objects.filter(role=Role.TREASURER, is_active=True).exclude(email="")
    with override(settings.CONFIG.site.language):
        subject = gettext("The books and %(provider)s disagree") % {"provider": LABELS[raised.provider]}
        text = f"{raised.sentence}\n\n{raised.subject}\n\n{settings.SITE_ADDRESS}/treasury/"
    for keeper in keepers:
        send_mail(f"[{settings.CONFIG.site.name}] {subject}", text, None, [keeper.email])


@periodic("drives.poll", every_seconds=600)
def poll() -> None:
    """Ask for payments that were begun and not finished; BTCPay stops repeating a webhook after an hour."""
    for one in online():
        for donation in unfinished(one.name, since=utc_now() - POLLED_FOR):
            with contextlib.suppress(ProviderUnavailable):  # The hourly sweep says so when it lasts.
                take_in(one, Changed(donation.reference, donation.public_id))


@periodic("drives.sweep_hourly", every_seconds=3_600)
def sweep_hourly() -> None:
    """Compare every provider with the books, the last days."""
    sweep_all(reach=OVERLAP)


@periodic("drives.sweep_daily", every_seconds=86_400)
def sweep_daily() -> None:
    """Compare every provider with the books, the last five weeks."""
    sweep_all(reach=REACH)


@periodic("drives.forget_payers", every_seconds=86_400)
def forget_payers() -> None:
    """Empty what statements and events said of people whose time is over."""
    forget_lines()
    forget_events(older_than=REACH)
