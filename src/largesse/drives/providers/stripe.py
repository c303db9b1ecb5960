"""
Stripe Checkout by redirect: no script or request of Stripe's before the donor leaves our page.

`reference` is the Checkout Session's id; for a monthly donation each paid invoice of its subscription is a settlement of its
own. Everything that is created carries an idempotency key, so that a retry after a lost answer makes nothing twice.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import stripe

from largesse.drives.providers.base import (
    Changed,
    FactKind,
    ForgedEvent,
    PaymentRefused,
    PaymentRequest,
    PaymentStart,
    Payout,
    ProviderFact,
    ProviderUnavailable,
    RefundRefused,
    UnknownPayment,
    VerifiedEvent,
)
from largesse.drives.providers.exponents import from_provider, to_provider
from largesse.kit.money import Money

SIGNATURE_TOLERANCE_SECONDS = 300
HTTP_BAD_REQUEST = 400
CHARGE_KINDS = {"succeeded": FactKind.SETTLED, "pending": FactKind.PENDING, "failed": FactKind.FAILED}


class OverHttpx(stripe.HTTPClient):
    """Stripe's client over httpx, which the house has; Stripe's own such class calls httpx in a deprecated way."""

    name = "httpx"

    def __init__(self, http: httpx.Client) -> None:
        super().__init__()
        self.http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request; a failure is one that Stripe's client may try again."""
        del _usage
        try:
            answer = self.http.request(method, url, headers=headers, content=post_data or None)
        except httpx.HTTPError as error:
            raise _unreachable(type(error).__name__) from error
        return answer.text, answer.status_code, answer.headers


