"""
Where passkeys work: browsers bind them to a name, over https or on this very machine (WebAuthn, 5.1.3; Secure Contexts, 3.1).

An address such as 127.0.0.1 is no name, so a site that runs on its default address sends visitors to `localhost`, which is the
same machine under a name.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class PasskeyPlace:
    """Whether passkeys work where the visitor is, and else where they do."""

    is_here: bool
    elsewhere: str = ""
    """The same page where they work; empty: there is none."""


def passkey_place(request: HttpRequest) -> PasskeyPlace:
    """Say whether passkeys work at the address that the visitor's browser shows."""
    parts = urlsplit(f"//{request.get_host()}")
    host = parts.hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        is_this_machine = host == "localhost" or host.endswith(".localhost")
        return PasskeyPlace(is_here=is_this_machine or settings.SITE_ADDRESS.startswith("https://"))
    if not address.is_loopback:
        return PasskeyPlace(is_here=False)
    port = f":{parts.port}" if parts.port else ""
    return PasskeyPlace(is_here=False, elsewhere=f"http://localhost{port}{request.get_full_path()}")
