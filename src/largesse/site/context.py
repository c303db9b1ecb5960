"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

THEMES = frozenset({"light", "dark"})


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's settings, the visitor's theme, which a cookie holds, and their place in the masthead among account pages."""
    theme = request.COOKIES.get("theme", "")
    place = {"PLACE": "me"} if request.path.startswith("/account/") else {}
    return {"SITE": settings.CONFIG.site, "THEME": theme if theme in THEMES else "", **place}
