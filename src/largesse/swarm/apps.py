"""The swarm app."""

from django.apps import AppConfig


class SwarmConfig(AppConfig):
    name = "largesse.swarm"
    label = "swarm"
    default_auto_field = "django.db.models.BigAutoField"
