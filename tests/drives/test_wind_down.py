"""Closing a drive: what is not spent goes back, exact to the minor unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drive_factories import give, make_drive
from factories import make_user
from largesse.accounts.models import Role
from largesse.drives.actions.approve_expense import approve_expense, propose_expense
from largesse.drives.actions.refund import conclude
from largesse.drives.actions.wind_down import close_when_sent, unspent_minor, wind_down
from largesse.drives.errors import DriveNotOpen
from largesse.drives.shares import shares_of
from largesse.kit.clock import utc_now
from largesse.ledger.checks import check

WEIGHTS = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.integers(0, 10**9), max_size=40)


@given(WEIGHTS, st.floats(0, 1))
def test_shares_sum_to_the_whole_and_stay_within_what_was_given(weights: dict[str, int], part: float) -> None:
    total = min(int(sum(weights.values()) * part), sum(weights.values()))
    shares = shares_of(total, weights)
    assert sum(shares.values()) == total
    for key, share in shares.items():
        assert 0 <= share <= weights[key]
        assert sum(weights.values()) == 0 or abs(share - total * weights[key] / sum(weights.values())) < 1.001


@pytest.mark.django_db
def test_a_drive_closes_when_every_share_was_sent() -> None:
    drive = make_drive(is_pinned=True)
    ines, paul = (make_user(name, role=Role.TREASURER) for name in ("ines", "paul"))
    for number, amount in enumerate((10_000, 2_500, 3_333)):
        give(drive, amount, fee_minor=33, reference=str(number))
    expense = propose_expense(drive, treasurer=ines, description="Court fee", amount_minor=5_000, incurred_at=utc_now())
    for person in (ines, paul):
        approve_expense(expense, person=person, paid_from="cash")
    left = 10_000 + 2_500 + 3_333 - 99 - 5_000
    assert unspent_minor(drive) == left
    refunds = wind_down(drive, treasurer=ines)
    assert sum(refund.amount_minor for refund in refunds) == left
    assert unspent_minor(drive) == 0
    with pytest.raises(DriveNotOpen):
        wind_down(drive, treasurer=ines)
    for refund in refunds:
        assert not close_when_sent(drive)
        conclude(
            refund, provider="cash", reference=refund.public_id, is_sent=True, occurred_at=utc_now(), actor=ines.actor
        )
    assert close_when_sent(drive)
    assert list(check()) == []
