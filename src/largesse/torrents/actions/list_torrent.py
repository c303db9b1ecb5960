"""List a torrent, and so permit its announce keys."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.db import IntegrityError, OperationalError, transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_publish, require
from largesse.journal.actions.append import append
from largesse.kit.clock import Clock, utc_now
from largesse.torrents.blobs import says_no_room, store_blob
from largesse.torrents.errors import AlreadyListed, MalformedTorrent, NoRoom, UnknownCategory, WithdrawnBefore
from largesse.torrents.metainfo import Metainfo, scan
from largesse.torrents.models import AnnounceKeyEntry, Category, Listing, State, Tag, Torrent, TorrentFile
from largesse.torrents.queries import existing_listing
from largesse.torrents.rules.licences import checked_licence
from largesse.torrents.rules.texts import (
    checked_description,
    checked_language,
    checked_note,
    checked_tags,
    checked_title,
)

MOST_FILES = 200_000
"""Files beyond this are not kept one by one; the .torrent file has them all."""


@dataclass(frozen=True, slots=True)
class ListingDraft:
    """What a publisher says about a torrent; an empty title takes the torrent's own name."""

    title: str = ""
    description: str = ""
    category: str = ""
    licence: str = ""
    licence_note: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()


def list_torrent(*, publisher: User, metainfo_bytes: bytes, listing: ListingDraft, clock: Clock = utc_now) -> Listing:
    """
    List a torrent and permit its announce keys: both or neither.

    The bytes are stored first, then everything else is one transaction; bytes whose listing failed are removed by a job.

    Args:
        metainfo_bytes: the .torrent file, at most `limits.metainfo_bytes` bytes; kept byte for byte.

    Raises:
        NotPermitted: the account may not publish.
        MalformedTorrent: the bytes are not valid metainfo (BEP 3, BEP 52); says where and why.
        RuleBroken: a rule refuses the title, licence, description, category or tags; says which.
        AlreadyListed: one of its info-hashes is listed; carries the listing.
        WithdrawnBefore: one of its info-hashes belongs to a withdrawn listing.
        NoRoom: the disk is full; neither the bytes nor the listing are kept.
    """
    require(may_publish(publisher))
    metainfo = accepted_metainfo(metainfo_bytes)
    draft = checked_draft(listing, name=metainfo.name)
    refuse_duplicates(metainfo)
    sha256 = store_blob(metainfo_bytes)
    try:
        with transaction.atomic():
            refuse_duplicates(metainfo)
            torrent = _keep_torrent(metainfo, sha256=sha256, size_bytes=len(metainfo_bytes))
            made = Listing.objects.create(
                torrent=torrent,
                publisher=publisher,
                title=draft.title,
                description=draft.description,
                category=category_of(draft.category),
                licence=draft.licence,
                licence_note=draft.licence_note,
                language=draft.language,
                listed_at=clock(),
            )
            Tag.objects.bulk_create(Tag(listing=made, name=name) for name in draft.tags)
            append(
                kind="torrents.listed",
                subject=made.subject,
                actor=publisher.actor,
                payload=public_facts(made),
                clock=clock,
            )
            store_blob(metainfo_bytes)  # Under the journal's lock, in case a sweep took old bytes of the same name.
    except IntegrityError as error:
        refuse_duplicates(metainfo)  # Somebody listed the same torrent in the same moment.
        raise error from None
    except OperationalError as error:
        if says_no_room(error):
            raise NoRoom(reason="the database has no room left") from error
        raise
    return made


def accepted_metainfo(metainfo_bytes: bytes) -> Metainfo:
    """Return what the file says; raise MalformedTorrent with the first refusal when it is not accepted."""
    found = scan(metainfo_bytes, maximum_bytes=settings.CONFIG.limits.metainfo_bytes)
    if found.metainfo is None or found.refusals:
        first = found.refusals[0]
        refusals = [f"{problem.code} at byte {problem.offset}: {problem.message}" for problem in found.refusals]
        raise MalformedTorrent(reason=first.message, offset=first.offset, refusals=refusals)
    return found.metainfo


def checked_draft(draft: ListingDraft, *, name: str) -> ListingDraft:
    """Return the draft as it will be kept; raise RuleBroken for the first rule that refuses it."""
    category_of(draft.category)
    return replace(
        draft,
        title=checked_title(draft.title or name[:200]),
        description=checked_description(draft.description),
        licence=checked_licence(draft.licence),
        licence_note=checked_note(draft.licence_note),
        language=checked_language(draft.language),
        tags=tuple(checked_tags(draft.tags)),
    )


def category_of(slug: str) -> Category | None:
    """Return the category, None for none; raise RuleBroken for an unknown one."""
    if not slug:
        return None
    found = Category.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Category.objects.values_list("slug", flat=True))
        raise UnknownCategory(field="category", category=slug[:40], known=known)
    return found


def refuse_duplicates(metainfo: Metainfo) -> None:
    """Raise AlreadyListed or WithdrawnBefore when an announce key belongs to a listing."""
    existing = existing_listing(metainfo)
    if existing is None:
        return
    error = AlreadyListed if existing.state == State.LISTED else WithdrawnBefore
    raise error(listing=existing.public_id, title=existing.title, path=existing.path)


def public_facts(listing: Listing) -> dict[str, object]:
    """Return what the journal tells of a listing."""
    torrent = listing.torrent
    return {
        "announce_keys": torrent.announce_keys,
        "category": listing.category.slug if listing.category else None,
        "language": listing.language,
        "licence": listing.licence,
        "size_bytes": torrent.size_bytes,
        "title": listing.title,
        "v1": torrent.v1,
        "v2": torrent.v2,
    }


def _keep_torrent(metainfo: Metainfo, *, sha256: str, size_bytes: int) -> Torrent:
    keys = [key.hex() for key in metainfo.announce_keys]
    torrent = Torrent.objects.create(
        v1=metainfo.v1.hex() if metainfo.v1 else None,
        v2=metainfo.v2.hex() if metainfo.v2 else None,
        swarm_key=keys[0],
        name=metainfo.name,
        size_bytes=metainfo.size_bytes,
        piece_length_bytes=metainfo.piece_length_bytes,
        file_count=len(metainfo.files),
        is_private=metainfo.is_private,
        metainfo_sha256=sha256,
        metainfo_size_bytes=size_bytes,
    )
    AnnounceKeyEntry.objects.bulk_create(AnnounceKeyEntry(key=key, torrent=torrent) for key in keys)
    TorrentFile.objects.bulk_create(
        (
            TorrentFile(
                torrent=torrent,
                position=position,
                path=file.path,
                size_bytes=file.size_bytes,
                pieces_root=file.pieces_root.hex() if file.pieces_root else None,
            )
            for position, file in enumerate(metainfo.files[:MOST_FILES])
        ),
        batch_size=500,
    )
    return torrent
