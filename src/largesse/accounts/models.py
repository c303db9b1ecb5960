"""Accounts: who acts, and in which role. Donors are not here: giving never needs an account."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from largesse.kit.ids import new_public_id


class Role(models.TextChoices):
    """What an account may do; each role may do all that the ones before it may."""

    MEMBER = "member", _("Member")
    PUBLISHER = "publisher", _("Publisher")
    MODERATOR = "moderator", _("Moderator")
    TREASURER = "treasurer", _("Treasurer")
    ADMINISTRATOR = "administrator", _("Administrator")


class User(AbstractUser):
    """An account. `public_id` is the only name of it that the journal knows."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    role = models.CharField(max_length=16, choices=Role, default=Role.MEMBER)

    class Meta(AbstractUser.Meta):
        pass

    @property
    def actor(self) -> str:
        """How the journal names this account."""
        return f"account:{self.public_id}"
