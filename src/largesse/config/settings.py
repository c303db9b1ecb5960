"""
Config: every setting of the program, typed, with where each value came from.

Order, later wins: the built-in default, `largesse.toml` (in the data folder, or the file that `--config` names),
`LARGESSE_SECTION_KEY` variables, options of the command line. An unknown key or a value that is not allowed is refused with
the key, the value and what is allowed.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from largesse.config.sections import (
    DatabaseConfig,
    FundConfig,
    LimitsConfig,
    MailConfig,
    SecretsConfig,
    SiteConfig,
    TrackerConfig,
    WebConfig,
)
from largesse.config.sources import from_file, from_variables
from largesse.kit.errors import BadSetting

SETTINGS_FILE = "largesse.toml"
DEFAULT_DATA_FOLDER = "largesse-data"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one setting's value came from: `default`, a file, a variable or an option."""

    key: str
    value: Any
    origin: str
    help: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, with the data folder it belongs to."""

    data: Path
    site: SiteConfig = field(default_factory=SiteConfig)
    web: WebConfig = field(default_factory=WebConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    database: DatabaseConfig = field(default_factory=DatabaseConfig)
    mail: MailConfig = field(default_factory=MailConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    secrets: SecretsConfig = field(default_factory=SecretsConfig)
    fund: FundConfig = field(default_factory=FundConfig)
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        *,
        data: Path | None = None,
        file: Path | None = None,
        environ: Mapping[str, str] | None = None,
        options: Mapping[str, object] | None = None,
        is_alone: bool = False,
    ) -> "Config":
        """
        Gather the settings.

        Args:
            data: the data folder; None takes LARGESSE_DATA, else `./largesse-data`.
            is_alone: there is no data folder, so no settings file is looked for in one.
            file: the settings file; None takes `largesse.toml` in the data folder, if there is one.
            environ: variables to read; None takes the process's own.
            options: `section.key` to value, from the command line; None values are passed over.

        Raises:
            BadSetting: an unknown key, or a value that is not allowed.
        """
        environ = os.environ if environ is None else environ
        folder = (data or Path(environ.get("LARGESSE_DATA") or DEFAULT_DATA_FOLDER)).expanduser().resolve()
        config = cls(data=folder)
        named = file or (Path(environ["LARGESSE_CONFIG"]) if environ.get("LARGESSE_CONFIG") else None)
        found = None if is_alone or not (folder / SETTINGS_FILE).is_file() else folder / SETTINGS_FILE
        chosen = named or found
        given = [] if chosen is None else from_file(chosen, sections=SECTIONS)
        given += from_variables(environ, keys=_all_keys())
        given += [(key, value, "command line") for key, value in (options or {}).items() if value is not None]
        for key, value, origin in given:
            config = config.with_value(key, value, origin=origin)
        return config

    def with_value(self, key: str, value: object, *, origin: str) -> "Config":
        """Return a config with `key` (`section.name`) set; raise BadSetting when that is not allowed."""
        section_name, _, name = key.partition(".")
        section = getattr(self, section_name, None) if section_name in SECTIONS else None
        known = {item.name: item for item in fields(section)} if section is not None else {}
        if section is None or name not in known:
            raise BadSetting(
                origin=origin, key=key, value=value, allowed=f"There is no such setting; known are: {_near(key)}."
            )
        declared = known[name].metadata
        try:
            parsed = declared["parse"](value)
        except (TypeError, ValueError) as error:
            shown = "…" if declared["secret"] else value
            raise BadSetting(origin=origin, key=key, value=shown, allowed=declared["allowed"]) from error
        changed = {section_name: replace(section, **{name: parsed}), "origins": {**self.origins, key: origin}}
        return replace(self, **changed)

    def effective(self) -> list[Origin]:
        """Return every setting with its value and where it came from, in the order they are declared."""
        rows = []
        for section_name in SECTIONS:
            section = getattr(self, section_name)
            for item in fields(section):
                key = f"{section_name}.{item.name}"
                value = getattr(section, item.name)
                origin = self.origins.get(key, "default")
                rows.append(Origin(key, value, origin, item.metadata["help"], item.metadata["secret"]))
        return rows


SECTIONS = tuple(item.name for item in fields(Config) if item.name not in {"data", "origins"})


def _all_keys() -> list[str]:
    return [origin.key for origin in Config(data=Path()).effective()]


def _near(key: str) -> str:
    section = key.partition(".")[0]
    keys = _all_keys()
    return ", ".join([known for known in keys if known.startswith(f"{section}.")] or SECTIONS)
