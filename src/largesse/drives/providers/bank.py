"""
Bank transfer: real without any third party.

A donation's reference is an RF creditor reference (ISO 11649): `RF`, two check digits, and the donation's public id in capitals,
so it is made without a counter and found again in whatever a bank makes of it. The code that a phone scans is EPC069-12's, which
is for euros only. What arrived is told by statements (`actions/import_statement.py`), never by a webhook.
"""

import re

import segno
from stdnum import iso11649
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_97_10

from largesse.drives.providers.base import PaymentRequest, PaymentStart
from largesse.drives.providers.by_hand import ByHand
from largesse.kit.ids import ALPHABET
from largesse.kit.money import Money

ID_LENGTH = 12
"""How long the public ids are that references are made of (`kit/ids.py`)."""
IN_TEXT = re.compile(rf"(?=(RF[0-9]{{2}}[{ALPHABET.upper()}]{{{ID_LENGTH}}}))")
"""Also where two overlap."""


def reference_of(public_id: str) -> str:
    """Return the RF reference of a donation or refund: `RF18…`, 16 characters."""
    body = public_id.upper()
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


def printed(reference: str) -> str:
    """Return the reference in groups of four, as it is read and typed."""
    return str(iso11649.format(reference))


def ids_in(text: str) -> list[str]:
    """Return the public ids whose RF references stand in a transfer's text, whatever spaces and marks are between."""
    squeezed = re.sub(r"[^0-9A-Z]", "", text.upper())
    found = []
    for match in IN_TEXT.finditer(squeezed):
        try:
            iso11649.validate(match.group(1))
        except ValidationError:
            continue
        public_id = match.group(1)[4:].lower()
        if public_id not in found:
            found.append(public_id)
    return found


class BankProvider(ByHand):
    """Transfers to one bank account."""

    name = "bank"

    def __init__(self, *, holder: str, iban: str, bic: str = "", currency: str = "") -> None:
        self.holder = holder
        self.iban = iban.replace(" ", "").upper()
        self.bic = bic.replace(" ", "").upper()
        self.currency = currency

    def takes(self, currency: str) -> bool:
        """Any that a bank knows, unless the account's own was set."""
        return currency == self.currency if self.currency else super().takes(currency)

    def may_recur(self) -> bool:
        """A standing order with the same reference, which the donor makes and ends at the bank."""
        return True

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Return what the donor writes into the transfer; nothing is asked of anybody."""
        reference = reference_of(request.donation_id)
        amount = request.amount
        instructions = {
            "holder": self.holder,
            "iban": self.iban,
            "iban_printed": " ".join(self.iban[at : at + 4] for at in range(0, len(self.iban), 4)),
            "bic": self.bic,
            "reference": reference,
            "reference_printed": printed(reference),
            "amount": f"{amount.decimal():f}",
            "currency": amount.currency,
        }
        if amount.currency == "EUR":
            instructions["epc"] = self.epc(amount, reference)
            instructions["epc_svg"] = epc_svg(instructions["epc"])
        return PaymentStart(reference, instructions=instructions)

    def epc(self, amount: Money, reference: str) -> str:
        """Return the text of the EPC code (version 002, UTF-8) for an amount in euros."""
        total = f"EUR{amount.decimal():f}"
        lines = ("BCD", "002", "1", "SCT", self.bic, self.holder[:70], self.iban, total, "", reference)
        return "\n".join(lines)


def epc_svg(text: str) -> str:
    """Return an EPC code as inline SVG that takes the size of its box; error correction M, as the guideline asks."""
    code = segno.make_qr(text.encode(), error="m", boost_error=False)
    return code.svg_inline(omitsize=True, svgclass=None, lineclass=None, border=4)
