"""The torrents app."""

from django.apps import AppConfig


class TorrentsConfig(AppConfig):
    name = "largesse.torrents"
    label = "torrents"
    default_auto_field = "django.db.models.BigAutoField"
