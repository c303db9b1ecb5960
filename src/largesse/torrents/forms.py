"""Forms of the index; the rules themselves are in rules/, so that the API and the command line follow them too."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from largesse.torrents.actions.list_torrent import ListingDraft
from largesse.torrents.models import Category
from largesse.torrents.rules.licences import COMMON


class UploadForm(forms.Form):
    """A .torrent file to read."""

    torrent = forms.FileField(
        label=_("The .torrent file"),
        widget=forms.FileInput(attrs={"accept": ".torrent,application/x-bittorrent"}),
        help_text=_("The file is read, nothing is published yet."),
    )

    def clean_torrent(self) -> Any:
        """Refuse a file that is too large before it is read."""
        upload = self.cleaned_data["torrent"]
        limit = settings.CONFIG.limits.metainfo_bytes
        if upload.size > limit:
            raise forms.ValidationError(
                _("The file has %(size)s bytes; at most %(limit)s are read. Make the torrent with larger pieces."),
                params={"size": upload.size, "limit": limit},
            )
        return upload


class ListingForm(forms.Form):
    """What a publisher says about a torrent."""

    title = forms.CharField(
        label=_("Title"),
        required=False,
        max_length=20_000,
        help_text=_("What it is, then edition and format. 200 characters at most."),
    )
    category = forms.ChoiceField(label=_("Category"), required=False)
    licence = forms.CharField(
        label=_("Licence"),
        required=False,
        max_length=1_000,
        widget=forms.TextInput(attrs={"list": "licences", "spellcheck": "false"}),
        help_text=_("As the SPDX list writes it, such as CC-BY-4.0 or “MIT OR Apache-2.0”. Empty: not stated."),
    )
    licence_note = forms.CharField(
        label=_("About the licence"),
        required=False,
        help_text=_("Free words, for example why it is in the public domain."),
    )
    language = forms.CharField(
        label=_("Language"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
        help_text=_("Of the content, such as en, fr or pt-BR. Empty: none, or not stated."),
    )
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Up to twelve, with commas between them."))
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("Markdown works. Say where the files come from and how to check them."),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            ("", pgettext_lazy("category", "None")),
            *((category.slug, category.label) for category in Category.objects.all()),
        ]
        self.fields["category"].choices = choices  # type: ignore[attr-defined]

    @property
    def licences(self) -> tuple[str, ...]:
        """Licences that are offered first."""
        return COMMON

    def draft(self) -> ListingDraft:
        """Return what was said; the form is valid."""
        said = self.cleaned_data
        return ListingDraft(
            title=said["title"],
            description=said["description"],
            category=said["category"],
            licence=said["licence"],
            licence_note=said["licence_note"],
            language=said["language"],
            tags=tuple(said["tags"].split(",")),
        )


class WithdrawForm(forms.Form):
    """Why a listing is withdrawn."""

    reason = forms.CharField(
        label=_("Why, in a sentence"),
        required=False,
        max_length=500,
        help_text=_("Stands in the public journal. You may leave it empty."),
    )
