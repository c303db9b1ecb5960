"""
The contract of a drive: what it promises, made from its terms, frozen by its hash and shown before paying.

A version's bytes are canonical JSON with the terms; anyone can hash them again.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from largesse.drives.models import CarryOver, Contract, Counted, Drive
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


def terms_json(drive: Drive, *, version: int, why: str = "") -> str:
    """Return the bytes that a version is frozen as; a later version says why the terms were changed."""
    terms = terms_of(drive) | ({"why": why} if why else {})
    return canonical_json({"version": version, "terms": terms})


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


def shown_terms(terms: dict[str, Any]) -> dict[str, Any]:
    """Return terms as a page shows them: with times as times, and choices in the visitor's words."""
    ends_at = datetime.fromisoformat(terms["ends_at"]) if terms["ends_at"] else None
    return {
        **terms,
        "starts_at": datetime.fromisoformat(terms["starts_at"]),
        "ends_at": ends_at,
        "carry_words": CarryOver(terms["carry_over"]).label if terms["carry_over"] else "",
        "counted_words": Counted(terms["counted"]).label,
    }


def changed_terms(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the names of the terms that differ, in the order of the contract."""
    return [name for name in after if name not in {"drive", "why"} and before.get(name) != after[name]]
