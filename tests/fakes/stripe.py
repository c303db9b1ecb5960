"""Stripe as far as Largesse uses it: sessions, charges, refunds, disputes, invoices, payouts, balance; signed events."""

import hashlib
import hmac
import itertools
import json
import time
from collections import Counter
from typing import Any
from urllib.parse import parse_qsl

from fakes.http import Event, Fake, nested

SECRET_KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"
KINDS = {
    "checkout/sessions": "checkout.session",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "payouts": "payout",
    "invoices": "invoice",
}


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET, at: int | None = None) -> str:
    """Sign as https://docs.stripe.com/webhooks/signature#verify-manually says."""
    moment = int(time.time()) if at is None else at
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={mac}"


class FakeStripe(Fake):
    """One account. Amounts are Stripe's units; a card payment costs `fee`."""

    def __init__(self, *, fee: int = 30) -> None:
        super().__init__()
        self.fee = fee
        self.least = 50
        self.items: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in KINDS}
        self.balance: Counter[str] = Counter()
        self.keys: dict[str, tuple[str, tuple[int, Any]]] = {}
        self.numbers = itertools.count(1)
        self.canceled: set[str] = set()
        """Subscriptions that take nothing any more."""

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: Any
    ) -> tuple[int, Any]:
        if headers.get("Authorization") != f"Bearer {SECRET_KEY}":
            return 401, _error("authentication", "invalid_request_error")
        if method == "GET":
            return self._get(path, nested(query))
        if method == "DELETE":
            return self._cancel(path.removeprefix("/v1/subscriptions/"))
        key, said = headers.get("Idempotency-Key"), body.decode()
        if key in self.keys:
            before, answer = self.keys[key]
            return answer if before == said else (400, _error("idempotency", "idempotency_error"))
        answer = self._post(path, nested(parse_qsl(said, keep_blank_values=True)))
        if key:
            self.keys[key] = (said, answer)
        return answer

    # What happens on Stripe's own pages.

    def pay(self, session_id: str, *, amount: int | None = None, currency: str | None = None) -> str:
        """Pay a session by card; return the charge's id."""
        with self.lock:
            session = self.items["checkout/sessions"][session_id]
            charge = self._charge(session, amount or session["amount_total"], currency or session["currency"])
            session.update(status="complete", payment_status="paid")
            if session["mode"] == "subscription":
                session["subscription"] = session["subscription"] or self._id("sub")
                self._invoice(session, charge)
            else:
                session["payment_intent"] = charge["payment_intent"]
            self._event("checkout.session.completed", session)
            self._event("charge.succeeded", charge)
            return str(charge["id"])

    def renew(self, session_id: str) -> str:
        """Charge the next month of a subscription; return the charge's id."""
        with self.lock:
            session = self.items["checkout/sessions"][session_id]
            charge = self._charge(session, session["amount_total"], session["currency"])
            invoice = self._invoice(session, charge)
            self._event("charge.succeeded", charge)
            self._event("invoice.paid", invoice)
            return str(charge["id"])

    def submit(self, session_id: str) -> None:
        """Choose a slow method: the session is complete, the money is on its way."""
        with self.lock:
            session = self.items["checkout/sessions"][session_id]
            session.update(status="complete")
            self._event("checkout.session.completed", session)

    def expire(self, session_id: str) -> None:
        with self.lock:
            session = self.items["checkout/sessions"][session_id]
            session.update(status="expired")
            self._event("checkout.session.expired", session)

    def refund_by_hand(self, charge_id: str, amount: int) -> str:
        """Refund on Stripe's pages; return the refund's id."""
        with self.lock:
            _, refund = self._post("/v1/refunds", {"charge": charge_id, "amount": str(amount)})
            return str(refund["id"])

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund come back after it was sent."""
        with self.lock:
            refund = self.items["refunds"][refund_id]
            refund["status"], refund["failure_reason"] = "failed", "lost_or_stolen_card"
            self.balance[refund["currency"]] += refund["amount"]
            self._event("refund.failed", refund)

    def dispute(self, charge_id: str, *, fee: int = 1_500) -> str:
        with self.lock:
            charge = self.items["charges"][charge_id]
            charge["disputed"] = True
            made = self._new("disputes", "dp", charge=charge_id, amount=charge["amount"], currency=charge["currency"])
            made["status"] = "needs_response"
            made["balance_transactions"] = [{"amount": -charge["amount"], "fee": fee, "currency": charge["currency"]}]
            self.balance[charge["currency"]] -= charge["amount"] + fee
            self._event("charge.dispute.created", made)
            return str(made["id"])

    def win(self, dispute_id: str) -> None:
        with self.lock:
            dispute = self.items["disputes"][dispute_id]
            dispute["status"] = "won"
            self.balance[dispute["currency"]] += dispute["amount"]
            self._event("charge.dispute.closed", dispute)

    def pay_out(self, currency: str, amount: int) -> None:
        with self.lock:
            made = self._new("payouts", "po", amount=amount, currency=currency, status="paid")
            self.balance[currency] -= amount
            self._event("payout.paid", made)

    # The API.

    def _get(self, path: str, query: dict[str, Any]) -> tuple[int, Any]:
        if path == "/v1/balance":
            lists = [{"amount": amount, "currency": currency} for currency, amount in self.balance.items()]
            return 200, {"object": "balance", "available": lists, "pending": []}
        name = path.removeprefix("/v1/")
        if name.startswith("subscriptions/"):
            status = "canceled" if name.partition("/")[2] in self.canceled else "active"
            return 200, {"id": name.partition("/")[2], "object": "subscription", "status": status}
        if name in KINDS:
            return 200, self._page(name, query)
        folder, _, item_id = name.rpartition("/")
        item = self.items.get(folder, {}).get(item_id)
        return (200, self.lie(dict(item))) if item else (404, _error("resource_missing", "invalid_request_error"))

    def _page(self, name: str, query: dict[str, Any]) -> dict[str, Any]:
        items = list(reversed(self.items[name].values()))
        for field in ("payment_intent", "charge", "subscription", "status"):
            if field in query:
                items = [item for item in items if item.get(field) == query[field]]
        since = int(query.get("created", {}).get("gte", 0))
        items = [item for item in items if item["created"] >= since]
        if after := query.get("starting_after"):
            items = items[[item["id"] for item in items].index(after) + 1 :]
        most = min(int(query.get("limit", 10)), 100)
        shown = [self.lie(dict(item)) for item in items[:most]]
        return {"object": "list", "data": shown, "has_more": len(items) > most}

    def _cancel(self, subscription: str) -> tuple[int, Any]:
        if subscription in self.canceled:
            return 404, _error("resource_missing", "invalid_request_error")
        self.canceled.add(subscription)
        return 200, {"id": subscription, "object": "subscription", "status": "canceled"}

    def _post(self, path: str, form: dict[str, Any]) -> tuple[int, Any]:
        if path == "/v1/checkout/sessions":
            made = self._session(form)
            return (200, made) if made else (400, _error("amount_too_small", "invalid_request_error"))
        if path.endswith("/expire"):
            self.expire(path.split("/")[-2])
            return 200, self.items["checkout/sessions"][path.split("/")[-2]]
        if path != "/v1/refunds":
            return 404, _error("resource_missing", "invalid_request_error")
        charge = self.items["charges"].get(form["charge"])
        if charge is None:
            return 404, _error("resource_missing", "invalid_request_error")
        amount = int(form.get("amount", charge["amount"] - charge["amount_refunded"]))
        if amount > charge["amount"] - charge["amount_refunded"]:
            return 400, _error("charge_already_refunded", "invalid_request_error")
        made = self._new("refunds", "re", charge=charge["id"], amount=amount, currency=charge["currency"])
        made.update(status="succeeded", metadata=form.get("metadata", {}))
        charge["amount_refunded"] += amount
        self.balance[charge["currency"]] -= amount
        self._event("charge.refunded", charge)
        self._event("refund.created", made)
        return 200, made

    def _session(self, form: dict[str, Any]) -> dict[str, Any]:
        price = form["line_items"]["0"]["price_data"]
        if int(price["unit_amount"]) < self.least:
            return {}
        inside = form.get("payment_intent_data") or form.get("subscription_data") or {}
        made = self._new("checkout/sessions", "cs", amount_total=int(price["unit_amount"]), currency=price["currency"])
        made.update(
            mode=form["mode"],
            status="open",
            payment_status="unpaid",
            payment_intent=None,
            subscription=None,
            client_reference_id=form["client_reference_id"],
            metadata=form.get("metadata", {}),
            label=inside.get("metadata", {}),
            url=f"{self.address}/c/pay/{made['id']}",
        )
        return made

    def _charge(self, session: dict[str, Any], amount: int, currency: str) -> dict[str, Any]:
        charge = self._new("charges", "ch", amount=amount, currency=currency, amount_refunded=0, disputed=False)
        charge.update(status="succeeded", payment_intent=self._id("pi"), metadata=session["label"])
        charge["balance_transaction"] = {"fee": self.fee, "currency": currency}
        self.balance[currency] += amount - self.fee
        return charge

    def _invoice(self, session: dict[str, Any], charge: dict[str, Any]) -> dict[str, Any]:
        invoice = self._new("invoices", "in", subscription=session["subscription"], status="paid")
        payment = {"payment": {"type": "payment_intent", "payment_intent": charge["payment_intent"]}}
        invoice["payments"] = {"data": [payment]}
        invoice["parent"] = {"subscription_details": {"metadata": session["label"]}}
        return invoice

    def _new(self, name: str, prefix: str, **fields: Any) -> dict[str, Any]:
        made = {"id": self._id(prefix), "object": KINDS[name], "created": int(time.time()), "metadata": {}, **fields}
        self.items[name][made["id"]] = made
        return made

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{next(self.numbers):06d}"

    def _event(self, kind: str, item: dict[str, Any]) -> None:
        event = {"id": self._id("evt"), "object": "event", "type": kind, "data": {"object": item}}
        body = json.dumps(event).encode()
        self.events.append(Event(body, {"Stripe-Signature": signature(body)}))


def _error(code: str, kind: str) -> dict[str, Any]:
    return {"error": {"code": code, "type": kind, "message": code}}
