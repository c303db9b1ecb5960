"""Set Django up for a command, with the data folder and the options that the command was given."""

import os
from pathlib import Path

import django
from django.conf import settings

from largesse.config import Config


def start_django(*, data: Path | None = None, config_file: Path | None = None) -> Config:
    """Make the settings of `data` (else LARGESSE_DATA, else ./largesse-data) this process's own; return them."""
    if data is not None:
        os.environ["LARGESSE_DATA"] = str(data)
    if config_file is not None:
        os.environ["LARGESSE_CONFIG"] = str(config_file)
    os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
    django.setup()
    config: Config = settings.CONFIG
    return config
