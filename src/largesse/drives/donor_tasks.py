"""What donors are told in the background, and what is forgotten about them in time."""

from datetime import timedelta

from largesse.drives import mails
from largesse.drives.actions.end_drives import end_drives
from largesse.drives.actions.stop_monthly import stop_monthly
from largesse.drives.actions.take_in import take_in
from largesse.drives.actions.wind_down import close_when_sent
from largesse.drives.donors import forget_expired, keep_longer
from largesse.drives.models import Contract, Donation, Donor, Drive, Refund, Settlement
from largesse.drives.providers.base import Changed
from largesse.drives.providers.registry import provider
from largesse.jobs.registry import enqueue, job, periodic
from largesse.kit.clock import utc_now

STATEMENT_DAY = (1, 15)
"""Month and day from which on the statements of the year before are sent."""


@job("drives.send_receipt")
def send_receipt(*, settlement: str) -> None:
    """Send the receipt of a settlement."""
    found = Settlement.objects.select_related("donation__drive", "donation__contract", "entry").get(
        public_id=settlement
    )
    if found.donation.is_monthly:
        keep_longer(found.donation, since=found.occurred_at)
    mails.send_receipt(found)


@job("drives.tell_new_terms")
def tell_new_terms(*, contract: str) -> None:
    """Ask for one mail to each donor who gave under earlier terms."""
    found = Contract.objects.get(hash=contract)
    earlier = Donation.objects.filter(
        drive=found.drive_id, contract__version__lt=found.version, settlements__isnull=False, donor__isnull=False
    )
    for public_id in earlier.distinct().values_list("public_id", flat=True):
        enqueue(
            "drives.send_new_terms",
            unique=f"terms:{found.pk}:{public_id}",
            contract=found.hash,
            donation=public_id,
        )


@job("drives.send_new_terms")
def send_new_terms(*, contract: str, donation: str) -> None:
    """Tell one donor of changed terms."""
    mails.send_new_terms(
        Contract.objects.get(hash=contract),
        Donation.objects.select_related("drive", "contract").get(public_id=donation),
    )


@job("drives.send_refund_note")
def send_refund_note(*, refund: str) -> None:
    """Tell a donor that money goes back."""
    found = Refund.objects.select_related("settlement__donation__drive", "entry").get(public_id=refund)
    mails.send_refund_note(found)


@job("drives.send_statement")
def send_statement(*, donation: str, year: int, key: str) -> None:
    """Send a yearly statement."""
    mails.send_statement(Donation.objects.select_related("drive").get(public_id=donation), year, key=key)


@periodic("drives.forget_donors", every_seconds=3600)
def forget_donors() -> None:
    """Delete identities whose time is over."""
    forget_expired()


@periodic("drives.send_statements", every_seconds=86_400)
def send_statements() -> None:
    """In the second half of January, ask for the statement of the year before for each address that gave in it."""
    now = utc_now()
    if not (now.month == STATEMENT_DAY[0] and now.day >= STATEMENT_DAY[1]):
        return
    year = (now - timedelta(days=60)).year
    given = Donor.objects.exclude(mail_index="").filter(donation__settlements__occurred_at__year=year)
    for index in given.values_list("mail_index", flat=True).distinct():
        newest = Donation.objects.filter(donor__mail_index=index).order_by("-id")[:1].get()
        enqueue(
            "drives.send_statement",
            unique=f"statement:{index}:{year}",
            donation=newest.public_id,
            year=year,
            key="january",
        )


@periodic("drives.end_drives", every_seconds=600)
def end_what_is_over() -> None:
    """Give back what missed its goal, and close what has sent every share."""
    end_drives()


@job("drives.stop_monthly")
def stop_one_monthly(*, donation: str) -> None:
    """Stop one monthly gift."""
    stop_monthly(Donation.objects.get(public_id=donation))


@job("drives.look_again")
def look_again(*, donation: str) -> None:
    """Ask a provider what became of a payment whose donor is looking."""
    found = Donation.objects.get(public_id=donation)
    take_in(provider(found.provider), Changed(reference=found.reference, donation_id=found.public_id))


@job("drives.close_drive")
def close_drive(*, drive: str) -> None:
    """Close a drive once its last refund has an outcome."""
    close_when_sent(Drive.objects.get(public_id=drive))
