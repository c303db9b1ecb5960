"""Middleware of the site: who asks, a strict Content-Security-Policy, and errors told as pages or as JSON."""

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
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


class ClientAddress:
    """
    Put the visitor's own address where every limit looks for it (`REMOTE_ADDR`).

    Behind trusted proxies it is the rightmost hop of X-Forwarded-For that is not one of them; from anybody else the header is
    taken away, since its sender could write into it what they like.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.proxies = [ipaddress.ip_network(text) for text in settings.CONFIG.web.trusted_proxies]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        told = request.META.pop("HTTP_X_FORWARDED_FOR", "")
        hops = [hop.strip() for hop in told.split(",")] if told else []
        request.META["REMOTE_ADDR"] = self._client(request.META.get("REMOTE_ADDR", ""), hops)
        return self.get_response(request)

    def _client(self, address: str, hops: Sequence[str]) -> str:
        """Return the first address from the right that is not a proxy's; what is no address ends the search."""
        for hop in reversed(hops):
            if not self._is_proxy(address):
                break
            try:
                address = str(ipaddress.ip_address(hop))
            except ValueError:
                break
        return address

    def _is_proxy(self, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        return any(address in proxy for proxy in self.proxies)


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
