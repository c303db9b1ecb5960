"""Signatures of webhooks are checked against independent implementations, so that our fakes cannot be wrong in our own way."""

import hashlib
import hmac
import json
import subprocess
from pathlib import Path

import pytest
import stripe as library

from fakes import btcpay, stripe
from largesse.drives.providers.base import ForgedEvent
from largesse.drives.providers.btcpay import BTCPayProvider
from largesse.drives.providers.stripe import StripeProvider
from tools import node_packages, tool

VECTORS = Path(__file__).parents[1] / "vectors" / "webhooks.json"
BODY = '{"id": "evt_é1", "type": "charge.succeeded", "data": {"object": {"object": "charge", "id": "ch_1"}}}'


def at_stripe() -> StripeProvider:
    return StripeProvider(secret_key="sk_test_x", webhook_secret=stripe.WEBHOOK_SECRET, api="http://127.0.0.1:9")


def at_btcpay(secret: str = btcpay.WEBHOOK_SECRET) -> BTCPayProvider:
    return BTCPayProvider(address="http://127.0.0.1:9", store="s", api_key="k", webhook_secret=secret)


def node(*arguments: str) -> str:
    folder = node_packages().parent
    done = subprocess.run(
        [tool("node"), folder / "stripe_signature.mjs", *arguments],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return done.stdout.strip()


def test_what_stripes_node_library_signs_is_accepted_and_nothing_else() -> None:
    header = node("sign", stripe.WEBHOOK_SECRET, BODY)
    assert at_stripe().verify(BODY.encode(), {"Stripe-Signature": header}).event_id == "evt_é1"
    for body, given in (
        (BODY + " ", header),
        (BODY, header.replace("v1=", "v1=0")),
        (BODY, header.replace("v1=", "v0=")),
    ):
        with pytest.raises(ForgedEvent):
            at_stripe().verify(body.encode(), {"Stripe-Signature": given})


def test_what_our_fake_signs_is_accepted_by_stripes_node_library() -> None:
    assert node("check", stripe.WEBHOOK_SECRET, BODY, stripe.signature(BODY.encode())) == "evt_é1"


def test_stripes_python_library_signs_as_our_fake_does() -> None:
    said = library.WebhookSignature._compute_signature(f"1102982400.{BODY}", stripe.WEBHOOK_SECRET)
    assert stripe.signature(BODY.encode(), at=1_102_982_400) == f"t=1102982400,v1={said}"


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text(encoding="utf-8")), ids=lambda vector: vector["from"])
def test_vectors_of_other_programs(vector: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    body = vector["body"].encode()
    if vector["provider"] == "btcpay":
        assert at_btcpay(vector["secret"]).verify(body, {"BTCPay-Sig": vector["header"]})
        with pytest.raises(ForgedEvent):
            at_btcpay(vector["secret"] + "x").verify(body, {"BTCPay-Sig": vector["header"]})
        return
    moment = int(vector["header"].split(",")[0].removeprefix("t="))
    monkeypatch.setattr("stripe._webhook.time.time", lambda: moment)
    provider = StripeProvider(secret_key="sk_test_x", webhook_secret=vector["secret"])
    assert provider.verify(body, {"Stripe-Signature": vector["header"]})
    mac = hmac.new(vector["secret"].encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert mac in vector["header"]
    with pytest.raises(ForgedEvent):
        provider.verify(body.replace(b"1", b"2"), {"Stripe-Signature": vector["header"]})


def test_an_empty_secret_accepts_nothing() -> None:
    for secret in ("", btcpay.WEBHOOK_SECRET):
        with pytest.raises(ForgedEvent):
            at_btcpay("").verify(BODY.encode(), {"BTCPay-Sig": btcpay.signature(BODY.encode(), secret=secret)})
