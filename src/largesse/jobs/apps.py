"""The jobs app; once all apps are loaded it gathers what they do in the background."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class JobsConfig(AppConfig):
    name = "largesse.jobs"
    label = "jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import each app's `tasks.py`, where there is one."""
        autodiscover_modules("tasks")
