"""Find the account that a publication from the command line belongs to; make one where nobody is yet."""

from django.db import transaction

from largesse.accounts.errors import NoSuchAccount
from largesse.accounts.models import Role, User
from largesse.journal.actions.append import append
from largesse.journal.models import Head

OPERATOR = "operator"
"""Name of the account that stands for whoever holds the data folder, while there is no administrator."""


@transaction.atomic
def local_publisher(name: str | None = None) -> User:
    """
    Return the named account, else the first administrator, else the operator's account, which is made when it is needed.

    Whoever may write the data folder may act for every account; a role is still asked for when something is listed. Nobody can
    sign in as the operator: the account has no password.

    Raises:
        NoSuchAccount: nobody has that name.
    """
    if name is not None:
        found = User.objects.filter(username__iexact=name, is_active=True).first()
        if found is None:
            raise NoSuchAccount(name=name)
        return found
    administrator = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk").first()
    if administrator is not None:
        return administrator
    Head.objects.select_for_update().get(id=1)  # Two first publications at once make one account.
    # Only an administrator gives roles, and there was none: a publisher without a password was made here.
    publishers = User.objects.filter(role=Role.PUBLISHER, username__startswith=OPERATOR).order_by("pk")
    made_before = (user for user in publishers if not user.has_usable_password())
    return next(made_before, None) or _operator()


def _operator() -> User:
    taken = set(User.objects.filter(username__istartswith=OPERATOR).values_list("username", flat=True))
    names = [OPERATOR, *(f"{OPERATOR}-{number}" for number in range(2, len(taken) + 3))]
    free = next(name for name in names if name not in {other.lower() for other in taken})
    user = User(username=free, role=Role.PUBLISHER)
    user.set_unusable_password()
    user.save()
    append(kind="accounts.operator_made", subject=user.actor, payload={"role": user.role})
    return user
