"""What can go wrong with the books."""

from largesse.kit.errors import BadInput, Conflict, gettext_noop


class Unbalanced(BadInput):
    """The postings of an entry do not sum to zero in each currency, or are fewer than two."""

    code = "unbalanced"
    template = gettext_noop("The entry does not balance: {sums}. Nothing was booked.")


class OtherCurrency(BadInput):
    """A posting has another currency than its account."""

    code = "other_currency"
    template = gettext_noop("The account {account} is kept in {currency}; nothing was booked.")


class BookedBefore(Conflict):
    """The source told the same fact before."""

    code = "booked_before"
    template = gettext_noop("This was booked before, as entry {entry}.")


class ReversedBefore(Conflict):
    """The entry was reversed already, or is itself a reversal."""

    code = "reversed_before"
    template = gettext_noop("Entry {entry} cannot be reversed: it was reversed before, or it is a reversal itself.")
