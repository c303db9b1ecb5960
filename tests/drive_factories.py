"""Drives and gifts that tests need."""

from datetime import timedelta

from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.actions.open_drive import open_drive
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.settle import settle
from largesse.drives.models import Drive, Settlement
from largesse.kit.clock import utc_now


def make_drive(**changes: object) -> Drive:
    """Make an open drive for 30,000 USD that has eleven days left."""
    now = utc_now()
    values = {
        "slug": "december",
        "title": "December 2004",
        "purpose": "Legal costs of one month.",
        "holder": "The society.",
        "surplus": "It goes to the reserve.",
        "shortfall": "We keep what came in.",
        "currency": "USD",
        "goal_minor": 3_000_000,
        "period": "once",
        "starts_at": now - timedelta(days=20),
        "ends_at": now + timedelta(days=10, hours=1),
        **changes,
    }
    drive = Drive.objects.create(**values)
    open_drive(drive, treasurer=make_user(f"treasurer-{drive.slug}", role=Role.TREASURER))
    drive.refresh_from_db()
    return drive


def give(drive: Drive, amount_minor: int, *, fee_minor: int = 0, reference: str = "1") -> Settlement:
    """Pledge a gift in cash and book it."""
    contract = drive.contracts.get()
    donation = pledge(drive, provider="cash", amount_minor=amount_minor, contract_hash=contract.hash)
    return settle(
        donation,
        provider="cash",
        reference=reference,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        occurred_at=utc_now(),
    )
