"""Drives with their contracts, the gifts to them, and what was spent."""

from largesse.drives.models.desk import Alarm, AlarmCode, BankLine, BankStatement, GateCount, LineState, WaitsFor
from largesse.drives.models.drives import (
    BudgetLine,
    CarryOver,
    Contract,
    Counted,
    Drive,
    DriveState,
    MatchingPledge,
    Period,
    StretchGoal,
    Update,
)
from largesse.drives.models.expenses import Approval, Expense
from largesse.drives.models.gifts import (
    Dispute,
    Donation,
    Donor,
    ProviderEvent,
    Refund,
    RefundOutcome,
    RefundReason,
    SentMail,
    Settlement,
)

__all__ = [
    "Alarm",
    "AlarmCode",
    "Approval",
    "BankLine",
    "BankStatement",
    "BudgetLine",
    "CarryOver",
    "Contract",
    "Counted",
    "Dispute",
    "Donation",
    "Donor",
    "Drive",
    "DriveState",
    "Expense",
    "GateCount",
    "LineState",
    "MatchingPledge",
    "Period",
    "ProviderEvent",
    "Refund",
    "RefundOutcome",
    "RefundReason",
    "SentMail",
    "Settlement",
    "StretchGoal",
    "Update",
    "WaitsFor",
]
