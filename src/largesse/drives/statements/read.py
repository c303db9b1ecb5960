"""Read a statement, whatever format it has: the content decides, not the file's name."""

import hashlib

from largesse.drives.statements.camt053 import is_camt053, read_camt053
from largesse.drives.statements.delimited import read_delimited
from largesse.drives.statements.lines import MAXIMUM_BYTES, MAXIMUM_LINES, Statement, UnreadableStatement
from largesse.drives.statements.mt940 import is_mt940, read_mt940
from largesse.drives.statements.ofx import is_ofx, read_ofx


def read_statement(content: bytes, *, currency: str) -> Statement:
    """
    Read a bank statement in CAMT.053, MT940, OFX or CSV.

    Args:
        content: the file, at most MAXIMUM_BYTES.
        currency: the account's currency, for CSV files that do not say it.

    Raises:
        UnreadableStatement: the format is unknown, the file is damaged, too large or empty.
    """
    if len(content) > MAXIMUM_BYTES:
        raise UnreadableStatement(format="a statement", reason=f"it is larger than {MAXIMUM_BYTES // 1_000_000} MB")
    pending = 0
    if is_camt053(content):
        name = "CAMT.053"
        lines, pending = read_camt053(content)
    elif is_ofx(content):
        name, lines = "OFX", read_ofx(content)
    elif is_mt940(content):
        name, lines = "MT940", read_mt940(content)
    elif b"\0" in content[:4096] or content[:5] == b"%PDF-":
        raise UnreadableStatement(format="a statement", reason="it is neither CAMT.053, MT940, OFX nor CSV")
    else:
        name, lines = "CSV", read_delimited(content, currency=currency)
    if not lines and not pending:
        raise UnreadableStatement(format=name, reason="it holds no movement")
    if len(lines) > MAXIMUM_LINES:
        raise UnreadableStatement(format=name, reason=f"it holds more than {MAXIMUM_LINES} movements")
    return Statement(name, hashlib.sha256(content).hexdigest(), tuple(lines), pending)
