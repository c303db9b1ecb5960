"""The journal app; after each migration it makes sure that the journal has its head."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class JournalConfig(AppConfig):
    name = "largesse.journal"
    label = "journal"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Ask to be called after migrations, which may be the first."""
        post_migrate.connect(_ensure_head, sender=self)


def _ensure_head(sender: JournalConfig, using: str, **_: Any) -> None:
    del sender
    from largesse.journal.models import Head  # Models exist only once all apps are loaded.

    Head.objects.using(using).get_or_create(id=1)
