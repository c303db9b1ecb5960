"""Demo content: one made-up drive, at the figures of December 2004: 20,640 of 30,000 USD, with gifts and an expense."""

from datetime import timedelta

from largesse.accounts.models import Role, User
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.actions.open_drive import open_drive
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.settle import settle
from largesse.drives.actions.tell import add_stretch_goal, promise_matching, publish_update
from largesse.drives.donors import Identity, keep_identity
from largesse.drives.models import BudgetLine, Drive
from largesse.kit.clock import utc_now

SLUG = "demo-drive"
GIFTS: tuple[tuple[int, str, str, bool], ...] = (
    (1_000_000, "Rivemont University Library", "", True),
    (250_000, "", "", True),
    (400_000, "The Debian mirror at SIDLab", "", True),
    (150_000, "", "", True),
    (120_000, "Société d’histoire de Gaspé", "Pour les films.", True),
    (60_000, "P. and M. Achterberg", "", True),
    (50_000, "", "", False),
    (25_000, "Karim B.", "", False),
    (7_500, "Ingrid Solheim", "", True),
    (1_500, "مكتبة الحي", "", True),
)
"""Minor units, the made-up name on the wall, a word, and whether the amount is shown. They sum to 20,640 USD."""
LINES = (
    ("Storage and bandwidth", "Three made-up nodes", 1_500_000),
    ("Notice desk", "Every notice read in a day", 1_000_000),
    ("Maintenance", "Updates, and backups that are tried", 500_000),
)


def fill() -> Drive:
    """Open the demo's drive unless it is there; return it."""
    found = Drive.objects.filter(slug=SLUG).first()
    if found is not None:
        return found
    now = utc_now()
    first, second = _treasurer("demo-treasurer"), _treasurer("demo-auditor")
    drive = Drive.objects.create(
        slug=SLUG,
        title="Demo drive",
        lede="Made up to show how a drive looks; no money moves here.",
        purpose="Storage, a notice desk and maintenance of a site that does not exist.",
        currency="USD",
        goal_minor=3_000_000,
        starts_at=now - timedelta(days=19),
        ends_at=now + timedelta(days=10, hours=12),
        holder="Nobody: this is a demo.",
        surplus="It would go to the reserve.",
        shortfall="The lines would be funded from the top.",
        is_pinned=not Drive.objects.filter(is_pinned=True).exists(),
    )
    BudgetLine.objects.bulk_create(
        BudgetLine(drive=drive, position=position, name=name, detail=detail, cost_minor=cost)
        for position, (name, detail, cost) in enumerate(LINES)
    )
    contract = open_drive(drive, treasurer=first)
    drive.refresh_from_db()
    for number, (amount, name, word, shows_amount) in enumerate(GIFTS, 1):
        donation = pledge(
            drive,
            provider="cash",
            amount_minor=amount,
            contract_hash=contract.hash,
            shows_name=bool(name),
            shows_amount=shows_amount,
        )
        keep_identity(donation, Identity(name=name, message=word))
        settle(
            donation,
            provider="cash",
            reference=f"{SLUG}-{number}",
            amount_minor=amount,
            occurred_at=now - timedelta(days=18 - number),
            actor=first.actor,
        )
    expense = propose_expense(
        drive,
        treasurer=first,
        description="Two disks of 20 TB, made up",
        amount_minor=114_800,
        incurred_at=now - timedelta(days=3),
        line=drive.lines.first(),
    )
    for person in (first, second):
        approve_expense(expense, person=person, paid_from="cash")
    publish_update(
        drive,
        author=first,
        title="The disks arrived",
        text="They would be rebuilding now. The entry is in the ledger above.",
        clock=lambda: now - timedelta(days=2),
    )
    promise_matching(
        drive,
        treasurer=first,
        name="Rivemont University Library",
        cap_minor=250_000,
        starts_at=now - timedelta(days=14),
        ends_at=now - timedelta(days=7),
    )
    add_stretch_goal(drive, treasurer=first, name="A second node in the south", amount_minor=4_000_000)
    return drive


def _treasurer(name: str) -> User:
    """Return a treasurer of the demo; nobody can sign in as it."""
    found = User.objects.filter(username=name).first()
    if found is None:
        found = User(username=name, role=Role.TREASURER)
        found.set_unusable_password()
        found.save()
    return found
