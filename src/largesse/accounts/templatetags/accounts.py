"""What the pages of sign-in ask for."""

from typing import Any

from django import template

from largesse.accounts.passkeys import PasskeyPlace, passkey_place

register = template.Library()


@register.simple_tag(takes_context=True)
def passkeys(context: template.Context) -> PasskeyPlace:
    """Say whether passkeys work where the visitor is."""
    request: Any = context["request"]
    return passkey_place(request)
