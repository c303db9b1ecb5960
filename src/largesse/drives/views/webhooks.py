"""Where payment providers send their events: `/webhooks/stripe/`, `/webhooks/btcpay/`."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from largesse.accounts.api import error_response
from largesse.drives.actions.receive_event import LONGEST_EVENT_BYTES, receive_event
from largesse.drives.errors import EventTooLong
from largesse.drives.providers.registry import provider
from largesse.kit.errors import LargesseError


@csrf_exempt
@require_POST
def webhook(request: HttpRequest, name: str) -> HttpResponse:
    """Verify, keep, and answer; everything else happens in the background."""
    try:
        if int(request.headers.get("Content-Length") or 0) > LONGEST_EVENT_BYTES:
            raise EventTooLong(most=LONGEST_EVENT_BYTES)
        body = request.body
        event = provider(name).verify(body, request.headers)
        is_new = receive_event(event, provider=name, body=body)
    except LargesseError as error:
        return error_response(error)
    return JsonResponse({"received": True, "new": is_new})