class StripeProvider:
    """One Stripe account."""

    name = "stripe"
    is_online = True

    def __init__(self, *, secret_key: str, webhook_secret: str, api: str = "https://api.stripe.com") -> None:
        self.webhook_secret = webhook_secret
        self.http = httpx.Client(timeout=20)
        self.client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api},
            max_network_retries=1,
            http_client=OverHttpx(self.http),
        )

    def takes(self, currency: str) -> bool:
        """Any but bitcoin; Stripe refuses those that the account cannot take."""
        return currency != "BTC"

    def may_recur(self) -> bool:
        """Checkout makes subscriptions."""
        return True

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Make a Checkout Session, once for each donation id."""
        price: dict[str, Any] = {
            "currency": request.amount.currency.lower(),
            "unit_amount": to_provider(self.name, request.amount),
            "product_data": {"name": request.description[:250]},
        }
        if request.is_monthly:
            price["recurring"] = {"interval": "month"}
        label = {"donation": request.donation_id}
        inside = "subscription_data" if request.is_monthly else "payment_intent_data"
        wanted = {
            "mode": "subscription" if request.is_monthly else "payment",
            "client_reference_id": request.donation_id,
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": request.return_url,
            "cancel_url": request.cancel_url,
            "locale": request.language,
            "metadata": label,
            inside: {"metadata": label},
        }
        # A key may be used again with the same words only, and a donor may come back in another language.
        words = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]
        key = f"start-{request.donation_id}-{words}"
        session = self._call("POST", "/v1/checkout/sessions", wanted, key=key, refused=PaymentRefused)
        return PaymentStart(session["id"], session["url"])

    def verify(self, body: bytes, headers: Mapping[str, str]) -> VerifiedEvent:
        """Check Stripe-Signature (HMAC-SHA256 over time and body, at most five minutes old)."""
        given = {name.lower(): value for name, value in headers.items()}.get("stripe-signature", "")
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), given, self.webhook_secret, SIGNATURE_TOLERANCE_SECONDS
            )
            event = json.loads(body)
            return VerifiedEvent(str(event["id"]), str(event["type"]))
        except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
            raise ForgedEvent from error

    def changed(self, body: bytes) -> Changed:
        """Return what the event's object says of its payment; events of other objects tell nothing."""
        try:
            return changed_by(json.loads(body)["data"]["object"])
        except (ValueError, KeyError, TypeError):
            return Changed()

    def facts(self, reference: str) -> list[ProviderFact]:
        """Fetch the session with its charges, refunds and disputes, and say what did happen."""
        session = self._call("GET", f"/v1/checkout/sessions/{reference}", {})
        try:
            found = [fact for intent in self._payment_intents(session) for fact in self._intent_facts(intent)]
            if not found and session.get("status") == "expired":
                found.append(_fact(FactKind.FAILED, reference, session.get("amount_total") or 0, session))
            elif not found and session.get("payment_status") == "unpaid" and session.get("status") == "complete":
                found.append(_fact(FactKind.PENDING, reference, session.get("amount_total") or 0, session))
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderUnavailable(provider="Stripe", reason=type(error).__name__) from error
        return found

    def refund(self, settlement: str, *, amount: Money, key: str) -> ProviderFact | None:
        """
        Refund a part or the whole of a charge, once for each key.

        Stripe forgets an idempotency key after a day, so a refund that carries the key is looked for first.
        """
        made = next((item for item in self._list("/v1/refunds", {"charge": settlement}) if _key(item) == key), None)
        if made is None:
            body = {"charge": settlement, "amount": to_provider(self.name, amount), "metadata": {"refund": key}}
            made = self._call("POST", "/v1/refunds", body, key=f"refund-{key}", refused=RefundRefused)
        if made.get("status") in {"failed", "canceled"}:
            raise RefundRefused(provider="Stripe", reason=made.get("failure_reason") or made["status"])
        return _refund_fact(made) if made.get("status") == "succeeded" else None

    def recent(self, since: datetime) -> Iterator[Changed]:
        """Yield the sessions, charges, refunds and disputes made since then."""
        made = {"created": {"gte": int(since.timestamp())}}
        for path in ("/v1/checkout/sessions", "/v1/charges", "/v1/refunds", "/v1/disputes"):
            for item in self._list(path, made):
                yield changed_by(item)

    def stop(self, reference: str) -> None:
        """Cancel the subscription of a session; one that was never paid is expired."""
        session = self._call("GET", f"/v1/checkout/sessions/{reference}", {})
        if session.get("subscription"):
            path = f"/v1/subscriptions/{_id(session['subscription'])}"
            if self._call("GET", path, {}).get("status") != "canceled":
                self._call("DELETE", path, {})
        elif session.get("status") == "open":
            self._call("POST", f"/v1/checkout/sessions/{reference}/expire", {}, key=f"stop-{reference}")

    def payouts(self, since: datetime) -> Iterator[Payout]:
        """Yield the payouts made since then that did not fail."""
        for item in self._list("/v1/payouts", {"created": {"gte": int(since.timestamp())}}):
            if item.get("status") not in {"failed", "canceled"}:
                fact = _fact(FactKind.SETTLED, item["id"], item["amount"], item)
                yield Payout(fact.reference, fact.amount, fact.occurred_at)

    def balances(self) -> Mapping[str, int] | None:
        """Return what is available and what is on its way there."""
        told = self._call("GET", "/v1/balance", {})
        held: Counter[str] = Counter()
        for part in ("available", "pending"):
            for item in told.get(part, []):
                money = from_provider(self.name, item["amount"], str(item["currency"]).upper())
                held[money.currency] += money.amount_minor
        return held

    def _payment_intents(self, session: dict[str, Any]) -> list[str]:
        if session.get("payment_intent"):
            return [_id(session["payment_intent"])]
        if not session.get("subscription"):
            return []
        wanted = {"subscription": _id(session["subscription"]), "status": "paid", "expand": ["data.payments"]}
        found = []
        for invoice in self._list("/v1/invoices", wanted):
            payments = [item.get("payment") or {} for item in (invoice.get("payments") or {}).get("data", [])]
            paid_by = [payment.get("payment_intent") for payment in payments] or [invoice.get("payment_intent")]
            found += [_id(intent) for intent in paid_by if intent]
        return found

    def _intent_facts(self, intent: str) -> Iterator[ProviderFact]:
        for charge in self._list("/v1/charges", {"payment_intent": intent, "expand": ["data.balance_transaction"]}):
            kind = CHARGE_KINDS[charge["status"]]
            yield _fact(
                kind, charge["id"], charge["amount"], charge, fee=_fee([charge.get("balance_transaction")], charge)
            )
            if kind is not FactKind.SETTLED:
                continue
            for refund in self._list("/v1/refunds", {"charge": charge["id"]}):
                if refund.get("status") == "succeeded":
                    yield _refund_fact(refund)
                elif refund.get("status") in {"failed", "canceled"}:
                    yield replace(_refund_fact(refund), kind=FactKind.REFUND_FAILED)
            if charge.get("disputed"):
                for dispute in self._list("/v1/disputes", {"charge": charge["id"]}):
                    yield from _dispute_facts(dispute)

    def _list(self, path: str, parameters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            page = self._call("GET", path, {**parameters, "limit": 100, **({"starting_after": after} if after else {})})
            try:
                yield from page["data"]
                if not page.get("has_more") or not page["data"]:
                    return
                after = page["data"][-1]["id"]
            except (KeyError, TypeError) as error:
                raise ProviderUnavailable(provider="Stripe", reason=type(error).__name__) from error

    def _call(
        self,
        method: str,
        path: str,
        parameters: dict[str, Any],
        *,
        key: str | None = None,
        refused: type[PaymentRefused | RefundRefused] | None = None,
    ) -> dict[str, Any]:
        options = {"idempotency_key": key} if key else {}
        try:
            answer = self.client.raw_request(method.lower(), path, **parameters, **options)
            return dict(json.loads(answer.body))
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing" and method == "GET":
                raise UnknownPayment(provider="Stripe", reference=path.rpartition("/")[2]) from error
            if refused and error.http_status == HTTP_BAD_REQUEST:
                raise refused(provider="Stripe", reason=error.code or "refused") from error
            raise ProviderUnavailable(provider="Stripe", reason=error.code or type(error).__name__) from error
        except (stripe.StripeError, ValueError) as error:
            raise ProviderUnavailable(provider="Stripe", reason=type(error).__name__) from error


def _unreachable(reason: str) -> stripe.APIConnectionError:
    """Return the error after which Stripe's client tries again with the same idempotency key."""
    error = stripe.APIConnectionError(reason)  # type: ignore[no-untyped-call] # Stripe's library leaves it so.
    error.should_retry = True
    return error


def changed_by(item: dict[str, Any]) -> Changed:
    """Return what an object of Stripe's says of the payment it belongs to."""
    label = (item.get("metadata") or {}).get("donation")
    match item.get("object"):
        case "checkout.session":
            return Changed(reference=str(item["id"]), donation_id=item.get("client_reference_id") or label)
        case "charge":
            return Changed(donation_id=label, settlement=str(item["id"]))
        case "payment_intent":
            return Changed(donation_id=label)
        case "refund" | "dispute" if item.get("charge"):
            return Changed(settlement=_id(item["charge"]))
        case "invoice":
            parent = (item.get("parent") or {}).get("subscription_details") or item.get("subscription_details") or {}
            return Changed(donation_id=(parent.get("metadata") or {}).get("donation"))
        case _:
            return Changed()


def _refund_fact(refund: dict[str, Any]) -> ProviderFact:
    fact = _fact(FactKind.REFUNDED, refund["id"], refund["amount"], refund)
    return replace(fact, of_reference=_id(refund["charge"]), key=_key(refund))


def _dispute_facts(dispute: dict[str, Any]) -> Iterator[ProviderFact]:
    """An inquiry takes no money; a dispute does at once, and gives it back when it is won."""
    if str(dispute.get("status")).startswith("warning_"):
        return
    moved = dispute.get("balance_transactions") or []
    taken = _fact(FactKind.DISPUTED, dispute["id"], dispute["amount"], dispute, fee=_fee(moved[:1], dispute))
    taken = replace(taken, of_reference=_id(dispute["charge"]))
    yield taken
    if dispute.get("status") == "won":
        yield replace(taken, kind=FactKind.DISPUTE_WON, fee=Money(0, taken.amount.currency))


def _fee(moved: Sequence[Any], item: dict[str, Any]) -> int:
    """Return the fee of expanded balance transactions; one in another currency is left to the balance check."""
    return sum(
        int(part["fee"]) for part in moved if isinstance(part, dict) and part.get("currency") == item["currency"]
    )


def _fact(kind: FactKind, reference: str, units: int, item: dict[str, Any], *, fee: int = 0) -> ProviderFact:
    currency = str(item["currency"]).upper()
    return ProviderFact(
        kind,
        reference,
        from_provider("stripe", units, currency),
        from_provider("stripe", fee, currency),
        datetime.fromtimestamp(int(item["created"]), UTC),
    )


def _key(refund: dict[str, Any]) -> str | None:
    key = (refund.get("metadata") or {}).get("refund")
    return str(key) if key else None


def _id(value: Any) -> str:
    """Stripe gives either an id or the whole object where it was asked to expand."""
    return str(value["id"] if isinstance(value, dict) else value)
