"""What every page's template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's name and operator."""
    del request
    return {"SITE": settings.CONFIG.site, "SITE_ADDRESS": settings.SITE_ADDRESS}
