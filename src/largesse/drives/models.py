"""
Drives with their contracts, and the gifts to them.

A payment is a history: a donation is what somebody meant to give, settlements, refunds and disputes are what did happen to money,
each unique by its provider's own id and each with its ledger entry. They are only ever added to. Who gave is kept in `Donor`
alone, encrypted with a key that is not in the database.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from largesse.kit.ids import new_public_id
from largesse.ledger.models import Entry


class Period(models.TextChoices):
    """How the goal relates to time."""

    ONCE = "once", _("Once")
    MONTHLY = "monthly", _("Every month")
    ALL_OR_NOTHING = "all_or_nothing", _("All or nothing")


class CarryOver(models.TextChoices):
    """What a month's surplus does."""

    CARRY = "carry", _("It counts for the next month")
    RESERVE = "reserve", _("It goes to the reserve, and each month begins at zero")


class Counted(models.TextChoices):
    """What the meter counts."""

    GROSS = "gross", _("What was given, before the fees of payment services")
    NET = "net", _("What arrived, after the fees of payment services")


class DriveState(models.TextChoices):
    """Where a drive stands."""

    DRAFT = "draft", _("Draft")
    OPEN = "open", _("Open")
    CLOSING = "closing", _("Closing")
    CLOSED = "closed", _("Closed")


class Drive(models.Model):
    """A fund drive: a goal in one currency, for one purpose."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    lede = models.CharField(max_length=400, blank=True)
    purpose = models.TextField(blank=True)
    """Markdown: what the money pays for."""
    currency = models.CharField(max_length=3)
    goal_minor = models.BigIntegerField()
    period = models.CharField(max_length=16, choices=Period, default=Period.ONCE)
    carry_over = models.CharField(max_length=8, choices=CarryOver, default=CarryOver.CARRY)
    counted = models.CharField(max_length=5, choices=Counted, default=Counted.GROSS)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)
    """None only for a monthly drive that goes on until it is closed."""
    refund_days = models.PositiveSmallIntegerField(default=30)
    holder = models.CharField(max_length=300, blank=True)
    surplus = models.TextField(blank=True)
    shortfall = models.TextField(blank=True)
    settlement = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=DriveState, default=DriveState.DRAFT)
    is_pinned = models.BooleanField(default=False)
    made_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-starts_at", "-id")
        constraints = (
            models.CheckConstraint(condition=models.Q(goal_minor__gt=0), name="drive_goal_is_positive"),
            models.UniqueConstraint(
                fields=("is_pinned",), condition=models.Q(is_pinned=True), name="at_most_one_drive_is_pinned"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=False) | models.Q(period=Period.MONTHLY), name="drive_has_an_end"
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        """How the journal names the drive."""
        return f"drive:{self.public_id}"

    @property
    def path(self) -> str:
        """The drive's page."""
        return f"/drives/{self.slug}/"

    @property
    def fund_part(self) -> str:
        """The drive's part of account names in the ledger."""
        return f"D-{self.public_id}"


class Contract(models.Model):
    """One version of a drive's terms, frozen by its hash; never changed."""

    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="contracts")
    version = models.PositiveSmallIntegerField()
    terms_json = models.TextField()
    """Canonical JSON: the terms, and their text in every language; the hash is over these very bytes."""
    hash = models.CharField(max_length=64, unique=True)
    frozen_at = models.DateTimeField()
    refund_until = models.DateTimeField(null=True)
    """Whoever gave under an earlier version may have it back until then."""

    class Meta:
        ordering = ("drive", "version")
        constraints = (models.UniqueConstraint(fields=("drive", "version"), name="one_contract_per_version"),)

    def __str__(self) -> str:
        return f"{self.drive} v{self.version}"


class BudgetLine(models.Model):
    """One thing the goal pays for; lines are funded from the top."""

    drive = models.ForeignKey(Drive, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=120)
    detail = models.CharField(max_length=300, blank=True)
    cost_minor = models.BigIntegerField()

    class Meta:
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.name


class StretchGoal(models.Model):
    """A goal beyond the goal."""

    drive = models.ForeignKey(Drive, on_delete=models.CASCADE, related_name="stretch_goals")
    amount_minor = models.BigIntegerField()
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ("amount_minor",)

    def __str__(self) -> str:
        return self.name


class MatchingPledge(models.Model):
    """Somebody's promise to add as much as others give in a time, up to a cap. A promise is no money: it is told apart."""

    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="matching")
    name = models.CharField(max_length=120)
    cap_minor = models.BigIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ("starts_at",)

    def __str__(self) -> str:
        return self.name


class Update(models.Model):
    """News of a drive."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="updates")
    title = models.CharField(max_length=160)
    text = models.TextField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField()

    class Meta:
        ordering = ("-published_at", "-id")

    def __str__(self) -> str:
        return self.title


class Donation(models.Model):
    """What somebody means to give. Nothing in it says who: that is in `Donor`."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="donations")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="donations")
    """The terms that were shown before paying."""
    provider = models.CharField(max_length=16)
    reference = models.CharField(max_length=160, null=True)
    """The provider's id of the payment; None until it was started there."""
    amount_minor = models.BigIntegerField()
    is_monthly = models.BooleanField(default=False)
    shows_name = models.BooleanField(default=False)
    shows_amount = models.BooleanField(default=True)
    pending_minor = models.BigIntegerField(default=0)
    """What the provider says is under way."""
    failed_at = models.DateTimeField(null=True)
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="donation_is_positive"),
            models.UniqueConstraint(fields=("provider", "reference"), name="donation_reference_is_unique"),
        )

    def __str__(self) -> str:
        return self.public_id

    @property
    def subject(self) -> str:
        """How the journal and the ledger name the donation."""
        return f"donation:{self.public_id}"


