"""
Gifts: what somebody meant to give, who they are, and what did happen to the money.

A payment is a history: a donation is an intention, settlements, refunds and disputes are what happened, each unique by its
provider's own id and each with its ledger entry. They are only ever added to. Who gave is kept in `Donor` alone, encrypted with
a key that is not in the database.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from largesse.drives.models.drives import BudgetLine, Contract, Drive
from largesse.kit.ids import new_public_id
from largesse.ledger.models import Entry


class Donation(models.Model):
    """What somebody means to give. Nothing in it says who: that is in `Donor`."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    drive = models.ForeignKey(Drive, on_delete=models.PROTECT, related_name="donations")
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="donations")
    """The terms that were shown before paying."""
    line = models.ForeignKey(BudgetLine, on_delete=models.PROTECT, null=True, related_name="donations")
    """The one line of the budget that it is for; None: wherever it is needed."""
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
    stopped_at = models.DateTimeField(null=True)
    """When a monthly gift was stopped."""
    form_key = models.CharField(max_length=64, null=True, unique=True)
    """Hash of the form that it came by, so that a form sent twice makes one donation."""
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
    """AES-256-GCM over JSON (`donors.Identity`), bound to the donation's id."""
    mail_index = models.CharField(max_length=64, blank=True)
    """Keyed hash of the address, to find one donor's gifts for a yearly statement."""
    forget_at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=("mail_index",)), models.Index(fields=("forget_at",)))

    def __str__(self) -> str:
        return f"donor of {self.donation_id}"


class SentMail(models.Model):
    """Says that a mail to a donor left, so that a job that runs again does not send it again; the address is not here."""

    key = models.CharField(max_length=120, primary_key=True)
    """What was sent: `receipt/<settlement>`, `terms/<contract>/<donation>`."""
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


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
