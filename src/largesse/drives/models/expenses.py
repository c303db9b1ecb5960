"""Expenses: what was spent, and who approved it."""

from django.conf import settings
from django.db import models

from largesse.drives.models.drives import BudgetLine, Drive
from largesse.kit.ids import new_public_id
from largesse.ledger.models import Entry


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
