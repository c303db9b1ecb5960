"""
The API's manner: JSON in and out, a bearer token, and errors as `{"error": {"code", "message", "fields"}}`.

A token is the only key: cookies are not looked at, so no other site can act for a visitor.
"""

import contextlib
import functools
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Concatenate, ParamSpec

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt

from largesse.accounts.errors import NotSignedIn
from largesse.accounts.models import ApiToken, User, token_hash
from largesse.kit.errors import BadInput, LargesseError, Unavailable, gettext_noop

P = ParamSpec("P")
logger = logging.getLogger(__name__)


class NotJson(BadInput):
    """The body is not a JSON object."""

    code = "not_json"
    template = gettext_noop("The body must be a JSON object in UTF-8.")


class MethodNotAllowed(BadInput):
    """The address knows other methods."""

    code = "method_not_allowed"
    status = 405
    template = gettext_noop("This address takes {allowed}.")


def api_view(
    **methods: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Make one view of a function for each HTTP method: `api_view(get=latest, post=publish)`."""
    known = {name.upper(): function for name, function in methods.items()}

    @csrf_exempt
    def view(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            function = known.get("GET" if request.method == "HEAD" else request.method or "")
            if function is None:
                raise MethodNotAllowed(allowed=", ".join(known))
            return function(request, *args, **kwargs)
        except LargesseError as error:
            return error_response(error)
        except OperationalError:  # It is locked for long, full or away.
            logger.exception("the database did not do what %s asked", request.path)
            return error_response(Unavailable())

    functools.update_wrapper(view, next(iter(methods.values())))
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def error_response(error: LargesseError) -> JsonResponse:
    """Tell an error as JSON, in the language that the request asks for."""
    fields = {
        name: value if isinstance(value, int | bool | list | None) else str(value)
        for name, value in error.fields.items()
    }
    body = {
        "error": {"code": error.code, "message": gettext(error.template).format_map(error.fields), "fields": fields}
    }
    response = JsonResponse(body, status=error.status)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def token_user(request: HttpRequest) -> User:
    """
    Return the account that the bearer token acts for.

    Raises:
        NotSignedIn: no token, a wrong one, or one that was revoked.
    """
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise NotSignedIn
    found = (
        ApiToken.objects.select_related("user").filter(token_hash=token_hash(secret.strip()), revoked_at=None).first()
    )
    if found is None or not found.user.is_active:
        raise NotSignedIn
    now = timezone.now()
    if found.last_used_at is None or now - found.last_used_at > timedelta(minutes=1):
        with contextlib.suppress(OperationalError):  # A courtesy to its owner: a full disk must not lock anyone out.
            ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found.user


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Return the body as a JSON object; raise NotJson."""
    try:
        value = json.loads(request.body)
    except (UnicodeDecodeError, ValueError) as error:
        raise NotJson from error
    if not isinstance(value, dict):
        raise NotJson
    return value
