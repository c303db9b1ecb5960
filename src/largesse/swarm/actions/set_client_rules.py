"""Say which BitTorrent programs the tracker serves."""

from collections.abc import Sequence

from django.db import transaction

from largesse.journal.actions.append import append
from largesse.journal.models import Row
from largesse.kit.clock import Clock, utc_now
from largesse.swarm.errors import BadClientRule
from largesse.swarm.policy import CLIENT_RULES_CHANGED

PEER_ID_CHARACTERS = 20


@transaction.atomic
def set_client_rules(
    *, allow: Sequence[str], deny: Sequence[str], actor: str = "system", clock: Clock = utc_now
) -> Row:
    """
    Replace the rules: beginnings of peer ids that alone are served (none: all), and those that are refused.

    They hold in the tracker within a second. Rules of the settings file hold besides.

    Raises:
        BadClientRule: a prefix is not 1 to 20 printable ASCII characters.
    """
    payload = {"allow": _checked(allow), "deny": _checked(deny)}
    return append(kind=CLIENT_RULES_CHANGED, subject="tracker", actor=actor, payload=payload, clock=clock)


def _checked(given: Sequence[str]) -> list[str]:
    for prefix in given:
        if not 1 <= len(prefix) <= PEER_ID_CHARACTERS or not prefix.isascii() or not prefix.isprintable():
            raise BadClientRule(prefix=prefix[:40])
    return sorted(set(given))
