"""How long ago something was, as LOOK writes it in both languages."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.utils import translation

from largesse.site.templatetags.largesse import age

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "english", "french"),
    [
        (timedelta(seconds=5), "just now", "à l’instant"),
        (timedelta(minutes=12), "12 min", "12 min"),
        (timedelta(hours=5), "5 h", "5 h"),
        (timedelta(days=2), "2 d", "2 j"),
        (timedelta(days=8), "17 Nov", "17 nov."),
        (timedelta(days=400), "21 Oct 2025", "21 oct. 2025"),
    ],
)
def test_an_age_is_short_and_in_the_language_of_the_page(before: timedelta, english: str, french: str) -> None:
    with mock.patch("largesse.site.templatetags.largesse.timezone.now", return_value=NOW):
        for language, words in (("en", english), ("fr", french)):
            with translation.override(language):
                written = str(age(NOW - before))
            assert f">{words.replace(' ', chr(0xA0))}</time>" in written
            assert (NOW - before).isoformat(timespec="seconds") in written
