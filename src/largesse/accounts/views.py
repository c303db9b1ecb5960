"""The account pages: what an account is and has, tokens, the tracker's secret, and people's roles."""

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from largesse.accounts.actions.close_account import close_account
from largesse.accounts.actions.first_administrator import is_first_administrator_link, make_first_administrator
from largesse.accounts.actions.reopen_account import reopen_account
from largesse.accounts.actions.set_role import set_role
from largesse.accounts.actions.tokens import make_token, reset_passkey, revoke_token
from largesse.accounts.errors import LinkUsed, NameTaken, WeakPassword
from largesse.accounts.forms import FirstAdministratorForm, RoleForm, TokenForm
from largesse.accounts.models import Role, User
from largesse.accounts.permits import may_administer, may_publish, require, told_roles
from largesse.accounts.queries import found_people


@login_required
def me(request: HttpRequest) -> HttpResponse:
    """Show what the account is, and where its parts are kept."""
    context = {"PLACE": "me", "may_administer": may_administer(request.user), "may_publish": may_publish(request.user)}
    return render(request, "accounts/me.html", context)


@never_cache
def first_administrator(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator and sign in."""
    if not is_first_administrator_link(token):
        raise LinkUsed
    form = FirstAdministratorForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = make_first_administrator(token, **form.cleaned_data)
        except NameTaken as error:
            form.add_error("username", error.message)
        except WeakPassword as error:
            form.add_error("password", error.message)
        else:
            login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
            messages.success(request, _("You are the administrator. Add a passkey or a second factor next."))
            return redirect("accounts:me")
    return render(request, "accounts/first_administrator.html", {"form": form}, status=200 if not form.errors else 422)


@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """Make tokens for programs, and list them; a new secret is shown once."""
    user = _account(request)
    form = TokenForm(request.POST if request.method == "POST" else None)
    secret = None
    if request.method == "POST" and form.is_valid():
        secret = make_token(user, name=form.cleaned_data["name"]).secret
        form = TokenForm()
    rows = user.api_tokens.filter(revoked_at=None).order_by("-made_at")
    response = render(request, "accounts/tokens.html", {"PLACE": "me", "form": form, "secret": secret, "tokens": rows})
    response.headers["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke a token."""
    revoke_token(_account(request), token_id=token_id)
    messages.success(request, _("The token is revoked. Programs that use it are refused from now on."))
    return redirect("accounts:tokens")


@login_required
def passkey(request: HttpRequest) -> HttpResponse:
    """Show the secret that names the account to the tracker, and reset it."""
    user = _account(request)
    if request.method == "POST":
        reset_passkey(user)
        messages.success(
            request,
            _("Your tracker key is new. Get the .torrent files again; the former key is refused within a second."),
        )
        return redirect("accounts:tracker_passkey")
    response = render(request, "accounts/passkey.html", {"PLACE": "me", "passkey": user.tracker_passkey})
    response.headers["Cache-Control"] = "no-store"
    return response


@login_required
def people(request: HttpRequest) -> HttpResponse:
    """Find accounts, by name, mail address or role."""
    require(may_administer(request.user))
    text, role, after = (request.GET.get(name, "")[:150] for name in ("name", "role", "after"))
    context = {
        "found": found_people(text=text, role=role, after=after),
        "text": text,
        "role": role,
        "after": after,
        "roles": [*Role.choices, ("closed", _("Closed account"))],
    }
    return render(request, "accounts/people.html", context)


@login_required
def person(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show an account to an administrator, with what can be done to it."""
    require(may_administer(request.user))
    account = get_object_or_404(User, public_id=public_id)
    context = {"person": account, "form": RoleForm(initial={"role": account.role}), "told": told_roles()}
    return render(request, "accounts/person.html", context)


@login_required
def person_role(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask once more before an account gets another role, then give it."""
    require(may_administer(request.user))
    account = get_object_or_404(User, public_id=public_id)
    form = RoleForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid() or form.cleaned_data["role"] == account.role:
        return redirect("accounts:person", public_id)
    role = Role(form.cleaned_data["role"])
    if request.method == "POST":
        set_role(account, role=role, administrator=_account(request))
        messages.success(request, _("%(name)s is now: %(role)s.") % {"name": account.username, "role": role.label})
        return redirect("accounts:person", public_id)
    told = dict(told_roles())
    context = {"person": account, "role": role, "may": told[role], "may_now": told[Role(account.role)]}
    return render(request, "accounts/person_role.html", context)


@login_required
def person_close(request: HttpRequest, public_id: str) -> HttpResponse:
    """Tell what closing an account means, then close it."""
    require(may_administer(request.user))
    account = get_object_or_404(User, public_id=public_id)
    if request.method == "POST":
        close_account(account, administrator=_account(request))
        messages.success(request, _("The account of %(name)s is closed.") % {"name": account.username})
        return redirect("accounts:person", public_id)
    return render(request, "accounts/person_close.html", {"person": account})


@login_required
@require_POST
def person_reopen(request: HttpRequest, public_id: str) -> HttpResponse:
    """Open a closed account again."""
    account = get_object_or_404(User, public_id=public_id)
    reopen_account(account, administrator=_account(request))
    messages.success(request, _("The account of %(name)s is open again.") % {"name": account.username})
    return redirect("accounts:person", public_id)


def _account(request: HttpRequest) -> User:
    """Return the signed-in account, which `login_required` made sure of."""
    require(isinstance(request.user, User))
    user: User = request.user  # type: ignore[assignment]
    return user
