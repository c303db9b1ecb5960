"""Stop a monthly gift: its donor wants it, or its drive is over. What was given stays given."""

from django.db import transaction

from largesse.drives.models import Donation, Drive
from largesse.drives.providers.registry import provider
from largesse.jobs.registry import enqueue
from largesse.kit.clock import Clock, utc_now


def stop_monthly(donation: Donation, *, clock: Clock = utc_now) -> None:
    """
    Ask the provider to take nothing more, then keep that it was stopped; told again, nothing happens.

    Raises:
        ProviderUnavailable: it may go on; ask again.
    """
    if not donation.is_monthly or donation.stopped_at is not None:
        return
    if donation.reference:
        provider(donation.provider).stop(donation.reference)
    Donation.objects.filter(pk=donation.pk, stopped_at=None).update(stopped_at=clock())


@transaction.atomic
def stop_all_monthly(drive: Drive) -> None:
    """Queue the stop of every monthly gift to a drive that is over."""
    going_on = drive.donations.filter(is_monthly=True, stopped_at=None)
    for public_id in going_on.values_list("public_id", flat=True):
        enqueue("drives.stop_monthly", unique=f"stop:{public_id}", donation=public_id)
