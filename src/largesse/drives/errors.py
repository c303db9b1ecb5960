"""What can go wrong with drives and gifts."""

from largesse.kit.errors import BadInput, Conflict, LimitReached, NotFound, gettext_noop


class DriveNotOpen(Conflict):
    """The drive takes no gifts now."""

    code = "drive_not_open"
    template = gettext_noop("“{title}” takes no gifts now. Look at the other drives.")


class ContractChanged(Conflict):
    """The terms were changed after the donor read them."""

    code = "contract_changed"
    template = gettext_noop("The terms were changed while you read them. Read them again, then give.")


class TermsMissing(BadInput):
    """The drive's terms are not whole."""

    code = "terms_missing"
    template = gettext_noop("The terms are not whole: {what}. Complete them first.")


class AmountOutOfBounds(BadInput):
    """The amount is too small or too large."""

    code = "amount_out_of_bounds"
    template = gettext_noop("Give at least {least} and at most {most} {currency}.")


class RefundTooLarge(Conflict):
    """More would go back than was paid."""

    code = "refund_too_large"
    template = gettext_noop("At most {left_minor} minor units of this payment are left to refund.")


class RefundTooLate(Conflict):
    """The contract gives no refund any more."""

    code = "refund_too_late"
    template = gettext_noop("The time for a refund is over: the contract says until when.")


class NoSuchDonation(NotFound):
    """The private link is wrong, or the donation is not there."""

    code = "no_such_donation"
    template = gettext_noop("This private link is not whole. Open it from your mail, or copy it again.")


class TooManyTries(LimitReached):
    """Too many payments were begun from one address or for one drive."""

    code = "too_many_tries"
    template = gettext_noop("Too many payments were begun here. Wait an hour, or give by bank transfer.")


class TooSoon(LimitReached):
    """A form without a proof of work came faster than a person fills one in."""

    code = "too_soon"
    template = gettext_noop(
        "Without scripts, this form has to be {seconds} seconds old before it can be sent. Look it over, then send it again."
    )


class ApprovedByYou(Conflict):
    """The same person cannot approve twice."""

    code = "approved_by_you"
    template = gettext_noop("You approved this expense already. A second person has to approve it.")


class LineDecided(Conflict):
    """Somebody decided about this line of a statement before."""

    code = "line_decided"
    template = gettext_noop("This line was booked already. Look at what it became.")


class LineDoesNotFit(BadInput):
    """A line of a statement cannot be what it was taken for."""

    code = "line_does_not_fit"
    template = gettext_noop("This line cannot be that: its direction, amount or currency is another one.")


class EventTooLong(BadInput):
    """No provider sends an event of this size."""

    code = "event_too_long"
    status = 413
    template = gettext_noop("An event is at most {most} bytes long.")


class SlugTaken(Conflict):
    """Another drive has this address."""

    code = "slug_taken"
    template = gettext_noop("Another drive has the address “{slug}”. Choose another one.")


class LineInUse(Conflict):
    """A line of the budget that money was spent on cannot go."""

    code = "line_in_use"
    template = gettext_noop("Money was spent on “{name}”, or given for it, so the line stays. Lower its cost instead.")


class NothingChanged(BadInput):
    """The new terms are the terms in force."""

    code = "nothing_changed"
    template = gettext_noop("The terms are as before. Change something, or leave them.")


class FundTooSmall(Conflict):
    """An expense is larger than what is left of the drive's own money."""

    code = "fund_too_small"
    template = gettext_noop(
        "Only {left} is there for this: what was given to other drives, or for other lines, is not."
    )


class GoalNotMet(Conflict):
    """An all-or-nothing drive spends nothing before its goal is met."""

    code = "goal_not_met"
    template = gettext_noop("This drive gives everything back unless its goal is met, so nothing is spent before.")


class NotAReceipt(BadInput):
    """The file is not a PDF or a picture, or too large."""

    code = "not_a_receipt"
    template = gettext_noop("A receipt is a PDF, PNG or JPEG file of at most {most} MB.")
