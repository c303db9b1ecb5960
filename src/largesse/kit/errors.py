"""
The error tree: what can go wrong, in families that every surface knows how to tell.

Each app defines its own errors in its `errors.py`, as leaves of the families below. An error carries a stable `code`, its
data as `fields`, and a sentence that says what happened and what to do next. The sentence is a template in English, marked
for translation; `site` translates it for a page, the API sends it with the code, the command line prints it.
"""

from typing import Any, ClassVar


def gettext_noop(message: str) -> str:
    """Mark a message for translation; the surface that shows it translates it."""
    return message


class LargesseError(Exception):
    """The root: something went wrong in a way that we understand and can explain."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    """HTTP status of RFC 9110 that the web and the API answer with."""
    exit_code: ClassVar[int] = 1
    """Exit status of the command line, after sysexits.h."""
    template: ClassVar[str] = gettext_noop("Something went wrong. Nothing was changed. Try again.")

    def __init__(self, **fields: Any) -> None:
        self.fields: dict[str, Any] = fields
        super().__init__(self.template.format_map(fields))

    @property
    def message(self) -> str:
        """The sentence in English."""
        return self.template.format_map(self.fields)


class BadInput(LargesseError):
    """What was given cannot be accepted as it is."""

    code = "bad_input"
    status = 400
    exit_code = 65
    template = gettext_noop("What you gave cannot be accepted. Check it and try again.")


class NotPermitted(LargesseError):
    """The one who asks may not do this."""

    code = "not_permitted"
    status = 403
    exit_code = 77
    template = gettext_noop("Your account may not do this. Ask an administrator for the role it needs.")


class NotFound(LargesseError):
    """The thing asked for is not here."""

    code = "not_found"
    status = 404
    exit_code = 66
    template = gettext_noop("There is nothing at this address.")


class Conflict(LargesseError):
    """The thing is in a state that does not allow this."""

    code = "conflict"
    status = 409
    exit_code = 65
    template = gettext_noop("This cannot be done in the present state. Reload and look again.")


class LimitReached(LargesseError):
    """A limit that protects the site or its visitors holds this back for now."""

    code = "limit_reached"
    status = 429
    exit_code = 75
    template = gettext_noop("That was too much at once. Wait a little and try again.")


class Unavailable(LargesseError):
    """A part that is needed does not answer or has no room; nothing was changed."""

    code = "unavailable"
    status = 503
    exit_code = 69
    template = gettext_noop("A part of the site does not answer. Nothing was changed. Try again in a minute.")


class BadSetting(LargesseError):
    """A setting is unknown or has a value that is not allowed."""

    code = "bad_setting"
    exit_code = 78
    template = gettext_noop("{origin}: {key} = {value!r} is not allowed. {allowed}")
