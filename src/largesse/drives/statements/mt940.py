"""MT940, SWIFT's customer statement, read by PyPI's mt-940, which knows the dialects of many banks."""

import io
import logging

import mt940

from largesse.drives.statements.lines import StatementLine, UnreadableStatement
from largesse.kit.errors import BadInput
from largesse.kit.money import Money

FORMAT = "MT940"

logging.getLogger("mt940").setLevel(logging.CRITICAL)  # It would log what it cannot match: donors' names and accounts.


def is_mt940(content: bytes) -> bool:
    """Return whether the file has the fields that every MT940 has."""
    return (b":20:" in content[:4096] and b":61:" in content) or b":60F:" in content[:4096]


def read_mt940(content: bytes) -> list[StatementLine]:
    """
    Read every line of every statement in the file.

    Raises:
        UnreadableStatement: the file does not follow the format.
    """
    lines: list[StatementLine] = []
    try:
        for part in _statements(content):
            lines += _statement_lines(part)
    except UnreadableStatement:
        raise
    except Exception as error:  # The library raises what its regular expressions and conversions happen to raise.
        raise UnreadableStatement(format=FORMAT, reason=str(error)[:120] or type(error).__name__) from error
    return lines


def _statements(content: bytes) -> list[bytes]:
    """Cut the file where a statement begins (field 20), so that each keeps its own number."""
    starts = [
        index
        for index in range(len(content))
        if content.startswith(b":20:", index) and (index == 0 or content[index - 1] in b"\r\n")
    ]
    return [content[start:end] for start, end in zip(starts, [*starts[1:], len(content)], strict=True)]


def _statement_lines(part: bytes) -> list[StatementLine]:
    transactions = mt940.parse(io.BytesIO(part))
    facts = transactions.data
    number = f"{facts.get('statement_number') or ''}/{facts.get('sequence_number') or ''}"
    opening = facts.get("final_opening_balance") or facts.get("intermediate_opening_balance")
    day = opening.date.isoformat() if opening is not None else ""
    statement_id = " ".join(filter(None, (facts.get("transaction_reference"), number, day)))
    lines = []
    for index, transaction in enumerate(transactions):
        data = transaction.data
        amount = data["amount"]
        try:
            money = Money.parse(str(amount.amount), currency=amount.currency)
        except BadInput as error:
            raise UnreadableStatement(format=FORMAT, reason=f"“{amount}” is not an amount") from error
        words = (
            data.get("purpose"),
            data.get("transaction_details"),
            data.get("end_to_end_reference"),
            data.get("customer_reference"),
        )
        lines.append(
            StatementLine(
                account=facts.get("account_identification") or "",
                statement_id=statement_id,
                entry_index=index,
                detail_index=0,
                booked_on=data.get("entry_date") or data["date"],
                amount=money,
                remittance=" ".join(" ".join(word.split()) for word in words if word and word != "NONREF"),
                counterparty_name=data.get("applicant_name") or "",
                counterparty_account=data.get("gvc_applicant_iban") or "",
                bank_reference=data.get("bank_reference") or "",
                is_reversal=str(data.get("status") or "").startswith("R"),
            )
        )
    return lines
