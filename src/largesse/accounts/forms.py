"""Forms of the account pages."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from largesse.accounts.models import Role


class FirstAdministratorForm(forms.Form):
    """Name, mail and password of the first administrator."""

    username = forms.CharField(
        label=_("Name"),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text=_("You sign in with it; others see it."),
    )
    email = forms.EmailField(label=_("Email"), required=False, help_text=_("To set a new password when you forget it."))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Ten characters or more. A sentence is easier to remember than a word."),
    )


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(
        label=pgettext_lazy("access token", "What it is for"),
        max_length=80,
        help_text=_("For example: upload script on the file server."),
    )


class RoleForm(forms.Form):
    """The role of an account."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
