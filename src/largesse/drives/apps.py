"""The drives app."""

from django.apps import AppConfig


class DrivesConfig(AppConfig):
    name = "largesse.drives"
    label = "drives"
    default_auto_field = "django.db.models.BigAutoField"
