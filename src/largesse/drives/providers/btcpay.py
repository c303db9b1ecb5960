"""
BTCPay Server over its Greenfield API: a redirect to the operator's own server.

`reference` is the invoice's id. An invoice is settled once, so its settlement has the invoice's id too; the books' key is the
invoice with the kind of fact. BTCPay stops repeating a webhook after about an hour, so invoices are polled as well. Amounts are
decimal text in the invoice's currency; what came in bitcoin is worth what the invoice says it is.
(https://docs.btcpayserver.org/API/Greenfield/v1/)
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

import httpx

from largesse.drives.providers.base import (
    CannotRefundHere,
    Changed,
    FactKind,
    ForgedEvent,
    PaymentRefused,
    PaymentRequest,
    PaymentStart,
    Payout,
    ProviderFact,
    ProviderUnavailable,
    UnknownPayment,
    VerifiedEvent,
)
from largesse.kit.money import Money, currency_exponent

PAGE = 100
REFUSALS = {httpx.codes.BAD_REQUEST, httpx.codes.UNPROCESSABLE_ENTITY}
FINISHED = {"Settled", "Expired", "Invalid"}


class BTCPayProvider:
    """One store of a BTCPay Server."""

    name = "btcpay"
    is_online = True

    def __init__(self, *, address: str, store: str, api_key: str, webhook_secret: str) -> None:
        self.webhook_secret = webhook_secret
        self.store = f"{address.rstrip('/')}/api/v1/stores/{store}"
        self.http = httpx.Client(timeout=20, headers={"Authorization": f"token {api_key}"})

    def takes(self, currency: str) -> bool:
        """Any that the server has a rate for; it refuses the others."""
        del currency
        return True

    def may_recur(self) -> bool:
        """An invoice is paid once."""
        return False

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Make an invoice; BTCPay has no idempotency keys, so an open one of the same donation is looked for first."""
        for invoice in self._invoices({"orderId": request.donation_id}):
            if invoice.get("status") not in FINISHED:
                return PaymentStart(str(invoice["id"]), str(invoice["checkoutLink"]))
        invoice = self._call(
            "POST",
            "/invoices",
            {
                "amount": f"{request.amount.decimal():f}",
                "currency": request.amount.currency,
                "metadata": {"orderId": request.donation_id, "itemDesc": request.description[:250]},
                "checkout": {
                    "redirectURL": request.return_url,
                    "redirectAutomatically": True,
                    "defaultLanguage": request.language,
                },
            },
        )
        return PaymentStart(str(invoice["id"]), str(invoice["checkoutLink"]))

    def verify(self, body: bytes, headers: Mapping[str, str]) -> VerifiedEvent:
        """Check BTCPay-Sig (`sha256=` and the HMAC-SHA256 of the body, in hex)."""
        given = {name.lower(): value for name, value in headers.items()}.get("btcpay-sig", "")
        right = "sha256=" + hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
        if not self.webhook_secret or not hmac.compare_digest(given.encode(), right.encode()):
            raise ForgedEvent
        try:
            event = json.loads(body)
            kind, invoice = str(event["type"]), str(event["invoiceId"])
            payment = event.get("payment") or {}
            return VerifiedEvent("/".join(filter(None, (invoice, kind, str(payment.get("id") or "")))), kind)
        except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ForgedEvent from error

    def changed(self, body: bytes) -> Changed:
        """Return the invoice that the event names."""
        event = json.loads(body)
        order = (event.get("metadata") or {}).get("orderId")
        return Changed(reference=str(event["invoiceId"]), donation_id=str(order) if order else None)

    def facts(self, reference: str) -> list[ProviderFact]:
        """Fetch the invoice and say what did happen."""
        invoice = self._call("GET", f"/invoices/{reference}")
        status, extra = invoice.get("status"), invoice.get("additionalStatus")
        try:
            if status == "Settled" or (status in {"Expired", "Invalid"} and extra in {"PaidPartial", "PaidLate"}):
                is_exact = status == "Settled" and extra not in {"PaidPartial", "PaidOver"}
                amount = self._money(invoice) if is_exact else self._received(invoice)
                kind = FactKind.SETTLED if amount.amount_minor else FactKind.FAILED
                return [self._fact(kind, invoice, amount)]
            if status == "Processing":
                return [self._fact(FactKind.PENDING, invoice, self._money(invoice))]
            if status in {"Expired", "Invalid"}:
                return [self._fact(FactKind.FAILED, invoice, self._money(invoice))]
        except (KeyError, TypeError, ValueError, InvalidOperation) as error:
            raise ProviderUnavailable(provider="BTCPay", reason=type(error).__name__) from error
        return []

    def refund(self, settlement: str, *, amount: Money, key: str) -> ProviderFact | None:
        """Refuse: bitcoin goes to an address that only the donor can name; the treasurer sends BTCPay's claim link."""
        del settlement, amount, key
        raise CannotRefundHere(provider="BTCPay")

    def recent(self, since: datetime) -> Iterator[Changed]:
        """Yield the invoices made since then."""
        for invoice in self._invoices({"startDate": str(int(since.timestamp()))}):
            order = (invoice.get("metadata") or {}).get("orderId")
            yield Changed(reference=str(invoice["id"]), donation_id=str(order) if order else None)

    def stop(self, reference: str) -> None:
        """Nothing: an invoice is paid once."""
        del reference

    def payouts(self, since: datetime) -> Iterator[Payout]:
        """Nothing: the wallet is the operator's own."""
        del since
        return iter(())

    def balances(self) -> Mapping[str, int] | None:
        """Not known: the wallet holds bitcoin, and the books what it was worth when it came."""
        return None

    def _money(self, invoice: dict[str, Any]) -> Money:
        return Money.parse(str(invoice["amount"]), currency=str(invoice["currency"]))

    def _received(self, invoice: dict[str, Any]) -> Money:
        """Return what the settled payments were worth in the invoice's currency, rounded down to its minor unit."""
        methods = self._call("GET", f"/invoices/{invoice['id']}/payment-methods")
        worth = Decimal(0)
        for method in methods:
            settled = [payment for payment in method.get("payments", []) if payment.get("status") == "Settled"]
            worth += sum((Decimal(str(payment["value"])) for payment in settled), Decimal(0)) * Decimal(
                str(method["rate"])
            )
        currency = str(invoice["currency"])
        return Money(int(worth.scaleb(currency_exponent(currency)).to_integral_value(ROUND_DOWN)), currency)

    def _fact(self, kind: FactKind, invoice: dict[str, Any], amount: Money) -> ProviderFact:
        made = datetime.fromtimestamp(int(invoice["createdTime"]), UTC)
        return ProviderFact(kind, str(invoice["id"]), amount, Money(0, amount.currency), made)

    def _invoices(self, filters: dict[str, str]) -> Iterator[dict[str, Any]]:
        skip = 0
        while True:
            page = self._call("GET", "/invoices", query={**filters, "skip": str(skip), "take": str(PAGE)})
            yield from page
            if len(page) < PAGE:
                return
            skip += PAGE

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, query: dict[str, str] | None = None
    ) -> Any:
        try:
            answer = self.http.request(method, self.store + path, json=body, params=query)
            if answer.status_code == httpx.codes.NOT_FOUND and method == "GET" and path != "/invoices":
                raise UnknownPayment(provider="BTCPay", reference=path.split("/")[2])
            if method == "POST" and answer.status_code in REFUSALS:
                raise PaymentRefused(provider="BTCPay", reason=answer.status_code)
            answer.raise_for_status()
            return answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ProviderUnavailable(provider="BTCPay", reason=type(error).__name__) from error
