"""What the treasurer's desk works on: statements with their lines, alarms, and how many payments were begun or held back."""

import json

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from largesse.drives.models.drives import Drive
from largesse.drives.models.gifts import RefundOutcome, Settlement
from largesse.kit.ids import new_public_id


class BankStatement(models.Model):
    """A file that was imported; the same file is imported once."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    sha256 = models.CharField(max_length=64, unique=True)
    format = models.CharField(max_length=16)
    pending_left_out = models.PositiveIntegerField(default=0)
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    imported_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.format} {self.public_id}"


class LineState(models.TextChoices):
    """What became of a line."""

    WAITING = "waiting", _("Waits for you")
    GIFT = "gift", _("Booked as a gift")
    REFUND = "refund", _("Booked as a refund that was sent")
    RETURNED = "returned", _("Booked as a gift that was taken back")
    SET_ASIDE = "set_aside", _("Set aside")


class WaitsFor(models.TextChoices):
    """Why a line waits for a person."""

    NOTHING = "", ""
    NO_REFERENCE = "no_reference", _("It has no reference of ours.")
    UNKNOWN_REFERENCE = "unknown_reference", _("Its reference belongs to no gift here.")
    MANY_REFERENCES = "many_references", _("It has several references.")
    OTHER_CURRENCY = "other_currency", _("Its currency is not the drive’s.")
    DRIVE_CLOSED = "drive_closed", _("Its drive was closed before.")
    RETURN = "return", _("The bank took a transfer back.")
    OUTGOING = "outgoing", _("Money went out, for no refund that we know.")
    MAYBE_KNOWN = "maybe_known", _("An equal line came with another statement: it may be the same money.")


class BankLine(models.Model):
    """A line of a statement. Its place is its key, so no import books it twice, and twins stay two."""

    key = models.CharField(max_length=64, primary_key=True)
    """`StatementLine.key`."""
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveIntegerField()
    booked_on = models.DateField()
    amount_minor = models.BigIntegerField()
    """Positive: it came in."""
    currency = models.CharField(max_length=3)
    look = models.CharField(max_length=64)
    """Keyed hash of all that the line says: equal lines have equal looks, and nobody can read it."""
    sealed = models.BinaryField()
    """Text, name, account and bank's reference, sealed (`sealing.py`); emptied when its time is over."""
    forget_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=LineState)
    waits_for = models.CharField(max_length=20, choices=WaitsFor, blank=True)
    note = models.CharField(max_length=200, blank=True)
    settlement = models.OneToOneField(Settlement, on_delete=models.PROTECT, null=True, related_name="bank_line")
    outcome = models.OneToOneField(RefundOutcome, on_delete=models.PROTECT, null=True, related_name="bank_line")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """None where the reference decided."""
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-statement", "position")
        indexes = (models.Index(fields=("state", "booked_on")), models.Index(fields=("look",)))
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="gift", settlement__isnull=False)
                | (~models.Q(state="gift") & models.Q(settlement__isnull=True)),
                name="bank_line_of_a_gift_has_its_settlement",
            ),
            models.CheckConstraint(
                condition=models.Q(state="refund", outcome__isnull=False)
                | (~models.Q(state="refund") & models.Q(outcome__isnull=True)),
                name="bank_line_of_a_refund_has_its_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"{self.booked_on} {self.amount_minor} {self.currency} {self.state}"


class AlarmCode(models.TextChoices):
    """What does not agree; each is a sentence with the alarm's fields."""

    AMOUNT = (
        "amount",
        _("The provider says {theirs}, the books say {ours}. Find out which is right; nothing was changed."),
    )
    CURRENCY = "currency", _("{theirs} came in another currency than the drive’s. It was not booked.")
    OTHER_AMOUNT = "other_amount", _("{theirs} came where {ours} was meant. What came was booked.")
    UNKNOWN_DONATION = (
        "unknown_donation",
        _("The provider has a payment of a gift that is not here. Was a backup restored?"),
    )
    NOT_AT_PROVIDER = "not_at_provider", _("The books have money that the provider does not know.")
    REFUND_TOO_LARGE = "refund_too_large", _("The provider sent back {theirs}, more than is left of the gift.")
    REFUND_REFUSED = "refund_refused", _("The provider refuses to send {ours} back ({reason}). Send it another way.")
    REFUND_RETURNED = (
        "refund_returned",
        _("A refund of {theirs} came back. The donor is still owed it: send it another way."),
    )
    DISPUTED = "disputed", _("The payer’s bank took {theirs} back. Answer at the provider in time.")
    CLOSED = "closed", _("{theirs} came after the drive was closed. Send it back, or ask the donor.")
    BALANCE = "balance", _("The provider holds {theirs}, the books say {ours}.")
    SILENT = "silent", _("The provider does not answer ({reason}). Payments wait; nothing is lost.")
    LINE_CHANGED = "line_changed", _("A line of a statement says something else than when it was imported.")


class Alarm(models.Model):
    """A disagreement between a provider and the books, for the treasurer; one row while it lasts."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    provider = models.CharField(max_length=16)
    code = models.CharField(max_length=20, choices=AlarmCode)
    subject = models.CharField(max_length=160)
    """What it is about: `donation:…`, or an id of the provider's."""
    fields_json = models.TextField(default="{}")
    raised_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    """When it was true last."""
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    """None where it ended by itself."""

    class Meta:
        ordering = ("-raised_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("provider", "code", "subject"),
                condition=models.Q(settled_at__isnull=True),
                name="one_alarm_while_it_lasts",
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.code} {self.subject}"

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, in the reader's language."""
        fields: dict[str, str] = json.loads(self.fields_json)
        return gettext(str(AlarmCode(self.code).label)).format_map(fields)


class GateCount(models.Model):
    """How often the gate before a payment let somebody through or held somebody back; nothing about whom."""

    drive = models.ForeignKey(Drive, on_delete=models.CASCADE, related_name="gate_counts")
    day = models.DateField()
    outcome = models.CharField(max_length=20)
    number = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("drive", "day", "outcome"), name="one_gate_count"),)

    def __str__(self) -> str:
        return f"{self.day} {self.outcome} {self.number}"
