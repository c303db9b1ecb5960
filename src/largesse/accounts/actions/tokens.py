"""Make and revoke tokens for programs, and reset the secret that names an account to the tracker."""

import secrets
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from largesse.accounts.models import ApiToken, User, new_passkey, token_hash
from largesse.journal.actions.append import append


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; the secret is shown once."""

    secret: str
    token: ApiToken


@transaction.atomic
def make_token(user: User, *, name: str) -> NewToken:
    """Make a token that acts for `user`."""
    secret = f"largesse_{secrets.token_urlsafe(32)}"
    token = ApiToken.objects.create(user=user, name=name.strip()[:80] or "token", token_hash=token_hash(secret))
    return NewToken(secret, token)


@transaction.atomic
def revoke_token(user: User, *, token_id: int) -> None:
    """Revoke one of the account's own tokens; it stops working at once."""
    ApiToken.objects.filter(user=user, id=token_id, revoked_at=None).update(revoked_at=timezone.now())


@transaction.atomic
def reset_passkey(user: User) -> str:
    """Give the account a new secret for the tracker; the former one is refused within a second."""
    user.tracker_passkey = new_passkey()
    user.save(update_fields=["tracker_passkey"])
    append(kind="accounts.passkey_changed", subject=user.actor, actor=user.actor)
    return user.tracker_passkey
