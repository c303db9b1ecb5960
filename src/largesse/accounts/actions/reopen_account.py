"""Open an account again."""

from django.db import transaction

from largesse.accounts.models import User
from largesse.accounts.permits import may_administer, require
from largesse.journal.actions.append import append
from largesse.journal.models import Head


@transaction.atomic
def reopen_account(account: User, *, administrator: User) -> User:
    """
    Open a closed account again, in the role it had; its former tokens stay revoked.

    Raises:
        NotPermitted: only administrators open accounts.
    """
    Head.objects.select_for_update().get(id=1)
    administrator.refresh_from_db(fields=["role", "is_active"])
    account.refresh_from_db(fields=["is_active"])
    require(may_administer(administrator))
    if account.is_active:
        return account
    account.is_active = True
    account.save(update_fields=["is_active"])
    append(kind="accounts.reopened", subject=account.actor, actor=administrator.actor)
    return account
