"""The demo's drive shows the canonical case."""

import pytest

from largesse.drives.demo import fill
from largesse.drives.figures import figures_of
from largesse.ledger.checks import check


@pytest.mark.django_db
def test_the_demo_drive_stands_at_69_percent_and_is_made_once() -> None:
    drive = fill()
    figures = figures_of(drive)
    assert (figures.settled_minor, figures.percent, figures.missing_minor, figures.days_left) == (
        2_064_000,
        69,
        936_000,
        11,
    )
    assert fill() == drive
    assert list(check()) == []
