"""
Receipts and yearly statements: the same facts as a page, as a PDF and in a mail.

A PDF is made of the document's own HTML, its style sheet and the site's fonts, and of nothing that a network has. It is tagged
(PDF/UA), so a screen reader can read it. A document is made anew from the book each time; none is stored.
"""

from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.translation import override
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from largesse.drives.actions.refund import refundable_minor
from largesse.drives.contract import frozen_terms
from largesse.drives.donors import Identity, identity_of
from largesse.drives.models import Donation, Donor, Drive, Settlement
from largesse.torrents.queries import site_address

SCHEME = "static:"
"""How a document names a file of the site; nothing else is ever fetched."""


class FilesOfTheSite(URLFetcher):  # type: ignore[misc]
    """Fetches static files of the program by their names, and refuses everything else."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        """Return a static file."""
        del headers
        found: str | None = finders.find(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
        if found is None:
            raise ValueError(f"a document fetches nothing: {url}")
        with open(found, "rb") as file:  # noqa: PTH123 - finders answer with text.
            told = Message()
            told["Content-Type"] = "text/css" if found.endswith(".css") else "font/woff2"
            return URLFetcherResponse(url, file.read(), headers=told)


@dataclass(frozen=True, slots=True)
class Given:
    """One gift of a yearly statement."""

    drive: Drive
    settlement: Settlement
    back_minor: int


def receipt_context(settlement: Settlement) -> dict[str, Any]:
    """Return what a receipt says."""
    donation = settlement.donation
    identity = identity_of(donation)
    address = site_address()
    return {
        "settlement": settlement,
        "donation": donation,
        "drive": donation.drive,
        "contract": donation.contract,
        "refund_days": frozen_terms(donation.contract)["refund_days"],
        "donor_name": identity.name if identity else "",
        "entry": settlement.entry,
        "entry_url": f"{address}/ledger/entry/{settlement.entry.public_id}/",
        "site": settings.CONFIG.site,
        "address": address,
    }


def receipt_pdf(settlement: Settlement, *, language: str) -> bytes:
    """Return the receipt of money that arrived."""
    return pdf("drives/documents/receipt.html", receipt_context(settlement), language=language)


def statement_context(index: str, year: int) -> dict[str, Any]:
    """
    Return what a yearly statement says: every gift of one mail address that arrived in that year (UTC), by currency.

    Args:
        index: the keyed hash of the address (`donors.mail_index`).
    """
    donors = Donor.objects.filter(mail_index=index).values("donation")
    rows = (
        Settlement.objects.filter(donation__in=donors, occurred_at__year=year)
        .select_related("donation__drive", "entry")
        .order_by("occurred_at", "id")
    )
    sums: dict[str, int] = {}
    gifts = []
    for settlement in rows:
        back = settlement.amount_minor - refundable_minor(settlement)
        gifts.append(Given(settlement.donation.drive, settlement, back))
        currency = settlement.donation.drive.currency
        sums[currency] = sums.get(currency, 0) + settlement.amount_minor - back
    names = [_name_of(settlement.donation) for settlement in rows]
    return {
        "year": year,
        "gifts": gifts,
        "sums": sorted(sums.items()),
        "donor_name": next((name for name in reversed(names) if name), ""),
        "site": settings.CONFIG.site,
        "address": site_address(),
    }


def statement_pdf(index: str, year: int, *, language: str) -> bytes:
    """Return the yearly statement of one mail address."""
    return pdf("drives/documents/statement.html", statement_context(index, year), language=language)


def years_of(donation: Donation) -> list[int]:
    """Return the years in which money of this donation arrived, newest first."""
    moments: list[datetime] = list(donation.settlements.values_list("occurred_at", flat=True))
    return sorted({moment.year for moment in moments}, reverse=True)


def pdf(template: str, context: dict[str, Any], *, language: str) -> bytes:
    """Return a tagged PDF of a template."""
    with override(language):
        html = render_to_string(template, {**context, "language": language})
    fonts, fetcher = FontConfiguration(), FilesOfTheSite()
    style = CSS(url=f"{SCHEME}drives/document.css", url_fetcher=fetcher, font_config=fonts)
    made: bytes = HTML(string=html, base_url=SCHEME, url_fetcher=fetcher).write_pdf(
        stylesheets=[style], font_config=fonts, pdf_variant="pdf/ua-1"
    )
    return made


def _name_of(donation: Donation) -> str:
    identity: Identity | None = identity_of(donation)
    return identity.name if identity else ""
