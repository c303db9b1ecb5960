"""Give an account a role."""

from django.db import transaction

from largesse.accounts.errors import LastAdministrator
from largesse.accounts.models import Role, User
from largesse.accounts.permits import may_administer, require
from largesse.accounts.queries import is_last_administrator
from largesse.journal.actions.append import append
from largesse.journal.models import Head


@transaction.atomic
def set_role(account: User, *, role: Role, administrator: User) -> User:
    """
    Give `account` a role; nothing happens when it has it.

    The journal's lock is taken first: two administrators who take each other's role at once would leave none.

    Raises:
        NotPermitted: only administrators give roles.
        LastAdministrator: nobody would be left to give roles.
    """
    Head.objects.select_for_update().get(id=1)
    administrator.refresh_from_db(fields=["role", "is_active"])
    account.refresh_from_db(fields=["role", "is_active"])
    require(may_administer(administrator))
    if account.role == role:
        return account
    if is_last_administrator(account):
        raise LastAdministrator
    account.role = role
    account.save(update_fields=["role"])
    append(kind="accounts.role_given", subject=account.actor, actor=administrator.actor, payload={"role": role.value})
    return account
