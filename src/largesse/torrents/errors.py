"""What can go wrong with listings."""

from largesse.kit.errors import BadInput, Conflict, NotFound, Unavailable, gettext_noop


class MalformedTorrent(BadInput):
    """The bytes are not acceptable metainfo; says where and why."""

    code = "malformed_torrent"
    status = 422
    template = gettext_noop("This .torrent file was refused at byte {offset}: {reason}")


class RuleBroken(BadInput):
    """A rule refuses what the listing says; `field` names the part."""

    code = "rule_broken"
    status = 422
    template = gettext_noop("{reason}")


class AlreadyListed(Conflict):
    """One of its info-hashes is listed; carries the listing's public id and path."""

    code = "already_listed"
    template = gettext_noop("This torrent is already here: {title} ({path}).")


class WithdrawnBefore(Conflict):
    """One of its info-hashes belongs to a listing that was withdrawn."""

    code = "withdrawn_before"
    template = gettext_noop(
        "This torrent was listed before and withdrawn: {path}. Its publisher or a moderator can list it again there."
    )


class EditedMeanwhile(Conflict):
    """Somebody else saved the listing since the form was opened."""

    code = "edited_meanwhile"
    template = gettext_noop(
        "Somebody else changed this listing meanwhile. Your text is kept below; compare it with the page and save again."
    )


class Gone(NotFound):
    """The listing was withdrawn."""

    code = "gone"
    status = 410
    template = gettext_noop("This torrent was withdrawn by its publisher and is no longer listed.")


class NoRoom(Unavailable):
    """The disk is full, or the store does not answer; nothing was listed."""

    code = "no_room"
    status = 507
    exit_code = 74
    template = gettext_noop(
        "The .torrent file could not be stored ({reason}). Nothing was listed. Tell the people who run this site, then try again."
    )
