"""Edit what a listing says, and keep what it said before."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import require
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.torrents.actions.list_torrent import ListingDraft, category_of, checked_draft
from largesse.torrents.errors import EditedMeanwhile
from largesse.torrents.models import Listing, ListingEdit, Tag
from largesse.torrents.permits import may_edit


@transaction.atomic
def edit_listing(
    listing: Listing, *, editor: User, draft: ListingDraft, version: int, clock: Clock = utc_now
) -> Listing:
    """
    Change what a listing says; a change that changes nothing is not recorded.

    Args:
        version: the version that the editor saw.

    Raises:
        NotPermitted: only its publisher and moderators edit a listing.
        EditedMeanwhile: somebody else saved it since.
        RuleBroken: a rule refuses a part; says which.
    """
    current = Listing.objects.select_for_update(of=("self",)).select_related("torrent", "category").get(pk=listing.pk)
    require(may_edit(editor, current))
    if current.version != version:
        raise EditedMeanwhile(version=current.version)
    checked = checked_draft(draft, name=current.torrent.name)
    before = said(current)
    after = {
        "title": checked.title,
        "description": checked.description,
        "category": checked.category,
        "licence": checked.licence,
        "licence_note": checked.licence_note,
        "language": checked.language,
        "tags": list(checked.tags),
    }
    changes = {field: [before[field], value] for field, value in after.items() if before[field] != value}
    if not changes:
        return current
    current.title = checked.title
    current.description = checked.description
    current.category = category_of(checked.category)
    current.licence = checked.licence
    current.licence_note = checked.licence_note
    current.language = checked.language
    current.version += 1
    current.save()
    if "tags" in changes:
        current.tags.all().delete()
        Tag.objects.bulk_create(Tag(listing=current, name=name) for name in checked.tags)
    ListingEdit.objects.create(
        listing=current, version=current.version, editor=editor, edited_at=clock(), changes=changes
    )
    payload = {"changed": sorted(changes), "title": current.title, "version": current.version}
    append(kind="torrents.edited", subject=current.subject, actor=editor.actor, payload=payload, clock=clock)
    return current


def said(listing: Listing) -> dict[str, object]:
    """Return what a listing says now, field by field."""
    return {
        "title": listing.title,
        "description": listing.description,
        "category": listing.category.slug if listing.category else "",
        "licence": listing.licence,
        "licence_note": listing.licence_note,
        "language": listing.language,
        "tags": sorted(listing.tags.values_list("name", flat=True)),
    }
