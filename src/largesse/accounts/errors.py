"""What can go wrong with accounts."""

from largesse.kit.errors import BadInput, Conflict, NotFound, NotPermitted, Unavailable, gettext_noop


class NotSignedIn(NotPermitted):
    """The API needs a token."""

    code = "not_signed_in"
    status = 401
    template = gettext_noop(
        "A valid token is needed: send it as “Authorization: Bearer …”. Your account page makes one."
    )


class LinkUsed(NotFound):
    """The one-time link is wrong or was used."""

    code = "link_used"
    template = gettext_noop(
        "This link was used already, or is not whole. Start the program again to get a new one while there is no administrator."
    )


class NameTaken(Conflict):
    """Another account has that name."""

    code = "name_taken"
    template = gettext_noop("There is already an account named {name}. Choose another name.")


class NoSuchAccount(NotFound):
    """Nobody has that name."""

    code = "no_such_account"
    template = gettext_noop("There is no account named {name}. Check the spelling.")


class LastAdministrator(Conflict):
    """The last administrator cannot step down."""

    code = "last_administrator"
    template = gettext_noop("This is the last administrator. Make another one first.")


class WeakPassword(BadInput):
    """The password is too weak."""

    code = "weak_password"
    template = gettext_noop("{reason}")


class SecondFactorUnreadable(Unavailable):
    """The key that second factors were encrypted with is gone."""

    code = "second_factor_unreadable"
    template = gettext_noop(
        "The second factor cannot be read: the key of this site has changed. Whoever runs it must put the former key back."
    )
