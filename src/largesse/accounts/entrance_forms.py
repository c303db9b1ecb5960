"""allauth's forms in our manner: labels and hints, no placeholders (LOOK.md)."""

from typing import Any

from allauth.account import forms as account
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext_lazy as _

PASSWORD_HINT = _("Ten characters or more. A sentence is easier to remember than a word.")


class _Plain:
    """A form whose labels and hints say everything."""

    hints: dict[str, Any] = {}
    labels: dict[str, Any] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, forms.Field] = self.fields  # type: ignore[attr-defined]
        for name, field in fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.help_text = self.hints.get(name, "")
            field.label = self.labels.get(name, field.label)


class LoginForm(_Plain, account.LoginForm):  # type: ignore[misc]
    """Sign in with a password."""

    labels = {"login": _("Name or email"), "remember": _("Stay signed in on this device")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].widget.attrs["autocomplete"] = "username webauthn"


class SignupForm(_Plain, account.SignupForm):  # type: ignore[misc]
    """Make an account."""

    labels = {"username": _("Name"), "email": _("Email, if you like")}
    hints = {
        "username": _("You sign in with it; others see it."),
        "email": _("To set a new password when you forget it. Nobody sees it."),
        "password1": PASSWORD_HINT,
    }


class AddEmailForm(_Plain, account.AddEmailForm):  # type: ignore[misc]
    """Add a mail address."""

    labels = {"email": _("Email")}
    hints = {"email": _("We send a link to it, which confirms that it is yours.")}


class ChangePasswordForm(_Plain, account.ChangePasswordForm):  # type: ignore[misc]
    """Change the password."""

    labels = {"oldpassword": _("Present password"), "password1": _("New password"), "password2": _("The same again")}
    hints = {"password1": PASSWORD_HINT}


class SetPasswordForm(_Plain, account.SetPasswordForm):  # type: ignore[misc]
    """Set a password where there was none."""

    labels = {"password1": _("New password"), "password2": _("The same again")}
    hints = {"password1": PASSWORD_HINT}


class ResetPasswordForm(_Plain, account.ResetPasswordForm):  # type: ignore[misc]
    """Ask for a link that sets a new password."""

    labels = {"email": _("Email of your account")}


class ResetPasswordKeyForm(_Plain, account.ResetPasswordKeyForm):  # type: ignore[misc]
    """Set a new password by the link."""

    labels = {"password1": _("New password"), "password2": _("The same again")}
    hints = {"password1": PASSWORD_HINT}


class ReauthenticateForm(_Plain, account.ReauthenticateForm):  # type: ignore[misc]
    """Say the password once more."""


class CodeForm(_Plain, mfa.AuthenticateForm):  # type: ignore[misc]
    """Give a code of the app, or a recovery code."""

    labels = {"code": _("Code")}
    hints = {"code": _("Six digits of your app, or one of your recovery codes.")}


class ReauthenticateCodeForm(_Plain, mfa.ReauthenticateForm):  # type: ignore[misc]
    """Give a code once more."""

    labels = CodeForm.labels
    hints = CodeForm.hints


class ActivateTOTPForm(_Plain, totp.ActivateTOTPForm):  # type: ignore[misc]
    """Show that the app makes right codes."""

    labels = {"code": _("Code that the app shows now")}


class AddPasskeyForm(_Plain, webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """Add a passkey."""

    passwordless = forms.BooleanField(required=False, initial=True)
    labels = {"name": _("Name"), "passwordless": _("Sign in with it alone, without a password")}
    hints = {
        "name": _("What you call this device or key."),
        "passwordless": _(
            "The device then asks for a fingerprint, a face or a PIN. Without it, it is a second factor after the password."
        ),
    }


class RenamePasskeyForm(_Plain, webauthn.EditWebAuthnForm):  # type: ignore[misc]
    """Rename a passkey."""

    labels = {"name": _("Name")}