class Donor(models.Model):
    """Who gave: encrypted, kept for a time, never joined to accounts, addresses or the tracker."""

    donation = models.OneToOneField(Donation, on_delete=models.CASCADE, related_name="donor", primary_key=True)
    sealed = models.BinaryField()
    """AES-256-GCM over JSON (name, email, message, language), bound to the donation's id."""
    mail_index = models.CharField(max_length=64, blank=True)
    """Keyed hash of the address, to find one donor's gifts for a yearly statement."""
    forget_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("mail_index",)), models.Index(fields=("forget_at",)))

    def __str__(self) -> str:
        return f"donor of {self.donation_id}"


class ProviderEvent(models.Model):
    """A webhook as it came: its id is the key, so a second delivery is seen by the database."""

    id = models.CharField(max_length=200, primary_key=True)
    """`provider/event id`."""
    kind = models.CharField(max_length=80)
    body = models.BinaryField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id


class Settlement(models.Model):
    """Money that arrived."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    donation = models.ForeignKey(Donation, on_delete=models.PROTECT, related_name="settlements")
    provider = models.CharField(max_length=16)
    reference = models.CharField(max_length=160)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField(default=0)
    occurred_at = models.DateTimeField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("provider", "reference"), name="settlement_is_booked_once"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__gt=0, fee_minor__gte=0), name="settlement_is_positive"
            ),
        )

    def __str__(self) -> str:
        return self.public_id


class RefundReason(models.TextChoices):
    """Why money goes back."""

    CHANGE_OF_MIND = "change_of_mind", _("Change of mind")
    TERMS_CHANGED = "terms_changed", _("The terms were changed")
    WIND_DOWN = "wind_down", _("The drive was closed")
    GOAL_MISSED = "goal_missed", _("The goal was not met")
    AT_PROVIDER = "at_provider", _("Made at the payment service")
    MISTAKE = "mistake", _("A mistake")


class Refund(models.Model):
    """Money that goes back, claimed before the provider is asked, so that racing refunds see each other."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    """Also the idempotency key at the provider."""
    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField()
    reason = models.CharField(max_length=16, choices=RefundReason)
    claimed_at = models.DateTimeField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")
    """From the gifts to what is owed to donors."""

    class Meta:
        ordering = ("id",)
        constraints = (models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="refund_is_positive"),)

    def __str__(self) -> str:
        return self.public_id


class RefundOutcome(models.Model):
    """How a refund ended: it was sent, or it failed and the claim was undone."""

    refund = models.OneToOneField(Refund, on_delete=models.PROTECT, related_name="outcome", primary_key=True)
    provider = models.CharField(max_length=16)
    reference = models.CharField(max_length=160)
    is_sent = models.BooleanField()
    occurred_at = models.DateTimeField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("provider", "reference"), name="refund_is_booked_once"),)

    def __str__(self) -> str:
        return f"{self.refund_id} {'sent' if self.is_sent else 'failed'}"


class Dispute(models.Model):
    """Money that the payer's bank took back, perhaps for a while."""

    settlement = models.ForeignKey(Settlement, on_delete=models.PROTECT, related_name="disputes")
    provider = models.CharField(max_length=16)
    reference = models.CharField(max_length=160)
    amount_minor = models.BigIntegerField()
    is_won = models.BooleanField(default=False)
    """True: the row says that it came back; the row that says it was taken stays."""
    occurred_at = models.DateTimeField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("provider", "reference", "is_won"), name="dispute_is_booked_once"),
        )

    def __str__(self) -> str:
        return f"{self.reference} {'won' if self.is_won else 'taken'}"


class Expense(models.Model):
    """Money spent: booked once two people approved it."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="expenses")
    line = models.ForeignKey(BudgetLine, on_delete=models.SET_NULL, null=True, related_name="+")
    description = models.CharField(max_length=200)
    is_privileged = models.BooleanField(default=False)
    """Only the amount is public, for what a lawyer or a court keeps secret."""
    amount_minor = models.BigIntegerField()
    incurred_at = models.DateTimeField()
    receipt = models.CharField(max_length=200, blank=True)
    """Name of the redacted receipt among the stored files; it is public."""
    receipt_type = models.CharField(max_length=40, blank=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-incurred_at", "-id")
        constraints = (models.CheckConstraint(condition=models.Q(amount_minor__gt=0), name="expense_is_positive"),)

    def __str__(self) -> str:
        return self.public_id

    @property
    def subject(self) -> str:
        """How the journal and the ledger name the expense."""
        return f"expense:{self.public_id}"

    @property
    def public_description(self) -> str:
        """What the public reads."""
        return "" if self.is_privileged else self.description


class Approval(models.Model):
    """One person's yes to an expense."""

    expense = models.ForeignKey(Expense, on_delete=models.PROTECT, related_name="approvals")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("expense", "person"), name="one_approval_per_person"),)

    def __str__(self) -> str:
        return f"{self.person} approves {self.expense}"
