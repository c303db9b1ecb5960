"""The filter that turns what a person wrote in Markdown into safe HTML."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from largesse.kit.markdown import safe_html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Return CommonMark as sanitised HTML."""
    return mark_safe(safe_html(text))  # noqa: S308 - nh3 sanitised it.
