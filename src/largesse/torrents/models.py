"""
Torrents and listings.

A torrent is one info dictionary with its exact bytes; a listing is what the site says about it. Hashes are kept in hex, since
both databases compare and show text alike.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from largesse.kit.ids import new_public_id


class Category(models.Model):
    """A shelf of the catalogue."""

    slug = models.SlugField(max_length=32, unique=True)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ("position",)

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The shelf's name in the visitor's language."""
        return str(CATEGORY_LABELS.get(self.slug, self.slug))


CATEGORY_LABELS = {
    "software": _("Software"),
    "data": _("Data"),
    "text": pgettext_lazy("category", "Text"),
    "film": _("Film"),
    "sound": _("Sound"),
    "images": _("Images"),
    "maps": _("Maps"),
    "models": _("Models"),
    "other": pgettext_lazy("category", "Other"),
}
"""The shelves that every site has, in order."""


class Torrent(models.Model):
    """One info dictionary with its exact bytes."""

    v1 = models.CharField(max_length=40, unique=True, null=True)
    v2 = models.CharField(max_length=64, unique=True, null=True)
    swarm_key = models.CharField(max_length=40, unique=True)
    """The first announce key; it names the swarm."""
    name = models.TextField()
    size_bytes = models.BigIntegerField()
    piece_length_bytes = models.BigIntegerField()
    file_count = models.PositiveIntegerField()
    is_private = models.BooleanField(default=False)
    metainfo_sha256 = models.CharField(max_length=64)
    metainfo_size_bytes = models.PositiveIntegerField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(v1__isnull=False) | models.Q(v2__isnull=False), name="torrent_has_a_hash"
            ),
            models.CheckConstraint(condition=models.Q(size_bytes__gt=0), name="torrent_has_bytes"),
            models.CheckConstraint(condition=models.Q(piece_length_bytes__gt=0), name="torrent_has_pieces"),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def announce_keys(self) -> list[str]:
        """The keys that clients announce, in hex."""
        return [key for key in (self.v1, self.v2[:40] if self.v2 else None) if key]


class AnnounceKeyEntry(models.Model):
    """One announce key; no two torrents share one, across both versions."""

    key = models.CharField(max_length=40, primary_key=True)
    torrent = models.ForeignKey(Torrent, on_delete=models.PROTECT, related_name="keys")

    def __str__(self) -> str:
        return self.key


class TorrentFile(models.Model):
    """One file of a torrent; padding is left out."""

    torrent = models.ForeignKey(Torrent, on_delete=models.PROTECT, related_name="files")
    position = models.PositiveIntegerField()
    path = models.TextField()
    size_bytes = models.BigIntegerField()
    pieces_root = models.CharField(max_length=64, null=True, db_index=True)
    """v2: equal roots mean equal bytes, whatever the name."""

    class Meta:
        ordering = ("position",)
        constraints = (
            models.UniqueConstraint(fields=("torrent", "position"), name="one_file_per_position"),
            models.CheckConstraint(condition=models.Q(size_bytes__gte=0), name="file_size_is_not_negative"),
        )

    def __str__(self) -> str:
        return self.path


class State(models.TextChoices):
    """Whether a listing is shown."""

    LISTED = "listed", _("Listed")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class Listing(models.Model):
    """What the site says about a torrent."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    torrent = models.OneToOneField(Torrent, on_delete=models.PROTECT, related_name="listing")
    publisher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="listings")
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    """Markdown."""
    category = models.ForeignKey(Category, on_delete=models.PROTECT, null=True, related_name="listings")
    licence = models.CharField(max_length=200, blank=True)
    """An SPDX expression; empty where it is not stated."""
    licence_note = models.TextField(blank=True)
    """Free words about the licence."""
    language = models.CharField(max_length=16, blank=True)
    """Of the content, as a tag of BCP 47; empty where it is not stated or there is none."""
    state = models.CharField(max_length=16, choices=State, default=State.LISTED)
    listed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    """Counts edits, so that two people cannot overwrite each other unseen."""

    class Meta:
        indexes = (
            models.Index(fields=("state", "-listed_at")),
            models.Index(fields=("publisher", "-listed_at")),
            models.Index(fields=("category", "-listed_at")),
        )
        constraints = (
            models.CheckConstraint(condition=~models.Q(title=""), name="listing_has_a_title"),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in State]), name="listing_state_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Return the page's path."""
        return f"/t/{self.public_id}/"

    @property
    def is_withdrawn(self) -> bool:
        """Whether its publisher took it off the site."""
        return self.state == State.WITHDRAWN

    @property
    def subject(self) -> str:
        """How the journal names this listing."""
        return f"listing:{self.public_id}"

    @property
    def path(self) -> str:
        """The listing's page on the site."""
        return self.get_absolute_url()


class Tag(models.Model):
    """A word that a publisher put on a listing."""

    listing = models.ForeignKey(Listing, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=40, db_index=True)

    class Meta:
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("listing", "name"), name="one_tag_per_listing"),)

    def __str__(self) -> str:
        return self.name


class ListingEdit(models.Model):
    """One change of a listing, with what it was before; the history of a page. The database refuses to change a row."""

    listing = models.ForeignKey(Listing, on_delete=models.PROTECT, related_name="edits")
    version = models.PositiveIntegerField()
    """The version that this change made."""
    editor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    edited_at = models.DateTimeField()
    changes = models.JSONField()
    """Field → [before, after]."""

    class Meta:
        ordering = ("-version",)
        constraints = (models.UniqueConstraint(fields=("listing", "version"), name="one_edit_per_version"),)

    def __str__(self) -> str:
        return f"{self.listing_id} version {self.version}"


class Draft(models.Model):
    """An uploaded .torrent file that was read but not published; kept for a day so that nothing is typed twice."""

    public_id = models.CharField(max_length=16, unique=True, default=new_public_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    file_name = models.CharField(max_length=255)
    content = models.BinaryField()
    made_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.file_name
