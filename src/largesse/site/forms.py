"""Forms of the site's own pages."""

from django import forms
from django.utils.translation import gettext_lazy as _


class NewsForm(forms.Form):
    """A piece of news."""

    title = forms.CharField(label=_("Title"), max_length=200)
    text = forms.CharField(
        label=_("Text"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 8}), help_text=_("Markdown works.")
    )
