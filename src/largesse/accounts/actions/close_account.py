"""Close an account: nobody signs in with it any longer, and its programs and clients are refused."""

from django.db import transaction
from django.utils import timezone

from largesse.accounts.errors import LastAdministrator
from largesse.accounts.models import ApiToken, User
from largesse.accounts.permits import may_administer, require
from largesse.accounts.queries import is_last_administrator
from largesse.journal.actions.append import append
from largesse.journal.models import Head


@transaction.atomic
def close_account(account: User, *, administrator: User) -> User:
    """
    Close `account`; nothing happens when it is closed.

    Its sessions end with the next request, its tokens are revoked, and its tracker key is refused within a second. What it
    published stays.

    Raises:
        NotPermitted: only administrators close accounts.
        LastAdministrator: nobody would be left to give roles.
    """
    Head.objects.select_for_update().get(id=1)
    administrator.refresh_from_db(fields=["role", "is_active"])
    account.refresh_from_db(fields=["role", "is_active"])
    require(may_administer(administrator))
    if not account.is_active:
        return account
    if is_last_administrator(account):
        raise LastAdministrator
    account.is_active = False
    account.save(update_fields=["is_active"])
    ApiToken.objects.filter(user=account, revoked_at=None).update(revoked_at=timezone.now())
    append(kind="accounts.closed", subject=account.actor, actor=administrator.actor)
    return account
