"""Drives: what is asked for, the terms that were frozen, and what is told on the way."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from largesse.kit.ids import new_public_id


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
