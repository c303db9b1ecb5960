"""
A model test: whatever happens to the compiled swarms, a plain Python model of them says the same.

Announces of every event, stops, expiry under a clock that is moved by hand, scrapes, changes of the policy, of client rules and
of passkeys, and restarts through a snapshot, in any order that hypothesis can think of.
"""

import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from largesse import _core

INTERVAL_SECONDS = 600
TICK_SECONDS = 4
LATE_SECONDS = 300
MOST_SAID = 16
LIFE_TICKS = INTERVAL_SECONDS * 5 // 2 // TICK_SECONDS
KEYS = [bytes([number]) * 20 for number in range(5)]
PEERS = [
    *(f"8.0.0.{last}:5000" for last in range(1, 6)),
    "8.0.0.1:80",
    "8.0.0.9:22",
    "[2600::1]:5000",
    "[2600::2]:6000",
]
CLIENTS = [b"-AA0001-aaaaaaaaaaaa", b"-BB0001-bbbbbbbbbbbb"]
TOTALS = st.one_of(st.sampled_from([0, 10, 500, 600, 5000]), st.integers(0, 2**30))
Numbers = tuple[int, int, int, int]


@dataclass
class Swarm:
    """Peers by their address: whether they seed, are partial seeds, and when they were heard of."""

    peers: dict[str, tuple[bool, bool, int]] = field(default_factory=dict)
    completed: int = 0

    def numbers(self) -> Numbers:
        seeders = sum(seeds for seeds, _, _ in self.peers.values())
        partial = sum(is_partial for _, is_partial, _ in self.peers.values())
        return seeders, len(self.peers) - seeders, partial, self.completed


@dataclass
class Said:
    """What a member's client said: its highest totals, when last, since when, what became of it, and its words of late."""

    totals: list[int]
    heard: int
    begun: int
    seeds: bool
    completed: bool
    stopped: bool = False
    lately: dict[tuple[str, tuple[int, int]], int] = field(default_factory=dict)
    again: "Said | None" = None
    """The session that began, if the "started" that came last was not late."""


