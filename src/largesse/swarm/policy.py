"""
The tracker's policy as a follower of the journal: what may be announced, by which clients, and whose passkeys work.

Everything is in the journal but the passkeys, which are secrets: a row says that an account's passkey changed, and the new one is
read from the account. A tracker keeps its policy in memory, so a new one replays the rows that concern it.
"""

import logging
from collections.abc import Iterable, Sequence

from largesse.accounts.models import User
from largesse.config.sections import TrackerConfig
from largesse.journal.followers import last_serial
from largesse.journal.models import Row
from largesse.swarm.core import Change, TakesPolicy, prefixes

ALLOWING = frozenset({"torrents.listed", "torrents.restored"})
REFUSING = frozenset({"torrents.withdrawn", "torrents.restricted"})
PASSKEY_CHANGED = "accounts.passkey_changed"
ACCOUNT_CLOSED = "accounts.closed"
ACCOUNT_REOPENED = "accounts.reopened"
CLIENT_RULES_CHANGED = "swarm.client_rules_changed"
ADMITTING = frozenset({PASSKEY_CHANGED, ACCOUNT_REOPENED})
BATCH_CHANGES = 20_000
OVERLAP = 100
"""How far back new accounts are looked for: two sign-ups may commit in another order than they were numbered."""

logger = logging.getLogger(__name__)


class TrackerPolicy:
    """Tells a tracker what the journal says."""

    name = "tracker policy"

    def __init__(self, tracker: TakesPolicy, config: TrackerConfig) -> None:
        self.tracker = tracker
        self.config = config
        self.has_members = config.policy == "members"
        self.known: dict[int, str] = {}
        """Each account's passkey as the tracker knows it, in members' mode."""
        self.newest = 0
        """The highest number among them."""

    def restore(self) -> int:
        """Replay what concerns the tracker; return the serial that this stands at."""
        serial = last_serial()
        rows = (
            Row.objects.filter(kind__in=ALLOWING | REFUSING, serial__lte=serial)
            .order_by("serial")
            .only("serial", "kind", "payload_json")
        )
        changes: list[Change] = []
        for row in rows.iterator(chunk_size=5_000):
            changes += changes_of(row)
            if len(changes) >= BATCH_CHANGES:
                self.tracker.apply(changes)
                changes = []
        self.tracker.apply(changes)
        rule = Row.objects.filter(kind=CLIENT_RULES_CHANGED, serial__lte=serial).order_by("-serial").first()
        self._set_client_rules(rule)
        if self.has_members:
            self.admit_all()
        return serial

    def apply(self, rows: Sequence[Row]) -> None:
        """Apply rows in serial order."""
        changes = [change for row in rows for change in changes_of(row)]
        if changes:
            self.tracker.apply(changes)
        rules = [row for row in rows if row.kind == CLIENT_RULES_CHANGED]
        if rules:
            self._set_client_rules(rules[-1])
        if self.has_members and any(row.kind == ACCOUNT_CLOSED for row in rows):
            self.admit_all()
        elif self.has_members:
            changed = {row.subject.removeprefix("account:") for row in rows if row.kind in ADMITTING}
            self._admit(User.objects.filter(public_id__in=changed, is_active=True) if changed else ())

    def admit_all(self) -> None:
        """Give every active account its passkey; those that were closed lose theirs."""
        accounts = User.objects.filter(is_active=True).values_list("pk", "tracker_passkey")
        self.known = dict(accounts.iterator(chunk_size=5_000))
        self.newest = max(self.known, default=0)
        self.tracker.replace_members({bytes.fromhex(passkey): account for account, passkey in self.known.items()})

    def admit_new(self) -> int:
        """Give accounts that were made since the last time their passkeys; return how many."""
        if not self.has_members:
            return 0
        found = User.objects.filter(pk__gt=self.newest - OVERLAP, is_active=True).only("pk", "tracker_passkey")
        return self._admit(user for user in found if user.pk not in self.known)

    def _admit(self, users: Iterable[User]) -> int:
        admitted = 0
        for user in users:
            self.tracker.admit_member(bytes.fromhex(user.tracker_passkey), user.pk)
            self.known[user.pk] = user.tracker_passkey
            self.newest = max(self.newest, user.pk)
            admitted += 1
        return admitted

    def _set_client_rules(self, rule: Row | None) -> None:
        """Serve the clients that the settings and the newest rule allow, and neither denies."""
        said = rule.payload if rule else {"allow": [], "deny": []}
        allow = prefixes((*self.config.client_allow, *said["allow"]))
        deny = prefixes((*self.config.client_deny, *said["deny"]))
        self.tracker.set_client_rules(allow, deny)


def changes_of(row: Row) -> list[Change]:
    """Return what a row changes: its first announce key is the swarm's own, the others are second names of it."""
    if row.kind not in ALLOWING and row.kind not in REFUSING:
        return []
    keys = [bytes.fromhex(key) for key in row.payload["announce_keys"]]
    if row.kind in REFUSING:
        return [("refuse", key, None) for key in keys]
    return [("allow", keys[0], None), *(("alias", key, keys[0]) for key in keys[1:])]
