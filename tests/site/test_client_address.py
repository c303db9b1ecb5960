"""Who asks: a visitor's own address, which only trusted proxies may tell for another."""

import dataclasses

import pytest
from django.conf import settings as django_settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from largesse.config.settings import Config
from largesse.kit.errors import BadSetting
from largesse.site.middleware import ClientAddress


def seen(*, peer: str, forwarded: str | None, proxies: tuple[str, ...]) -> HttpRequest:
    config = django_settings.CONFIG
    django_settings.CONFIG = dataclasses.replace(config, web=dataclasses.replace(config.web, trusted_proxies=proxies))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=peer)
    try:
        ClientAddress(lambda _: HttpResponse())(request)
    finally:
        django_settings.CONFIG = config
    return request


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "expected"),
    [
        ("198.51.100.7", None, (), "198.51.100.7"),
        ("198.51.100.7", "203.0.113.9", (), "198.51.100.7"),
        ("127.0.0.1", "203.0.113.9", ("127.0.0.1/32",), "203.0.113.9"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.9", ("127.0.0.1/32",), "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.2", ("127.0.0.1/32", "10.0.0.0/8"), "203.0.113.9"),
        ("::1", "2001:db8::7", ("::1/128",), "2001:db8::7"),
        ("127.0.0.1", "unknown", ("127.0.0.1/32",), "127.0.0.1"),
        ("127.0.0.1", None, ("127.0.0.1/32",), "127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_tells_the_address_of_another(
    peer: str, forwarded: str | None, proxies: tuple[str, ...], expected: str
) -> None:
    request = seen(peer=peer, forwarded=forwarded, proxies=proxies)
    assert request.META["REMOTE_ADDR"] == expected
    assert "HTTP_X_FORWARDED_FOR" not in request.META


def test_a_proxy_that_is_no_network_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(BadSetting, match=r"web\.trusted_proxies.*10\.0\.0\.0/8"):
        Config.load(environ={"LARGESSE_WEB_TRUSTED_PROXIES": "my-proxy"}, is_alone=True)
