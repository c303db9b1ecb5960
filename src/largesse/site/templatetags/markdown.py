"""The filter that turns what a person wrote in Markdown into safe HTML."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from largesse.kit.markdown import safe_html

register = template.Library()


@register.filter
def markdown(text: str, first_level: int = 3) -> SafeString:
    """Return CommonMark as sanitised HTML, with headings from this level on."""
    return mark_safe(safe_html(text, first_level=first_level))  # noqa: S308 - nh3 sanitised it.
