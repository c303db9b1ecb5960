"""The torrents app; after each migration it makes sure that the shelves are there."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class TorrentsConfig(AppConfig):
    name = "largesse.torrents"
    label = "torrents"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Ask to be called after migrations, which may be the first."""
        post_migrate.connect(_ensure_shelves, sender=self)


def _ensure_shelves(sender: TorrentsConfig, using: str, **_: Any) -> None:
    del sender
    from largesse.torrents.models import CATEGORY_LABELS, Category  # Models exist only once all apps are loaded.

    for position, slug in enumerate(CATEGORY_LABELS):
        Category.objects.using(using).get_or_create(slug=slug, defaults={"position": position})
