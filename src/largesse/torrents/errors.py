"""What can go wrong with listings."""

from largesse.kit.errors import BadInput, Conflict, NotFound, Unavailable, gettext_noop


class MalformedTorrent(BadInput):
    """The bytes are not acceptable metainfo; says where and why."""

    code = "malformed_torrent"
    status = 422
    template = gettext_noop("This .torrent file was refused at byte {offset}: {reason}")


class TooLarge(BadInput):
    """The upload is larger than a .torrent file may be."""

    code = "too_large"
    status = 413
    template = gettext_noop(
        "The upload is larger than the {limit_bytes} bytes that are read. Make the torrent with larger pieces, which need fewer checksums."
    )


class RuleBroken(BadInput):
    """A rule refuses what the listing says; `field` names the part. Each rule is a leaf with its own sentence."""

    code = "rule_broken"
    status = 422


class TitleMissing(RuleBroken):
    """Nothing is left of the title."""

    code = "title_missing"
    template = gettext_noop("The title is empty. Say what it is, then edition and format.")


class TextTooLong(RuleBroken):
    """A text is longer than its place."""

    code = "text_too_long"
    template = gettext_noop("This text has {length} characters; at most {most} fit. Shorten it.")


class TitleTooLong(RuleBroken):
    """The title is longer than a line of the catalogue."""

    code = "title_too_long"
    template = gettext_noop(
        "The title has {length} characters; at most {most} are shown. Shorten it; the description has room."
    )


class TooManyTags(RuleBroken):
    """There are more tags than a page shows."""

    code = "too_many_tags"
    template = gettext_noop("There are {count} tags; at most {most} are shown. Keep those that readers would look for.")


class TagTooLong(RuleBroken):
    """A tag is a sentence."""

    code = "tag_too_long"
    template = gettext_noop("The tag “{tag}…” is longer than {most} characters. Put commas between tags.")


class UnknownCategory(RuleBroken):
    """There is no such shelf."""

    code = "unknown_category"
    template = gettext_noop("There is no category “{category}”. Known are: {known}.")


class UnknownLicence(RuleBroken):
    """A name in the licence expression is not on the SPDX list."""

    code = "unknown_licence"
    template = gettext_noop(
        "“{licence}” is not a licence of the SPDX list. Did you mean {near}? Free words belong in the note about the licence."
    )


class UnreadableLicence(RuleBroken):
    """The licence is not an SPDX expression."""

    code = "unreadable_licence"
    template = gettext_noop(
        "“{licence}” cannot be read as a licence. Write a name of the SPDX list, or names joined by AND, OR and WITH."
    )


class UnknownLanguage(RuleBroken):
    """The language is not a tag of BCP 47."""

    code = "unknown_language"
    template = gettext_noop("“{language}” is not a language tag of BCP 47, such as en, fr or pt-BR.")


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
