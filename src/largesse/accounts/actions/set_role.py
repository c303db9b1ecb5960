"""Give an account a role."""

from django.db import transaction

from largesse.accounts.errors import LastAdministrator
from largesse.accounts.models import Role, User
from largesse.accounts.permits import may_administer, require
from largesse.journal.actions.append import append


@transaction.atomic
def set_role(account: User, *, role: Role, administrator: User) -> User:
    """
    Give `account` a role.

    Raises:
        NotPermitted: only administrators give roles.
        LastAdministrator: nobody would be left to give roles.
    """
    require(may_administer(administrator))
    administrators = User.objects.select_for_update().filter(role=Role.ADMINISTRATOR, is_active=True)
    if account.role == Role.ADMINISTRATOR and role != Role.ADMINISTRATOR and administrators.count() == 1:
        raise LastAdministrator
    account.role = role
    account.save(update_fields=["role"])
    append(kind="accounts.role_given", subject=account.actor, actor=administrator.actor, payload={"role": role.value})
    return account
