"""`largesse ledger check`: every published figure is recomputed from the postings, also a monthly drive's with what it carries."""

from datetime import timedelta

import pytest

from drive_factories import make_drive
from largesse.drives import api
from largesse.drives.actions.pledge import pledge
from largesse.drives.actions.settle import settle
from largesse.drives.checks import check
from largesse.drives.figures import figures_of
from largesse.drives.models import CarryOver, Counted, Drive, Period
from largesse.kit.clock import utc_now

pytestmark = pytest.mark.django_db


def given(drive: Drive, amounts: list[int]) -> None:
    """Book a gift for each amount, a month after the one before."""
    contract = drive.contracts.get()
    for month, amount in enumerate(amounts):
        donation = pledge(drive, provider="cash", amount_minor=amount, contract_hash=contract.hash)
        settle(
            donation,
            provider="cash",
            reference=f"{drive.slug}-{month}",
            amount_minor=amount,
            fee_minor=100,
            occurred_at=drive.starts_at + timedelta(days=32 * month),
        )


@pytest.mark.parametrize("carry_over", CarryOver)
@pytest.mark.parametrize("counted", Counted)
def test_a_monthly_drives_figures_are_recomputed_with_what_it_carries(carry_over: str, counted: str) -> None:
    drive = make_drive(
        period=Period.MONTHLY,
        carry_over=carry_over,
        counted=counted,
        goal_minor=1_000_000,
        starts_at=utc_now() - timedelta(days=100),
        ends_at=None,
    )
    given(drive, [1_700_000, 400_000, 1_300_000, 200_000])
    assert list(check()) == []
    if carry_over == CarryOver.CARRY:
        assert figures_of(drive).carried_minor > 0


@pytest.mark.parametrize(
    "name", ["gross_minor", "settled_minor", "missing_minor", "percent", "fees_minor", "carried_minor"]
)
def test_a_published_figure_that_the_postings_do_not_say_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = make_drive()
    given(drive, [2_064_000])
    assert list(check()) == []
    right = api.as_json
    monkeypatch.setattr("largesse.drives.checks.as_json", lambda drive, clock: {**right(drive, clock=clock), name: 7})
    (found,) = check()
    assert name in found.sentence and "7" in found.sentence