class Model:
    """What the swarms should do, in the plainest words."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.now = 3600
        self.swarms: dict[bytes, Swarm] = {}
        self.permitted: set[bytes] = set()
        self.refused: set[bytes] = set()
        self.aliases: dict[bytes, bytes] = {}
        self.denied: list[bytes] = []
        self.passkeys: dict[int, bytes] = {}
        self.reports: dict[tuple[int, bytes, bytes], Said] = {}
        self.deeds: defaultdict[tuple[int, bytes], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def allow(self, key: bytes) -> None:
        self.aliases.pop(key, None)
        self.refused.discard(key)
        self.permitted.add(key)
        self.swarms.setdefault(key, Swarm())

    def alias(self, key: bytes, canonical: bytes) -> None:
        self.refuse(key)
        self.refused.discard(key)
        self.aliases[key] = canonical

    def refuse(self, key: bytes) -> None:
        self.aliases.pop(key, None)
        self.permitted.discard(key)
        self.refused.add(key)
        self.swarms.pop(key, None)

    def home(self, key: bytes) -> bytes | None:
        """Return the key of the swarm; None where there cannot be one."""
        home = self.aliases.get(key, key)
        is_served = home not in self.refused if self.policy == "open" else home in self.permitted
        if home in self.aliases or not is_served:
            return None
        return home

    def announce(
        self,
        key: bytes,
        peer: str,
        *,
        event: str,
        left: int,
        client: bytes,
        passkey: bytes | None,
        totals: tuple[int, int],
    ) -> str | Numbers:
        if any(client.startswith(prefix) for prefix in self.denied):
            return "client"
        account = next((account for account, own in self.passkeys.items() if own == passkey), None)
        if self.policy == "members" and account is None:
            return "passkey"
        home = self.home(key)
        if home is None:
            return "not listed"
        if home not in self.swarms and event == "stopped":
            counts: Numbers = (0, 0, 0, 0)
        else:
            counts = self._put(self.swarms.setdefault(home, Swarm()), peer, event=event, is_seeder=left == 0)
        if self.policy == "members" and account is not None:
            self._report(account, home, client, event=event, is_seeder=left == 0, totals=totals)
        return counts

    def was_just_told(self, key: bytes, peer: str) -> bool:
        """Whether a peer that announces a second key has announced the swarm at about the same time."""
        home = self.home(key)
        before = self.swarms[home].peers.get(peer) if home in self.swarms and home != key else None
        return before is not None and self.now // TICK_SECONDS - before[2] <= 1

    def _put(self, swarm: Swarm, peer: str, *, event: str, is_seeder: bool) -> Numbers:
        port = int(peer.rpartition(":")[2])
        is_gone = event == "stopped" or (port < 1024 and port not in {80, 443})
        before = swarm.peers.pop(peer, None)
        if not is_gone:
            swarm.peers[peer] = (is_seeder, event == "paused" and not is_seeder, self.now // TICK_SECONDS)
        if event == "completed" and is_seeder and not (before and before[0]):
            swarm.completed += 1
        return swarm.numbers()

    def _report(
        self, account: int, key: bytes, client: bytes, *, event: str, is_seeder: bool, totals: tuple[int, int]
    ) -> None:
        deed = self.deeds[account, key]
        peer = (account, key, client)
        last = self.reports.get(peer)
        stops, completes = event == "stopped", event == "completed" and is_seeder
        now = Said([*totals], self.now, self.now, is_seeder and not stops, completes, stopped=stops)
        if last is None:
            if not stops:
                deed[3] += completes
                now.lately[event, totals] = self.now
                self.reports[peer] = now
            return
        is_less = totals[0] < last.totals[0] or totals[1] < last.totals[1]
        is_more = totals[0] > last.totals[0] or totals[1] > last.totals[1]
        last.lately = {words: since for words, since in last.lately.items() if self.now - since <= LATE_SECONDS}
        was_said = (event, totals) in last.lately
        if not was_said and len(last.lately) == MOST_SAID:
            del last.lately[next(iter(last.lately))]
        last.lately.setdefault((event, totals), self.now)
        now.lately = last.lately
        silent = self.now - last.heard
        if is_less and silent > max(0 if last.stopped else 2 * INTERVAL_SECONDS, LATE_SECONDS):
            deed[3] += completes
            self.reports[peer] = now
            return
        if event == "started" and 0 < sum(last.totals) >= 2 * sum(totals):
            now.completed = silent <= LATE_SECONDS and last.completed
            if last.stopped or not (was_said or self.now - last.begun <= LATE_SECONDS):
                now.seeds = now.seeds and not was_said
                self.reports[peer] = now
                return
            last.again = now
        elif was_said and is_more:
            return
        elif not was_said:
            if is_less and last.again:
                again = last.again
                again.heard, again.completed = max(again.heard, last.heard), last.completed
                again.lately = last.lately
                self.reports[peer] = last = again
            last.again = None
        self._go_on(last, deed, event=event, is_seeder=is_seeder, totals=totals, was_said=was_said)

    def _go_on(
        self, last: Said, deed: list[int], *, event: str, is_seeder: bool, totals: tuple[int, int], was_said: bool
    ) -> None:
        completes = event == "completed" and is_seeder
        if last.seeds:
            deed[2] += min(self.now - last.heard, 2 * INTERVAL_SECONDS)
        deed[3] += completes and not last.completed
        last.completed |= completes
        is_late = totals[0] < last.totals[0] or totals[1] < last.totals[1]
        new = self._above(last, totals)
        deed[0] += new[0]
        deed[1] += new[1]
        if last.stopped and event != "started" and self.now - last.heard <= LATE_SECONDS:
            return
        last.heard = self.now
        if event == "started" and not is_late:
            last.begun = self.now
        if event == "stopped" and is_late and was_said:
            return
        last.stopped = event == "stopped"
        if last.stopped or not is_late:
            last.seeds = is_seeder and not last.stopped

    @staticmethod
    def _above(last: Said, totals: tuple[int, int]) -> tuple[int, int]:
        """Return by how much the totals exceed the highest before; they are the highest now."""
        highest = max(last.totals[0], totals[0]), max(last.totals[1], totals[1])
        new = highest[0] - last.totals[0], highest[1] - last.totals[1]
        last.totals = [*highest]
        return new

    def advance(self, seconds: int) -> None:
        self.now += seconds
        for key, swarm in list(self.swarms.items()):
            tick = self.now // TICK_SECONDS
            swarm.peers = {peer: facts for peer, facts in swarm.peers.items() if tick - facts[2] <= LIFE_TICKS}
            if not swarm.peers and key not in self.permitted:
                del self.swarms[key]

    def forget_empty(self) -> None:
        """Forget torrents that nobody shares, completed or listed: a snapshot does not hold them."""
        for key, swarm in list(self.swarms.items()):
            if not swarm.peers and not swarm.completed and key not in self.permitted:
                del self.swarms[key]

    def scrape(self, key: bytes) -> Numbers | None:
        home = self.home(key)
        swarm = self.swarms.get(home) if home is not None else None
        return swarm.numbers() if swarm else None


def compact(peer: str) -> bytes:
    host, _, port = peer.rpartition(":")
    return ip_address(host.strip("[]")).packed + int(port).to_bytes(2)


class SwarmMachine(RuleBasedStateMachine):
    """Drives the compiled swarms and the model side by side."""

    @initialize(policy=st.sampled_from(["members", "listed", "open"]), shards=st.sampled_from([1, 2, 5]))
    def begin(self, policy: str, shards: int) -> None:
        self.model = Model(policy)
        self.shards = shards
        self.swarms = self._made()
        self.told: dict[bytes, tuple[int, int, int]] = {}
        self._admit(1, bytes(16))

    def _made(self) -> _core.Swarms:
        return _core.Swarms(policy=self.model.policy, interval_seconds=INTERVAL_SECONDS, shards=self.shards)

    @rule(
        key=st.sampled_from(KEYS),
        peer=st.sampled_from(PEERS),
        event=st.sampled_from(["", "started", "stopped", "completed", "paused"]),
        left=st.integers(0, 1),
        wanted=st.integers(0, 6),
        client=st.sampled_from(CLIENTS),
        passkey=st.sampled_from([bytes(16), bytes(16), bytes([1]) * 16, None]),
        totals=st.tuples(TOTALS, TOTALS),
    )
    def announce(
        self,
        key: bytes,
        peer: str,
        event: str,
        left: int,
        wanted: int,
        client: bytes,
        passkey: bytes | None,
        totals: tuple[int, int],
    ) -> None:
        told_before = self.model.was_just_told(key, peer)
        expected = self.model.announce(key, peer, event=event, left=left, client=client, passkey=passkey, totals=totals)
        refusal, numbers, v4, v6 = self.swarms.announce(
            key,
            peer,
            event=event,
            left=left,
            wanted=wanted,
            peer_id=client,
            passkey=passkey,
            uploaded=totals[0],
            downloaded=totals[1],
        )
        assert (refusal or numbers) == expected
        home = self.model.home(key)
        swarm = self.model.swarms.get(home) if home is not None and refusal is None else None
        own, other, size = (v6, v4, 18) if "[" in peer else (v4, v6, 6)
        assert other == b"", "over UDP only peers of the own family are told"
        found = [own[at : at + size] for at in range(0, len(own), size)]
        peers = swarm.peers if swarm else {}
        has_seeders_only = all(seeds for seeds, _, _ in peers.values())
        leechers_only = left == 0 and not (event == "started" and has_seeders_only)
        may_be = {
            compact(one)
            for one, (seeds, _, _) in peers.items()
            if one != peer and ("[" in one) == ("[" in peer) and not (seeds and leechers_only)
        }
        assert len(set(found)) == len(found)
        assert set(found) <= may_be
        is_told = event != "stopped" and not told_before
        assert len(found) == (min(wanted, len(may_be)) if is_told else 0)

    @rule(seconds=st.one_of(st.integers(1, 10), st.integers(100, 4000)))
    def advance(self, seconds: int) -> None:
        self.swarms.advance(seconds)
        self.model.advance(seconds)

    @rule(key=st.sampled_from(KEYS))
    def allow(self, key: bytes) -> None:
        self.swarms.apply([("allow", key, None)])
        self.model.allow(key)

    @rule(key=st.sampled_from(KEYS[2:]), canonical=st.sampled_from(KEYS[:3]))
    def alias(self, key: bytes, canonical: bytes) -> None:
        if key != canonical:
            self.swarms.apply([("alias", key, canonical)])
            self.model.alias(key, canonical)

    @rule(key=st.sampled_from(KEYS))
    def refuse(self, key: bytes) -> None:
        self.swarms.apply([("refuse", key, None)])
        self.model.refuse(key)

    @rule(denied=st.lists(st.sampled_from([b"-AA", b"-BB0001-", b"-ZZ"]), max_size=2))
    def change_client_rules(self, denied: list[bytes]) -> None:
        self.swarms.set_client_rules([], denied)
        self.model.denied = denied

    @rule(passkey=st.sampled_from([bytes(16), bytes([1]) * 16, bytes([2]) * 16]))
    def reset_passkey(self, passkey: bytes) -> None:
        self._admit(1, passkey)

    def _admit(self, account: int, passkey: bytes) -> None:
        self.swarms.admit_member(passkey, account)
        self.model.passkeys[account] = passkey

    @rule()
    def drain_counts(self) -> None:
        """Whoever only hears of changes knows as much as who asks for everything."""
        while drained := self.swarms.drain_counts(2):
            self.told.update({key: numbers[:3] for key, numbers in drained})
        nobody = (0, 0, 0)
        found = {key: self.told.get(key, nobody) for key in KEYS}
        listed = self.model.swarms.keys() & self.model.permitted
        assert found == {key: self.model.swarms[key].numbers()[:3] if key in listed else nobody for key in KEYS}

    @precondition(lambda self: self.model.policy == "members")
    @rule(
        client=st.sampled_from(CLIENTS),
        said=st.lists(
            st.tuples(
                st.sampled_from(["started", "", "completed", "stopped"]),
                st.sampled_from([0, 10, 500, 600, 5000]),
                st.sampled_from([0, 4, 100, 400, 1500]),
            ),
            min_size=2,
            max_size=8,
        ),
    )
    def live(self, client: bytes, said: list[tuple[str, int, int]]) -> None:
        """A member's client says several things about one torrent, some of them late."""
        self.allow(KEYS[0])
        self._admit(1, bytes(16))
        for event, uploaded, pause in said:
            self.announce(KEYS[0], PEERS[0], event, uploaded % 4, 2, client, bytes(16), (uploaded, 0))
            self.advance(pause)

    @precondition(lambda self: self.model.policy == "members")
    @rule()
    def drain_members(self) -> None:
        deltas, heard = self.swarms.drain_members()
        found = {(account, key): list(numbers) for account, key, *numbers in deltas}
        assert found == {peer: deed for peer, deed in self.model.deeds.items() if any(deed)}
        self.model.deeds.clear()
        for account, key, client, report in heard:
            last = self.model.reports.get((account, key, client))
            facts = report and (*report[:3], *report[5:])
            assert facts == (last and (*last.totals, last.seeds, last.stopped, last.completed))

    @precondition(lambda self: self.model.policy == "open")
    @rule()
    def restart(self) -> None:
        """Write a snapshot and go on with a new engine, which is told the policy anew."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "swarms.snapshot"
            self.swarms.write_snapshot(str(path))
            self.swarms, self.told = self._made(), {}
            self.swarms.advance(self.model.now - 3600)
            self.swarms.set_client_rules([], self.model.denied)
            self.swarms.apply([("refuse", key, None) for key in sorted(self.model.refused)])
            self.swarms.apply([("allow", key, None) for key in sorted(self.model.permitted)])
            self.swarms.apply([("alias", key, canonical) for key, canonical in sorted(self.model.aliases.items())])
            self.swarms.read_snapshot(str(path))
        self.model.forget_empty()

    @invariant()
    def every_scrape_agrees(self) -> None:
        if hasattr(self, "model"):
            assert {key: self.swarms.scrape(key) for key in KEYS} == {key: self.model.scrape(key) for key in KEYS}


TestSwarmModel = SwarmMachine.TestCase
