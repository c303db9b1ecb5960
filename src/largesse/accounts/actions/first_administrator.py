"""Make the first administrator by a one-time link, while there is none."""

import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from largesse.accounts.errors import LinkUsed, NameTaken, WeakPassword
from largesse.accounts.models import FirstAdministratorLink, Role, User, token_hash
from largesse.journal.actions.append import append


@transaction.atomic
def first_administrator_link() -> str | None:
    """Return the path of a new one-time link, in place of any former one; None when there is an administrator."""
    if User.objects.filter(role=Role.ADMINISTRATOR).exists():
        return None
    token = secrets.token_urlsafe(32)
    FirstAdministratorLink.objects.update_or_create(id=1, defaults={"token_hash": token_hash(token)})
    return f"/account/first/{token}/"


def is_first_administrator_link(token: str) -> bool:
    """Return whether the link still works."""
    return FirstAdministratorLink.objects.filter(token_hash=token_hash(token)).exists()


@transaction.atomic
def make_first_administrator(token: str, *, username: str, email: str, password: str) -> User:
    """
    Make the first administrator; the link works once, also when two use it at the same time.

    Raises:
        LinkUsed: the link is wrong or was used.
        NameTaken: another account has that name.
        WeakPassword: the password is too weak; says why.
    """
    link = FirstAdministratorLink.objects.select_for_update().filter(token_hash=token_hash(token)).first()
    if link is None or User.objects.filter(role=Role.ADMINISTRATOR).exists():
        raise LinkUsed
    if User.objects.filter(username__iexact=username).exists():
        raise NameTaken(name=username)
    user = User(username=username, email=email, role=Role.ADMINISTRATOR)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(reason=" ".join(error.messages)) from error
    user.set_password(password)
    user.save()
    link.delete()
    append(kind="accounts.administrator_made", subject=user.actor, payload={"role": user.role})
    return user
