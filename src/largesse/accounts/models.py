"""Accounts: who acts, and in which role. Donors are not here: giving never needs an account."""

import hashlib
import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from largesse.kit.ids import new_public_id


def new_passkey() -> str:
    """Return a new secret of 128 bits, in hex, that names an account to the tracker."""
    return secrets.token_hex(16)


class Role(models.TextChoices):
    """What an account is trusted with."""

    MEMBER = "member", _("Member")
    PUBLISHER = "publisher", _("Publisher")
    MODERATOR = "moderator", _("Moderator")
    TREASURER = "treasurer", _("Treasurer")
    ADMINISTRATOR = "administrator", _("Administrator")


class User(AbstractUser):
    """An account. `public_id` is the only name of it that the journal knows."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)
    tracker_passkey = models.CharField(max_length=32, unique=True, default=new_passkey, editable=False)
    """Names the account to the tracker in members' mode; a secret, so the journal never has it."""

    class Meta(AbstractUser.Meta):
        constraints = (
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="account_role_is_known"
            ),
        )

    @property
    def actor(self) -> str:
        """How the journal names this account."""
        return f"account:{self.public_id}"


class ApiToken(models.Model):
    """A token for programs; only its SHA-256 is kept."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    token_hash = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class FirstAdministratorLink(models.Model):
    """The one-time link that makes the first administrator; only its SHA-256 is kept, and there is at most one."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    token_hash = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_first_administrator_link"),)

    def __str__(self) -> str:
        return "the first administrator's link"


def token_hash(token: str) -> str:
    """Return what is kept of a token: tokens have 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
