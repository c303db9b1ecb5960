"""BTCPay Server's Greenfield API as far as Largesse uses it: invoices with their payments; signed events."""

import hashlib
import hmac
import itertools
import json
import time
from decimal import Decimal
from typing import Any

from fakes.http import Event, Fake

STORE = "store1"
API_KEY = "btcpay-key"
WEBHOOK_SECRET = "btcpay-secret"
RATE = Decimal(50_000)


def signature(body: bytes, *, secret: str = WEBHOOK_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class FakeBTCPay(Fake):
    """One store; a bitcoin costs RATE of every currency."""

    def __init__(self) -> None:
        super().__init__()
        self.invoices: dict[str, dict[str, Any]] = {}
        self.payments: dict[str, list[dict[str, Any]]] = {}
        self.numbers = itertools.count(1)

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: Any
    ) -> tuple[int, Any]:
        base = f"/api/v1/stores/{STORE}/invoices"
        if headers.get("Authorization") != f"token {API_KEY}":
            return 401, {"code": "unauthenticated"}
        if method == "POST" and path == base:
            return 200, self._make(json.loads(body))
        if method == "GET" and path == base:
            return 200, self._page(query)
        invoice_id, _, part = path.removeprefix(f"{base}/").partition("/")
        if invoice_id not in self.invoices:
            return 404, {"code": "invoice-not-found"}
        if part == "payment-methods":
            return 200, [{"paymentMethodId": "BTC-CHAIN", "rate": str(RATE), "payments": self.payments[invoice_id]}]
        return 200, self.lie(dict(self.invoices[invoice_id]))

    def pay(self, invoice_id: str, *, amount: Decimal | None = None) -> None:
        """Pay an invoice on chain and let it be confirmed; `amount` is in its currency."""
        with self.lock:
            invoice = self.invoices[invoice_id]
            meant = Decimal(invoice["amount"])
            paid = meant if amount is None else amount
            payment = {"id": f"tx{next(self.numbers)}-0", "value": str(paid / RATE), "status": "Settled"}
            self.payments[invoice_id].append(payment)
            if paid < meant:
                invoice.update(status="Expired", additionalStatus="PaidPartial")
                self._event("InvoiceExpired", invoice)
                return
            invoice.update(status="Settled", additionalStatus="PaidOver" if paid > meant else "None")
            self._event("InvoiceSettled", invoice)

    def see(self, invoice_id: str) -> None:
        """Let a payment appear that is not confirmed."""
        with self.lock:
            self.invoices[invoice_id].update(status="Processing")
            self._event("InvoiceProcessing", self.invoices[invoice_id])

    def expire(self, invoice_id: str) -> None:
        with self.lock:
            self.invoices[invoice_id].update(status="Expired")
            self._event("InvoiceExpired", self.invoices[invoice_id])

    def _make(self, form: dict[str, Any]) -> dict[str, Any]:
        made = {
            "id": f"inv{next(self.numbers):06d}",
            "amount": form["amount"],
            "currency": form["currency"],
            "metadata": form["metadata"],
            "status": "New",
            "additionalStatus": "None",
            "createdTime": int(time.time()),
        }
        made["checkoutLink"] = f"{self.address}/i/{made['id']}"
        self.invoices[made["id"]] = made
        self.payments[made["id"]] = []
        return made

    def _page(self, query: list[tuple[str, str]]) -> list[dict[str, Any]]:
        asked = dict(query)
        found = list(reversed(self.invoices.values()))
        if "orderId" in asked:
            found = [invoice for invoice in found if invoice["metadata"].get("orderId") == asked["orderId"]]
        found = [invoice for invoice in found if invoice["createdTime"] >= int(asked.get("startDate", 0))]
        first = int(asked.get("skip", 0))
        return [self.lie(dict(invoice)) for invoice in found[first : first + int(asked.get("take", 50))]]

    def _event(self, kind: str, invoice: dict[str, Any]) -> None:
        event = {
            "deliveryId": f"d{next(self.numbers)}",
            "type": kind,
            "storeId": STORE,
            "invoiceId": invoice["id"],
            "metadata": invoice["metadata"],
        }
        body = json.dumps(event).encode()
        self.events.append(Event(body, {"BTCPay-Sig": signature(body)}))
