"""Cash and cheques: the treasurer counts them and says so (`actions/record_cash.py`); visitors are not offered them."""

from largesse.drives.providers.base import PaymentRequest, PaymentStart
from largesse.drives.providers.by_hand import ByHand


class CashProvider(ByHand):
    """The cash box."""

    name = "cash"

    def may_recur(self) -> bool:
        """No box fills itself."""
        return False

    def start(self, request: PaymentRequest) -> PaymentStart:
        """Return the reference of the gift; the money is already there."""
        return PaymentStart(f"cash-{request.donation_id}")
