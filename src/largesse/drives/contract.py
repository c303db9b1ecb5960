"""
The contract of a drive: what it promises, made from its terms, frozen by its hash and shown before paying.

A version's bytes are canonical JSON with the terms; anyone can hash them again.
"""

import hashlib
import json
from typing import Any

from largesse.drives.models import Contract, Drive
from largesse.kit.canonical import canonical_json


def terms_of(drive: Drive) -> dict[str, Any]:
    """Return the terms of a drive as it stands now, as canonical JSON values."""
    return {
        "drive": drive.public_id,
        "title": drive.title,
        "purpose": drive.purpose,
        "currency": drive.currency,
        "goal_minor": drive.goal_minor,
        "period": drive.period,
        "carry_over": drive.carry_over if drive.period == "monthly" else "",
        "counted": drive.counted,
        "starts_at": drive.starts_at.isoformat(timespec="seconds"),
        "ends_at": drive.ends_at.isoformat(timespec="seconds") if drive.ends_at else None,
        "refund_days": drive.refund_days,
        "holder": drive.holder,
        "surplus": drive.surplus,
        "shortfall": drive.shortfall,
        "settlement": drive.settlement,
        "closure": "wind_down",
        "lines": [
            {"name": line.name, "detail": line.detail, "cost_minor": line.cost_minor} for line in drive.lines.all()
        ],
    }


def terms_json(drive: Drive, *, version: int) -> str:
    """Return the bytes that a version is frozen as."""
    return canonical_json({"version": version, "terms": terms_of(drive)})


def hash_of(text: str) -> str:
    """Return the SHA-256, in hex, of a frozen text."""
    return hashlib.sha256(text.encode()).hexdigest()


def frozen_terms(contract: Contract) -> dict[str, Any]:
    """Return the terms that a contract froze."""
    value: dict[str, Any] = json.loads(contract.terms_json)["terms"]
    return value


def contract_in_force(drive: Drive) -> Contract | None:
    """Return the newest contract of a drive."""
    return drive.contracts.order_by("-version").first()
