"""Set Django up for a command, with the data folder and the options that the command was given."""

import os
from collections.abc import Mapping
from pathlib import Path

import django
from django.conf import settings

from largesse.cli._folder import FolderMissing, FolderUnusable, require_prepared
from largesse.config.settings import Config
from largesse.config.sources import variable_of

DATABASE = "largesse.sqlite3"
"""The file of the data folder that has the facts, unless PostgreSQL has them."""


def start_django(
    *, data: Path | None = None, config_file: Path | None = None, options: Mapping[str, object] | None = None
) -> Config:
    """
    Make the settings of `data` (else LARGESSE_DATA, else ./largesse-data) this process's own; return them.

    Args:
        options: `section.key` to value, which win over the file; None values are passed over.

    Raises:
        BadSetting: a setting is unknown or has a value that is not allowed.
        FolderUnusable: the data folder cannot be made or written.
    """
    if data is not None:
        os.environ["LARGESSE_DATA"] = str(data)
    if config_file is not None:
        os.environ["LARGESSE_CONFIG"] = str(config_file)
    os.environ.update({variable_of(key): str(value) for key, value in (options or {}).items() if value is not None})
    os.environ["DJANGO_SETTINGS_MODULE"] = "largesse.site.settings"
    try:
        django.setup()
    except OSError as error:  # The secrets that are kept in the folder.
        folder = Config.load(data=data, file=config_file).data
        raise FolderUnusable(folder=folder, reason=(error.strerror or str(error)).lower()) from error
    config: Config = settings.CONFIG
    return config


def open_folder(*, data: Path | None = None, config_file: Path | None = None) -> Config:
    """
    Set Django up over a data folder that is there, for a command that makes none.

    Raises:
        BadSetting: a setting is unknown or has a value that is not allowed.
        FolderMissing: there is none; nothing was made.
        FolderOutdated: it is of another version of the program.
        FolderUnusable: its database cannot be read.
    """
    wanted = Config.load(data=data, file=config_file)
    if not wanted.database.url and not (wanted.data / DATABASE).is_file():
        raise FolderMissing(folder=wanted.data)
    config = start_django(data=data, config_file=config_file)
    require_prepared(config.data)
    return config
