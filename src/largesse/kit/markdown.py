"""
Markdown as people write it, HTML as it is safe to show.

CommonMark without raw HTML, then sanitised by an allow-list: no script, style, image or form can come of it. Images would make
a visitor's browser ask somebody else, so they become links. Headings begin below the page's own.
"""

import nh3
from markdown_it import MarkdownIt

TAGS = {
    "p",
    "br",
    "hr",
    "em",
    "strong",
    "del",
    "code",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "a",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
}
TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SET = {"table": {"tabindex": "0"}}
"""A wide table scrolls by itself, so the keyboard has to reach it."""
SCHEMES = {"http", "https", "mailto", "magnet"}

_parser = (
    MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"]).disable(["image"])
)


def safe_html(text: str, *, first_level: int = 3) -> str:
    """Return the HTML of a Markdown text, whose highest headings are of this level; what is not allowed is left out."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + first_level - 1, 6)}"
    html = _parser.renderer.render(tokens, _parser.options, {})
    cleaned: str = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        set_tag_attribute_values=SET,
        url_schemes=SCHEMES,
        link_rel="nofollow noopener ugc",
    )
    return cleaned
