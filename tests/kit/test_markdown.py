"""What becomes of Markdown: headings that fit into the page, and nothing that runs or asks anybody else."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from largesse.kit.markdown import ATTRIBUTES, TAGS, safe_html


@pytest.mark.parametrize(
    ("first_level", "levels"), [(3, ["h3", "h4", "h5", "h6", "h6", "h6"]), (2, ["h2", "h3", "h4", "h5", "h6", "h6"])]
)
def test_headings_begin_below_those_of_the_page(first_level: int, levels: list[str]) -> None:
    text = "\n\n".join(f"{'#' * number} Heading" for number in range(1, 7))
    html = safe_html(text, first_level=first_level)
    assert html.split() == [f"<{level}>Heading</{level}>" for level in levels]


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        "![x](https://elsewhere.example/x.png)",
        "[x]: javascript:alert(1)\n\n[x]",
        "<style>*{display:none}</style>",
        "<form action=https://elsewhere.example><input name=password></form>",
    ],
)
def test_nothing_hostile_becomes_markup(hostile: str) -> None:
    html = safe_html(hostile)
    for mark in ("<script", "<img", "<style", "<form", "<input", 'href="javascript', 'href="data'):
        assert mark not in html


def test_links_of_others_are_neither_followed_nor_told_who_asks() -> None:
    assert 'rel="nofollow noopener ugc"' in safe_html("[here](https://elsewhere.example/)")


def test_a_table_can_be_reached_with_the_keyboard_since_it_may_scroll() -> None:
    assert '<table tabindex="0">' in safe_html("|a|b|\n|-|-|\n|1|2|")


@given(st.text(alphabet="<>/\"'=!&;:#[]()*_`|-\n axnsrcheftiopl", max_size=200))
def test_whatever_is_written_only_allowed_markup_comes_of_it(text: str) -> None:
    class Seen(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            assert tag in TAGS
            ours = {"a": {"rel"}, "table": {"tabindex"}}.get(tag, set())
            assert {name for name, _ in attributes} <= ATTRIBUTES.get(tag, set()) | ours

    Seen().feed(safe_html(text))
