"""
CAMT.053 (ISO 20022 "Bank to Customer Statement"), every version from 001.02 on.

Our own reading instead of PyPI's pycamt, which drops the statement's id and the entry's place that keep twins apart, and does
not check that the details of a batch sum to its entry. Elements are found by local name, since each version and each bank has
its own namespace.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from largesse.drives.statements.lines import StatementLine, UnreadableStatement
from largesse.kit.errors import BadInput
from largesse.kit.money import Money

FORMAT = "CAMT.053"


def is_camt053(content: bytes) -> bool:
    """Return whether the file says that it is CAMT.053."""
    return b"camt.053" in content[:4096]


def read_camt053(content: bytes) -> tuple[list[StatementLine], int]:
    """
    Read every booked line; return them with the number of pending movements that were left out.

    Raises:
        UnreadableStatement: not XML, not CAMT.053, an entry without amount or date, or a batch that does not sum.
    """
    try:
        root = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise UnreadableStatement(format=FORMAT, reason=f"it is not well-formed XML ({error})") from error
    statements = [element for element in root.iter() if _local(element) == "Stmt"]
    if not statements:
        raise UnreadableStatement(format=FORMAT, reason="it has no statement (Stmt)")
    lines: list[StatementLine] = []
    pending = 0
    for statement in statements:
        statement_id = _text(statement, "Id")
        if not statement_id:
            raise UnreadableStatement(format=FORMAT, reason="a statement has no id")
        account = _text(statement, "Acct", "Id", "IBAN") or _text(statement, "Acct", "Id", "Othr", "Id")
        for index, entry in enumerate(_children(statement, "Ntry")):
            status = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
            if status != "BOOK":
                pending += 1
                continue
            lines += _entry_lines(entry, account=account, statement_id=statement_id, entry_index=index)
    return lines, pending


def _entry_lines(entry: Any, *, account: str, statement_id: str, entry_index: int) -> Iterator[StatementLine]:
    total = _money(entry)
    sign = _sign(entry, inherited=None)
    is_reversal = _text(entry, "RvslInd") == "true"
    booked = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm") or _text(entry, "ValDt", "Dt")
    try:
        booked_on = date.fromisoformat(booked[:10])
    except ValueError as error:
        raise UnreadableStatement(format=FORMAT, reason=f"entry {entry_index + 1} has no booking date") from error
    details = [detail for part in _children(entry, "NtryDtls") for detail in _children(part, "TxDtls")]
    parts = [
        (_detail_money(detail, total, alone=len(details) == 1), _sign(detail, inherited=sign), detail)
        for detail in details
    ]
    if not parts:
        parts = [(total, sign, entry)]
    if sum(money.amount_minor * part_sign for money, part_sign, _ in parts) != total.amount_minor * sign:
        raise UnreadableStatement(format=FORMAT, reason=f"the parts of batch entry {entry_index + 1} do not sum to it")
    for detail_index, (money, part_sign, detail) in enumerate(parts):
        side = "Dbtr" if part_sign > 0 else "Cdtr"
        yield StatementLine(
            account=account,
            statement_id=statement_id,
            entry_index=entry_index,
            detail_index=detail_index,
            booked_on=booked_on,
            amount=Money(money.amount_minor * part_sign, money.currency),
            remittance=_remittance(detail) or _text(entry, "AddtlNtryInf"),
            counterparty_name=_text(detail, "RltdPties", side, "Nm") or _text(detail, "RltdPties", side, "Pty", "Nm"),
            counterparty_account=_text(detail, "RltdPties", f"{side}Acct", "Id", "IBAN"),
            bank_reference=_text(detail, "Refs", "AcctSvcrRef") or _text(entry, "AcctSvcrRef"),
            is_reversal=is_reversal,
        )


def _remittance(detail: Any) -> str:
    words = [
        (element.text or "").strip()
        for part in _children(detail, "RmtInf")
        for element in part.iter()
        if _local(element) in {"Ustrd", "Ref", "AddtlRmtInf"}
    ]
    end_to_end = _text(detail, "Refs", "EndToEndId")
    return " ".join(word for word in (*words, end_to_end if end_to_end != "NOTPROVIDED" else "") if word)


def _detail_money(detail: Any, total: Money, *, alone: bool) -> Money:
    found = _children(detail, "Amt")
    if found:
        return _amount(found[0])
    nested = [
        part
        for outer in _children(detail, "AmtDtls")
        for inner in _children(outer, "TxAmt")
        for part in _children(inner, "Amt")
    ]
    if nested and nested[0].get("Ccy") == total.currency:
        return _amount(nested[0])
    if alone:
        return total
    raise UnreadableStatement(format=FORMAT, reason="a batch has a part without an amount")


def _money(entry: Any) -> Money:
    found = _children(entry, "Amt")
    if not found:
        raise UnreadableStatement(format=FORMAT, reason="an entry has no amount")
    return _amount(found[0])


def _amount(element: Any) -> Money:
    currency = element.get("Ccy") or ""
    try:
        money = Money.parse(str(Decimal((element.text or "").strip())), currency=currency)
    except (InvalidOperation, BadInput) as error:
        raise UnreadableStatement(format=FORMAT, reason=f"“{(element.text or '')[:40]}” is not an amount") from error
    if money.amount_minor < 0:
        raise UnreadableStatement(
            format=FORMAT, reason="an amount is negative; the direction has an element of its own"
        )
    return money


def _sign(element: Any, *, inherited: int | None) -> int:
    match _text(element, "CdtDbtInd"):
        case "CRDT":
            return 1
        case "DBIT":
            return -1
        case _ if inherited is not None:
            return inherited
        case other:
            raise UnreadableStatement(format=FORMAT, reason=f"“{other}” is neither credit nor debit")


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _children(element: Any, name: str) -> list[Any]:
    return [child for child in element if _local(child) == name]


def _text(element: Any, *path: str) -> str:
    found = [element]
    for name in path:
        found = [child for parent in found for child in _children(parent, name)]
    return (found[0].text or "").strip() if found else ""
