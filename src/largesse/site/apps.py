"""The site app."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "largesse.site"
    label = "site"
    default_auto_field = "django.db.models.BigAutoField"
