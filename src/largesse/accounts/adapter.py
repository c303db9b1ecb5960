"""
How allauth fits this site: who may make an account, where links in mail lead, and what passkeys are bound to.

Links are made from `site.address`, never from the Host header: whoever asks for somebody's new password could write into that
header where the link leads (OWASP, Forgot Password Cheat Sheet).
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context as allauth_context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from largesse.accounts.errors import SecondFactorUnreadable
from largesse.accounts.models import User


@dataclass(frozen=True, slots=True)
class MailedSite:
    """What a mail says of the site."""

    name: str
    domain: str


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Follows the settings of the site."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Return whether visitors may make accounts."""
        del request
        return bool(settings.CONFIG.site.registration == "open")

    def format_email_subject(self, subject: str) -> str:
        """Put the site's name before a subject."""
        return f"[{settings.CONFIG.site.name}] {subject}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail whose links lead to the site's own address."""
        pinned = {name: _on_site(value) for name, value in context.items() if name.endswith("_url")}
        named = MailedSite(settings.CONFIG.site.name, settings.SITE_ADDRESS)
        super().send_mail(template_prefix, email, {**context, **pinned, "current_site": named})

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        """Name the ways in which the account may show once more that it is its owner."""
        words = {
            "reauthenticate": _("Use your password"),
            "mfa_reauthenticate": _("Use a code of your app, or a recovery code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        ways: list[dict[str, str]] = super().get_reauthentication_methods(user)
        return [{**way, "description": words.get(way["id"], way["description"])} for way in ways]


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Passkeys of this site, and secrets of second factors that the database alone does not tell."""

    def get_totp_label(self, user: User) -> str:
        """Name the account in the app that makes codes: by the name that it signs in with."""
        return user.username

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the host of `site.address`; without one, to the name in the address bar (WebAuthn, 5.1.2)."""
        address = settings.CONFIG.site.address or f"http://{allauth_context.request.get_host()}"
        return {"id": urlsplit(address).hostname or "localhost", "name": settings.CONFIG.site.name}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, Any]:
        """Show the account's name where a device lists its passkeys."""
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return entity | {"name": user.username, "display_name": user.username}

    def generate_authenticator_name(self, user: User, type: str) -> str:  # noqa: A002 - its name in the library.
        """Suggest a name for the next passkey."""
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}

    def encrypt(self, text: str) -> str:
        """Encrypt a secret that the database keeps."""
        return _cipher().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """
        Read a secret that the database keeps.

        Raises:
            SecondFactorUnreadable: the site's key is another one than when it was kept.
        """
        try:
            return _cipher().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise SecondFactorUnreadable from error


def _on_site(url: str) -> str:
    """Return an absolute URL at the site's own address."""
    site = urlsplit(settings.SITE_ADDRESS)
    return urlsplit(url)._replace(scheme=site.scheme, netloc=site.netloc).geturl()


def _cipher() -> Fernet:
    """Return the cipher of second factors; its key is derived from the site's key (HKDF, RFC 5869)."""
    derived = HKDF(SHA256(), 32, salt=None, info=b"largesse second factors").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
