"""What the fund does in the background: one module for each idea, all found here."""

from largesse.drives import donor_tasks, money_tasks

__all__ = ["donor_tasks", "money_tasks"]
