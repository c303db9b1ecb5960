"""
Mail to donors: the receipt, changed terms, a refund, the yearly statement.

Each is written in the donor's language and leaves once for its key (`SentMail`); who gave no address gets none. A mail that the
server did not take is tried again by the job that sends it. Neither addresses nor names are logged.
"""

from typing import Any

from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils.translation import override

from largesse.drives.contract import changed_terms, frozen_terms
from largesse.drives.documents import receipt_context, receipt_pdf, statement_context, statement_pdf
from largesse.drives.donors import Identity, identity_of, private_path, statement_token
from largesse.drives.models import Contract, Donation, Refund, SentMail, Settlement
from largesse.kit.clock import Clock, utc_now
from largesse.torrents.queries import site_address


def send_receipt(settlement: Settlement, *, clock: Clock = utc_now) -> bool:
    """Send the receipt of money that arrived; return whether there is somebody to send it to."""
    donation = settlement.donation
    identity = identity_of(donation)
    if identity is None or not identity.email:
        return False
    context = receipt_context(settlement) | {"link": site_address() + private_path(donation)}
    message = _message("receipt", context, identity)
    pdf = receipt_pdf(settlement, language=identity.language)
    message.attach(f"receipt-{settlement.public_id}.pdf", pdf, "application/pdf")
    return _send_once(f"receipt/{settlement.public_id}", message, clock=clock)


def send_new_terms(contract: Contract, donation: Donation, *, clock: Clock = utc_now) -> bool:
    """Tell a donor that the terms were changed after they gave, and until when they may have it back."""
    identity = identity_of(donation)
    if identity is None or not identity.email:
        return False
    terms, before = frozen_terms(contract), frozen_terms(donation.contract)
    context = {
        "drive": donation.drive,
        "contract": contract,
        "why": terms.get("why", ""),
        "changed": changed_terms(before, terms),
        "contract_url": f"{site_address()}{donation.drive.path}contract/{contract.version}/",
        "link": site_address() + private_path(donation),
    }
    message = _message("new_terms", context, identity)
    return _send_once(f"terms/{contract.pk}/{donation.public_id}", message, clock=clock)


def send_refund_note(refund: Refund, *, clock: Clock = utc_now) -> bool:
    """Tell a donor that their money goes back."""
    donation = refund.settlement.donation
    identity = identity_of(donation)
    if identity is None or not identity.email:
        return False
    context = {
        "drive": donation.drive,
        "refund": refund,
        "account_url": f"{site_address()}{donation.drive.path}account/",
        "entry_url": f"{site_address()}/ledger/entry/{refund.entry.public_id}/",
        "link": site_address() + private_path(donation),
    }
    return _send_once(f"refund/{refund.public_id}", _message("refund", context, identity), clock=clock)


def send_statement(donation: Donation, year: int, *, key: str, clock: Clock = utc_now) -> bool:
    """
    Send the yearly statement of whoever made this donation, to their address alone.

    Args:
        key: what makes this sending one of its own, such as the day it was asked for.
    """
    identity = identity_of(donation)
    if identity is None or not identity.email:
        return False
    index = donation.donor.mail_index
    context = statement_context(index, year) | {
        "link": f"{site_address()}/gifts/statement/{index}/{year}/{statement_token(index, year)}/"
    }
    message = _message("statement", context, identity)
    message.attach(f"gifts-{year}.pdf", statement_pdf(index, year, language=identity.language), "application/pdf")
    return _send_once(f"statement/{index[:40]}/{year}/{key}", message, clock=clock)


def _message(name: str, context: dict[str, Any], identity: Identity) -> EmailMessage:
    """Write a mail; the first line of its template is the subject."""
    with override(identity.language):
        text = render_to_string(f"drives/mail/{name}.txt", context)
    subject, _, body = text.strip().partition("\n")
    return EmailMessage(subject=" ".join(subject.split()), body=body.strip() + "\n", to=[identity.email])


def _send_once(key: str, message: EmailMessage, *, clock: Clock) -> bool:
    if SentMail.objects.filter(key=key).exists():
        return True
    message.send()
    try:
        with transaction.atomic():
            SentMail.objects.create(key=key, sent_at=clock())
    except IntegrityError:
        pass
    return True
