"""Where values come from: a TOML file and `LARGESSE_SECTION_KEY` variables; each value keeps its origin."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path

from largesse.kit.errors import BadSetting

NOT_SETTINGS = frozenset({"LARGESSE_DATA", "LARGESSE_CONFIG", "LARGESSE_TOKEN"})
"""Variables that say where settings are, rather than being one."""

Given = tuple[str, object, str]
"""A setting's key (`section.name`), the value as it was given, and where it was given."""


def variable_of(key: str) -> str:
    """Return the name of the variable that sets `key`: `web.listen` → `LARGESSE_WEB_LISTEN`."""
    return "LARGESSE_" + key.replace(".", "_").upper()


def from_file(path: Path, *, sections: Collection[str]) -> list[Given]:
    """Read a settings file; raise BadSetting when it cannot be read, is no TOML, or has a value outside the sections."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        allowed = "The settings file cannot be read: check its path and permissions."
        raise BadSetting(origin=str(path), key="--config", value=str(path), allowed=allowed) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(origin=str(path), key="file", value=str(error), allowed="It must be TOML in UTF-8.") from error
    rows: list[Given] = []
    for section, values in document.items():
        if not isinstance(values, dict):
            allowed = f"Settings stand in sections: {', '.join(sections)}."
            raise BadSetting(origin=str(path), key=section, value=values, allowed=allowed)
        rows += [(f"{section}.{name}", value, str(path)) for name, value in values.items()]
    return rows


def from_variables(environ: Mapping[str, str], *, keys: Collection[str]) -> list[Given]:
    """Read the variables that set one of `keys`; raise BadSetting for one of the program's that sets none."""
    key_of = {variable_of(key): key for key in keys}
    rows: list[Given] = []
    for variable, value in sorted(environ.items()):
        if variable.startswith("LARGESSE_") and variable not in NOT_SETTINGS:
            if variable not in key_of:
                allowed = "There is no such setting; `largesse config` lists them all."
                raise BadSetting(origin="environment", key=variable, value=value, allowed=allowed)
            rows.append((key_of[variable], value, f"variable {variable}"))
    return rows
