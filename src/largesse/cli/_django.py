"""Set Django up for a command, with the data folder and the options that the command was given."""

import os
from collections.abc import Mapping
from pathlib import Path

import django
from django.conf import settings

from largesse.config import Config, variable_of


def start_django(
    *, data: Path | None = None, config_file: Path | None = None, options: Mapping[str, object] | None = None
) -> Config:
    """
    Make the settings of `data` (else LARGESSE_DATA, else ./largesse-data) this process's own; return them.

    Args:
        options: `section.key` to value, which win over the file; None values are passed over.

    Raises:
        BadSetting: a setting is unknown or has a value that is not allowed.
    """
    if data is not None:
        os.environ["LARGESSE_DATA"] = str(data)
    if config_file is not None:
        os.environ["LARGESSE_CONFIG"] = str(config_file)
    os.environ.update({variable_of(key): str(value) for key, value in (options or {}).items() if value is not None})
    os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
    django.setup()
    config: Config = settings.CONFIG
    return config
