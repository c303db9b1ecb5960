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
    """What a member's client said last: its highest totals, when, since when, and what became of it."""

    totals: list[int]
    heard: int
    begun: int
    seeds: bool
    completed: bool
    stopped: bool = False
    former: tuple[int, int] | None = None


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
        known = last = self.reports.get(peer)
        stops = event == "stopped"
        completes = event == "completed" and is_seeder
        is_less = last is not None and (totals[0] < last.totals[0] or totals[1] < last.totals[1])
        if last:
            apart = 0 if last.stopped else 2 * INTERVAL_SECONDS
            if is_less and self.now - last.heard > max(apart, LATE_SECONDS):
                last = None
        if last is None:
            deed[3] += completes
            if known or not stops:
                seeds = is_seeder and not stops
                self.reports[peer] = Said([*totals], self.now, self.now, seeds, completes, stopped=stops)
            return
        is_nought = 0 < sum(last.totals) >= 2 * sum(totals)
        if event == "started" and is_nought:
            is_near = self.now - last.heard <= LATE_SECONDS
            former = (last.totals[0], last.totals[1]) if is_near else None
            completed = is_near and last.completed
            self.reports[peer] = Said([*totals], self.now, self.now, is_seeder, completed, former=former)
            return
        if last.seeds:
            deed[2] += min(self.now - last.heard, 2 * INTERVAL_SECONDS)
        deed[3] += completes and not last.completed
        last.completed |= completes
        if self.now - last.begun > LATE_SECONDS:
            last.former = None
        is_of_former = last.former is not None and any(
            before > 0 and now >= before for now, before in zip(totals, last.former, strict=True)
        )
        if last.former is not None and is_of_former:
            self._above(last, last.former)
            last.former = None
        new = self._above(last, totals)
        deed[0] += new[0]
        deed[1] += new[1]
        if not last.stopped or event == "started" or self.now - last.heard > LATE_SECONDS:
            last.heard = self.now
            last.stopped = event == "stopped" and not is_of_former
            last.seeds = event != "stopped" and (last.seeds if is_less else is_seeder)

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
