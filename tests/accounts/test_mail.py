"""Mail about accounts over real SMTP: to whom, where its links lead, in which language, and what it never tells."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client, override_settings

from factories import make_user
from mail_sink import MailSink, mail_sink

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink() -> Iterator[MailSink]:
    with (
        mail_sink() as running,
        override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=running.port,
            SITE_ADDRESS="https://files.example.org",
        ),
    ):
        yield running


def forget(client: Client, email: str, **headers: str) -> None:
    answer = client.post("/account/password/reset/", {"email": email}, headers=headers)
    assert answer.headers["Location"] == "/account/password/reset/done/"


def link_in(sink: MailSink) -> str:
    (mail,) = sink.mails
    (link,) = re.findall(r"\S+/password/reset/key/\S+", str(mail.get_content()))
    return str(link)


def test_a_forgotten_password_is_replaced_by_mail(client: Client, sink: MailSink) -> None:
    make_user()
    forget(client, "ada@example.org")
    (mail,) = sink.mails
    assert (mail["To"], mail["From"]) == ("ada@example.org", settings.DEFAULT_FROM_EMAIL)
    assert mail["Subject"].startswith("[Largesse] ")
    key = link_in(sink).removeprefix("https://files.example.org")
    form = client.get(key, follow=True)
    done = client.post(form.redirect_chain[-1][0], {"password1": "a new sentence", "password2": "a new sentence"})
    assert done.headers["Location"] == "/account/password/reset/key/done/"
    signed_in = client.post("/account/login/", {"login": "ada", "password": "a new sentence"})
    assert signed_in.headers["Location"] == "/account/me/"
    assert "does not work" in Client().get(key, follow=True).content.decode(), "the link works once"


def test_the_link_leads_to_the_site_whatever_the_host_header_says(client: Client, sink: MailSink) -> None:
    make_user()
    forget(client, "ada@example.org", Host="evil.example")
    (mail,) = sink.mails
    assert "evil.example" not in str(mail)
    assert link_in(sink).startswith("https://files.example.org/account/password/reset/key/")


def test_an_address_without_an_account_gets_no_mail_and_the_page_does_not_tell(client: Client, sink: MailSink) -> None:
    forget(client, "stranger@example.org")
    assert sink.mails == []


def test_a_mail_about_a_change_tells_no_address_of_the_network(client: Client, sink: MailSink) -> None:
    client.force_login(make_user())
    client.post("/account/email/", {"action_add": "", "email": "ada@example.net"})
    sink.mails.clear()
    said = {"oldpassword": "correct horse battery", "password1": "a new sentence", "password2": "a new sentence"}
    assert client.post("/account/password/change/", said, headers={"User-Agent": "Lynx"}).status_code == 302
    (mail,) = sink.mails
    text = str(mail.get_content())
    assert "https://files.example.org/account/me/" in text
    assert "127.0.0.1" not in text and "Lynx" not in text


def test_mail_is_in_the_language_of_who_asked(client: Client, sink: MailSink) -> None:
    make_user()
    forget(client, "ada@example.org", **{"Accept-Language": "fr"})
    (mail,) = sink.mails
    assert "mot de passe" in str(mail.get_content())
