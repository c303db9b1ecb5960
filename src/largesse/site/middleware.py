"""Middleware of the site: a strict Content-Security-Policy, and errors told as pages or as JSON."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from largesse.accounts.api import error_response
from largesse.kit.errors import LargesseError

GetResponse = Callable[[HttpRequest], HttpResponse]

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Nothing from anywhere else, and nothing inline (CSP Level 3)."""


class ContentSecurityPolicy:
    """Send the policy with every answer that does not bring its own."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class TellErrors:
    """Tell an error that we understand in the visitor's language, with its status and what to do next."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer an error of the tree; any other goes its way."""
        if not isinstance(error, LargesseError):
            return None
        if request.path.startswith("/api/"):
            return error_response(error)
        message = gettext(error.template).format_map(error.fields)
        return render(request, "error.html", {"status": error.status, "message": message}, status=error.status)
