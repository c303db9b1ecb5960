"""What templates of the index may use besides the house's own."""

from babel.core import Locale, UnknownLocaleError
from django import template
from django.utils.translation import get_language

register = template.Library()


@register.filter
def language_name(tag: str) -> str:
    """Write a language tag of BCP 47 as its name in the visitor's language."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(get_language() or "en")
    except (UnknownLocaleError, ValueError):
        return tag
    return name or tag
