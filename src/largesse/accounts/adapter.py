"""How sign-in fits this site: whether visitors may make accounts."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Follows `site.registration`."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return whether visitors may make accounts."""
        del request
        return bool(settings.CONFIG.site.registration == "open")
