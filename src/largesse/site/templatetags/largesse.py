"""What every template may use: icons, health, figures as LOOK.md writes them, and named slots."""

import json
from datetime import datetime
from typing import Any

from babel.dates import format_date
from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext, ngettext, pgettext

from largesse.kit.slots import slot_parts

register = template.Library()

NO_BREAK = "\u00a0"
"""Parts a thousand, and stands between a figure and its unit."""


def parted(number: int) -> str:
    """Return a whole number with its thousands parted by a no-break space and U+2212 for minus."""
    return f"{number:,}".replace(",", NO_BREAK).replace("-", "\u2212")


def in_three_digits(value: float) -> str:
    """Return a figure with three digits, with the decimal sign of the language."""
    text = f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.replace(".", "," if (get_language() or "en").startswith("fr") else ".")


@register.simple_tag
def icon(name: str, *, flip: bool = False) -> SafeString:
    """Draw an icon; the words beside it carry the meaning."""
    css = "i i-flip" if flip else "i"
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>', css, static("largesse/icons.svg"), name
    )


@register.simple_tag
def health(seeders: int | None) -> SafeString:
    """Draw health in pieces: 4 for 20 seeds or more, 3 for 5, 2 for 2, 1 for one, hollow for none."""
    seeds = seeders or 0
    level = 4 if seeds >= 20 else 3 if seeds >= 5 else min(2, seeds)
    return format_html(
        '<svg class="health health-{0}" aria-hidden="true"><use href="{1}#h{0}"/></svg>',
        level,
        static("largesse/icons.svg"),
    )


@register.filter
def count(number: int | None) -> str:
    """Write a count: 4 218."""
    return parted(number or 0)


@register.filter
def size(size_bytes: int | None) -> str:
    """Write a size in decimal units with three digits: 41.9 GB, 41,9 Go."""
    value, units = float(size_bytes or 0), ("B", "kB", "MB", "GB", "TB", "PB", "EB")
    step = 0
    while value >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    unit = units[step].replace("B", pgettext("letter of byte in units such as GB", "B"))
    return f"{parted(int(value)) if step == 0 else in_three_digits(value)}{NO_BREAK}{unit}"


@register.filter
def exact_bytes(size_bytes: int) -> str:
    """Write an exact size: 41 882 114 048 B."""
    return f"{parted(size_bytes)}{NO_BREAK}{pgettext('letter of byte in units such as GB', 'B')}"


@register.filter
def piece_size(size_bytes: int) -> str:
    """Write a piece length in binary units: 8 MiB."""
    letter = pgettext("letter of byte in units such as GB", "B")
    for power, unit in ((20, "Mi"), (10, "Ki")):
        if size_bytes >= 1 << power and size_bytes % (1 << power) == 0:
            return f"{parted(size_bytes >> power)}{NO_BREAK}{unit}{letter}"
    return exact_bytes(size_bytes)


@register.filter
def age(moment: datetime | None) -> SafeString | str:
    """Write how long ago it was, up to seven days; then the date. The exact time is in `datetime`."""
    if moment is None:
        return ""
    seconds = int((timezone.now() - moment).total_seconds())
    if seconds < 60:
        words = gettext("just now")
    elif seconds < 3600:
        words = gettext("%(count)s min") % {"count": seconds // 60}
    elif seconds < 86_400:
        words = gettext("%(count)s h") % {"count": seconds // 3600}
    elif seconds < 7 * 86_400:
        words = gettext("%(count)s d") % {"count": seconds // 86_400}
    else:
        # Django would write French months with a capital.
        pattern = "d MMM" if moment.year == timezone.now().year else "d MMM y"
        words = format_date(moment, pattern, locale=(get_language() or "en").replace("-", "_"))
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(timespec="seconds"), words.replace(" ", NO_BREAK)
    )


@register.filter
def day(moment: datetime) -> SafeString:
    """Write a date with its exact time in `datetime`."""
    return format_html(
        '<time datetime="{}">{}</time>', moment.isoformat(timespec="seconds"), date_format(moment, "j F Y")
    )


@register.filter
def seeds(number: int | None) -> str:
    """Write a number of seeds in words."""
    return ngettext("%(count)s seed", "%(count)s seeds", number or 0) % {"count": parted(number or 0)}


@register.simple_tag(takes_context=True)
def slot(context: template.Context, name: str, subject: Any = None) -> SafeString:
    """Show what upper apps put into a named slot."""
    request = context.get("request")
    return mark_safe("".join(part(request, subject) for part in slot_parts(name)))  # noqa: S308 - parts return safe HTML.


@register.inclusion_tag("parts/field.html")
def field(bound: Any, *, kind: str = "") -> dict[str, Any]:
    """Show a form field: label above, control, hint or error below (LOOK.md)."""
    attributes: dict[str, str] = {}
    if bound.errors:
        attributes |= {"aria-invalid": "true", "aria-describedby": f"{bound.auto_id}-e"}
    elif bound.help_text:
        attributes |= {"aria-describedby": f"{bound.auto_id}-h"}
    return {"field": bound, "control": bound.as_widget(attrs=attributes), "kind": kind or _kind(bound)}


def _kind(bound: Any) -> str:
    return "tick" if getattr(bound.field.widget, "input_type", "") == "checkbox" else "field"


@register.filter
def ld_json(value: dict[str, Any]) -> SafeString:
    """Write JSON-LD for search engines; what could end the element is escaped."""
    text = json.dumps(value, ensure_ascii=False)
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return mark_safe(f'<script type="application/ld+json">{text}</script>')  # noqa: S308 - escaped just above.
