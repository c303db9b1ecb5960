"""OFX 1 (SGML) and 2 (XML), read by PyPI's ofxtools; FITID is the bank's own id of a line and serves as its place."""

import io
import re

from ofxtools.Parser import OFXTree

from largesse.drives.statements.lines import StatementLine, UnreadableStatement
from largesse.kit.errors import BadInput
from largesse.kit.money import Money

FORMAT = "OFX"


def is_ofx(content: bytes) -> bool:
    """Return whether the file has an OFX header."""
    return b"OFXHEADER" in content[:1024] or b"<OFX>" in content[:4096]


def read_ofx(content: bytes) -> list[StatementLine]:
    """
    Read every line of every bank statement in the file.

    Raises:
        UnreadableStatement: the file does not follow the format, or declares entities.
    """
    if re.search(rb"<!(DOCTYPE|ENTITY)", content, re.IGNORECASE):
        raise UnreadableStatement(format=FORMAT, reason="it declares entities, which no bank does")
    try:
        tree = OFXTree()
        tree.parse(io.BytesIO(content))
        statements = tree.convert().statements
    except (
        Exception
    ) as error:  # The library raises ValueError, ParseError, KeyError and its own, by the kind of damage.
        raise UnreadableStatement(format=FORMAT, reason=str(error)[:120] or type(error).__name__) from error
    lines: list[StatementLine] = []
    for statement in statements:
        account = str(statement.account.acctid)
        seen: dict[str, int] = {}
        for transaction in statement.transactions:
            fitid = str(transaction.fitid)
            place = seen.get(fitid, 0)
            seen[fitid] = place + 1
            currency = transaction.currency.cursym if getattr(transaction, "currency", None) else statement.curdef
            try:
                money = Money.parse(str(transaction.trnamt), currency=str(currency))
            except BadInput as error:
                raise UnreadableStatement(format=FORMAT, reason=f"“{transaction.trnamt}” is not an amount") from error
            name = transaction.name or (transaction.payee.name if getattr(transaction, "payee", None) else "")
            lines.append(
                StatementLine(
                    account=account,
                    statement_id=f"FITID {fitid}",
                    entry_index=place,
                    detail_index=0,
                    booked_on=transaction.dtposted.date(),
                    amount=money,
                    remittance=" ".join(filter(None, (transaction.memo, transaction.checknum, transaction.refnum))),
                    counterparty_name=str(name or ""),
                    counterparty_account="",
                    bank_reference=fitid,
                )
            )
    return lines
