//! A shard: the torrents of one worker, with policy, announces, counts and sweeping.

use std::net::{IpAddr, SocketAddr};

use crate::list::{Choice, List, Seeded};
use crate::peer::{Kind, Meta, Peer, PeerV4, PeerV6, classify};
use crate::table::{Body, Place, SEGMENTS, Slot, Table};
use crate::{Key, Random, Tick};

/// Inline peers of a slot.
const INLINE: usize = 2;

/// To whom peers on loopback and private networks are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// To peers that are on such a network themselves.
    Same,
    /// To all.
    All,
    /// To nobody.
    Never,
}

/// What a client says happened (BEP 3, BEP 15, BEP 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A regular announce.
    None,
    /// The download is complete.
    Completed,
    /// The first announce.
    Started,
    /// The last announce.
    Stopped,
    /// A partial seed: nothing more is wanted (BEP 21).
    Paused,
}

/// One announce.
#[derive(Clone, Copy, Debug)]
pub struct Announce {
    /// The announced key.
    pub key: Key,
    /// The client's address, with the port that it listens on.
    pub address: SocketAddr,
    /// What happened.
    pub event: Event,
    /// Whether nothing is left to download.
    pub is_seeder: bool,
    /// How many peers are wanted.
    pub wanted: usize,
    /// Whether peers of the other address family are of use, as they are over HTTP (BEP 7).
    pub both_families: bool,
}

/// What a swarm holds. A partial seed is a leecher, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Peers that have everything.
    pub seeders: u32,
    /// Peers that do not.
    pub leechers: u32,
    /// Of the leechers, those that want nothing more.
    pub partial_seeds: u32,
    /// How often a download was completed.
    pub completed: u32,
}

/// How an announce or a scrape ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done(Counts),
    /// The key is a hybrid's second one; ask for this one instead, which may be another shard's.
    SameAs(Key),
    /// The policy does not permit the key, or it is not there.
    Unknown,
    /// The shard holds as many torrents as it may.
    Full,
}

/// A large swarm: both families, and the browsers that are told of by the WebSocket side.
#[derive(Debug)]
struct Large {
    v4: List<PeerV4>,
    v6: List<PeerV6>,
    web_seeders: u32,
    web_leechers: u32,
}

/// A swarm as a snapshot keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotSwarm {
    /// Its key.
    pub key: Key,
    /// How often a download was completed.
    pub completed: u32,
    /// Address, whether it seeds, whether it is a partial seed, and the ticks since it was heard of.
    pub peers: Vec<(SocketAddr, bool, bool, u16)>,
}

/// The torrents of one worker.
#[derive(Debug)]
pub struct Shard {
    table: Table,
    large: Vec<Large>,
    free: Vec<u32>,
    aliases: Vec<Key>,
    free_aliases: Vec<u32>,
    changed: Vec<Key>,
    random: Random,
    seed: Seeded,
    sweep_at: usize,
    /// Whether only permitted keys are answered.
    pub is_listed_only: bool,
    /// Who is told of local peers.
    pub visibility: Visibility,
    /// Most torrents that the open policy keeps.
    pub most_torrents: usize,
    /// Most peers of one swarm and family.
    pub most_peers: usize,
    /// After how many silent ticks a peer is gone.
    pub life: u16,
    /// Peers that were refused since their swarm is full.
    pub peers_refused: u64,
    /// Peers that left without a word.
    pub peers_expired: u64,
}

impl Shard {
    /// An empty shard; `seed` comes from the operating system's random source.
    #[must_use]
    pub fn new(seed: [u64; 3]) -> Self {
        let hashing = Seeded([seed[0], seed[1]]);
        Self {
            table: Table::new(hashing),
            large: Vec::new(),
            free: Vec::new(),
            aliases: Vec::new(),
            free_aliases: Vec::new(),
            changed: Vec::new(),
            random: Random::new(seed[2]),
            seed: hashing,
            sweep_at: 0,
            is_listed_only: true,
            visibility: Visibility::Same,
            most_torrents: usize::MAX,
            most_peers: usize::MAX,
            life: 900,
            peers_refused: 0,
            peers_expired: 0,
        }
    }

    /// How many torrents there are, permitted ones without peers included.
    #[must_use]
    pub fn torrents(&self) -> usize {
        self.table.len()
    }

    /// Permits a key.
    pub fn permit(&mut self, key: Key) {
        let place = self.place_or_new(key);
        if self.table.get(place).kind == Body::Alias {
            let number = self.table.get(place).number();
            self.free_aliases.push(number as u32);
            *self.table.get_mut(place) = Slot::new(key);
        }
        self.table.get_mut(place).set_permitted(true);
    }

    /// Lets a key stand for another one.
    pub fn alias(&mut self, key: Key, canonical: Key) {
        self.forbid(key);
        let place = self.place_or_new(key);
        let number = self.free_aliases.pop().map_or(self.aliases.len(), |number| number as usize);
        if number == self.aliases.len() {
            self.aliases.push(canonical);
        } else {
            self.aliases[number] = canonical;
        }
        let slot = self.table.get_mut(place);
        slot.set_number(Body::Alias, number);
        slot.set_permitted(true);
    }

    /// Forbids a key and forgets its peers.
    pub fn forbid(&mut self, key: Key) {
        if let Some(place) = self.place(key) {
            self.drop_slot(place);
        }
    }

    /// Reads what an announce of this key will need, so that several can wait for memory at the same time.
    #[must_use]
    pub fn touch(&self, key: &Key) -> u8 {
        self.table.touch(self.table.hash(key))
    }

    /// Handles an announce: renews or removes the peer, and writes the compact peers that it gets.
    pub fn announce(
        &mut self,
        announce: &Announce,
        now: Tick,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Outcome {
        let hash = self.table.hash(&announce.key);
        let place = match self.table.find(hash, &announce.key) {
            Some(place) => {
                let slot = self.table.get(place);
                if slot.kind == Body::Alias {
                    return Outcome::SameAs(self.aliases[slot.number()]);
                }
                if self.is_listed_only && !slot.is_permitted() {
                    return Outcome::Unknown;
                }
                place
            }
            None if self.is_listed_only => return Outcome::Unknown,
            None if announce.event == Event::Stopped => return Outcome::Done(Counts::default()),
            None if self.table.len() >= self.most_torrents => return Outcome::Full,
            None => self.table.insert(hash, Slot::new(announce.key)),
        };
        let ip = canonical(announce.address.ip());
        let kind = classify(ip);
        let is_local = kind == Kind::Local;
        let port = announce.address.port();
        let may_be_told = kind != Kind::Bogon && (port >= 1024 || port == 80 || port == 443);
        let meta = Meta::new(now, announce.event == Event::Paused && !announce.is_seeder, is_local);
        let is_gone = announce.event == Event::Stopped || !may_be_told;
        let before = self.put(place, ip, port, meta, announce.is_seeder, is_gone);
        if announce.event == Event::Completed && announce.is_seeder && before != Some(true) {
            let slot = self.table.get_mut(place);
            slot.completed = slot.completed.saturating_add(1);
        }
        let is_different = match before {
            None => !is_gone,
            Some(was_seeder) => {
                is_gone || was_seeder != announce.is_seeder || announce.event == Event::Paused
            }
        };
        if is_different || announce.event == Event::Completed {
            self.mark_changed(place);
        }
        if announce.event != Event::Stopped && announce.wanted > 0 {
            let with_local = match self.visibility {
                Visibility::Same => is_local,
                Visibility::All => true,
                Visibility::Never => false,
            };
            self.choose(place, announce, ip, with_local, v4, v6);
        }
        Outcome::Done(self.counts(place))
    }

    /// Answers a scrape.
    #[must_use]
    pub fn scrape(&self, key: Key) -> Outcome {
        match self.place(key) {
            None => Outcome::Unknown,
            Some(place) => {
                let slot = self.table.get(place);
                match slot.kind {
                    Body::Alias => Outcome::SameAs(self.aliases[slot.number()]),
                    _ if self.is_listed_only && !slot.is_permitted() => Outcome::Unknown,
                    _ => Outcome::Done(self.counts(place)),
                }
            }
        }
    }

    /// Tells how many browsers seed and download now, and how many completed since the last time; the WebSocket side knows.
    pub fn set_web(&mut self, key: Key, seeders: u32, leechers: u32, completed: u32) -> Outcome {
        let place = match (self.place(key), self.is_listed_only) {
            (Some(place), _) => place,
            (None, true) => return Outcome::Unknown,
            (None, false) if self.table.len() >= self.most_torrents => return Outcome::Full,
            (None, false) => self.place_or_new(key),
        };
        let slot = self.table.get(place);
        if slot.kind == Body::Alias {
            return Outcome::SameAs(self.aliases[slot.number()]);
        }
        if self.is_listed_only && !slot.is_permitted() {
            return Outcome::Unknown;
        }
        let number = self.enlarge(place);
        let large = &mut self.large[number];
        (large.web_seeders, large.web_leechers) = (seeders, leechers);
        let slot = self.table.get_mut(place);
        slot.completed = slot.completed.saturating_add(completed);
        self.mark_changed(place);
        Outcome::Done(self.counts(place))
    }

    /// Sweeps a number of segments: silent peers go, and torrents that nobody listed and nobody shares.
    pub fn sweep(&mut self, now: Tick, segments: usize) {
        for _ in 0..segments.min(SEGMENTS) {
            let segment = self.sweep_at;
            self.sweep_at = (segment + 1) % SEGMENTS;
            let keys: Vec<Key> = self.table.places(segment).map(|place| self.table.get(place).key).collect();
            for key in keys {
                if let Some(place) = self.place(key) {
                    self.sweep_slot(place, now);
                }
            }
        }
    }

    /// Hands over the keys whose counts changed since the last time, at most `limit`, with their counts.
    pub fn drain_changed(&mut self, limit: usize) -> Vec<(Key, Counts)> {
        let keep = self.changed.len().saturating_sub(limit);
        let keys: Vec<Key> = self.changed.drain(keep..).collect();
        keys.into_iter()
            .map(|key| match self.place(key) {
                None => (key, Counts::default()),
                Some(place) => {
                    self.table.get_mut(place).set_changed(false);
                    (key, self.counts(place))
                }
            })
            .collect()
    }

    /// How many peers there are: IPv4, IPv6, browsers. Walks over everything.
    #[must_use]
    pub fn peers(&self) -> (usize, usize, usize) {
        let mut totals = (0, 0, 0);
        for place in (0..SEGMENTS).flat_map(|segment| self.table.places(segment)) {
            let slot = self.table.get(place);
            match slot.kind {
                Body::Inline => totals.0 += usize::from(slot.len),
                Body::Large => {
                    let large = &self.large[slot.number()];
                    totals.0 += large.v4.len();
                    totals.1 += large.v6.len();
                    totals.2 += (large.web_seeders + large.web_leechers) as usize;
                }
                Body::Alias | Body::Empty => {}
            }
        }
        totals
    }

    /// The counts of one segment's torrents, second names left out.
    pub fn counted(&self, segment: usize, out: &mut Vec<(Key, Counts)>) {
        let places = self.table.places(segment).filter(|place| self.table.get(*place).kind != Body::Alias);
        out.extend(places.map(|place| (self.table.get(place).key, self.counts(place))));
    }

    /// How many segments a snapshot has to ask for.
    #[must_use]
    pub fn segments() -> usize {
        SEGMENTS
    }

    /// The swarms of one segment that have peers or were completed.
    #[must_use]
    pub fn snapshot(&self, segment: usize, now: Tick) -> Vec<SnapshotSwarm> {
        let mut swarms = Vec::new();
        for place in self.table.places(segment) {
            let slot = self.table.get(place);
            let mut peers = Vec::new();
            match slot.kind {
                Body::Inline => {
                    for position in 0..usize::from(slot.len) {
                        let peer = PeerV4(slot.inline(position));
                        peers.push(kept(
                            socket_v4(peer.address()),
                            peer.meta(),
                            position < usize::from(slot.seeders),
                            now,
                        ));
                    }
                }
                Body::Large => {
                    let large = &self.large[slot.number()];
                    peers.extend(
                        large
                            .v4
                            .iter()
                            .map(|(peer, seeds)| kept(socket_v4(peer.address()), peer.meta(), seeds, now)),
                    );
                    peers.extend(
                        large
                            .v6
                            .iter()
                            .map(|(peer, seeds)| kept(socket_v6(peer.address()), peer.meta(), seeds, now)),
                    );
                }
                Body::Alias | Body::Empty => continue,
            }
            if !peers.is_empty() || slot.completed > 0 {
                swarms.push(SnapshotSwarm { key: slot.key, completed: slot.completed, peers });
            }
        }
        swarms
    }

    /// Puts a swarm of a snapshot back; with the listed policy only where its key is permitted.
    pub fn restore(&mut self, swarm: &SnapshotSwarm, now: Tick) {
        let place = match self.place(swarm.key) {
            Some(place) if self.table.get(place).kind != Body::Alias => place,
            None if !self.is_listed_only && self.table.len() < self.most_torrents => {
                self.place_or_new(swarm.key)
            }
            _ => return,
        };
        let slot = self.table.get_mut(place);
        slot.completed = slot.completed.max(swarm.completed);
        for (address, is_seeder, is_partial, age) in &swarm.peers {
            if *age <= self.life {
                let tick = Tick(now.0.wrapping_sub(*age) & 0x3fff);
                let meta = Meta::new(tick, *is_partial, classify(address.ip()) == Kind::Local);
                self.put(place, canonical(address.ip()), address.port(), meta, *is_seeder, false);
            }
        }
        self.mark_changed(place);
    }

    fn place(&self, key: Key) -> Option<Place> {
        self.table.find(self.table.hash(&key), &key)
    }

    fn place_or_new(&mut self, key: Key) -> Place {
        let hash = self.table.hash(&key);
        self.table.find(hash, &key).unwrap_or_else(|| self.table.insert(hash, Slot::new(key)))
    }

    fn mark_changed(&mut self, place: Place) {
        let slot = self.table.get_mut(place);
        if !slot.is_changed() {
            slot.set_changed(true);
            self.changed.push(slot.key);
        }
    }

    fn counts(&self, place: Place) -> Counts {
        let slot = self.table.get(place);
        if slot.kind == Body::Large {
            let large = &self.large[slot.number()];
            let seeders = large.v4.seeders() + large.v6.seeders();
            return Counts {
                seeders: seeders as u32 + large.web_seeders,
                leechers: (large.v4.len() + large.v6.len() - seeders) as u32 + large.web_leechers,
                partial_seeds: (large.v4.partial() + large.v6.partial()) as u32,
                completed: slot.completed,
            };
        }
        let partial = (usize::from(slot.seeders)..usize::from(slot.len))
            .filter(|position| PeerV4(slot.inline(*position)).meta().is_partial())
            .count();
        Counts {
            seeders: u32::from(slot.seeders),
            leechers: u32::from(slot.len - slot.seeders),
            partial_seeds: partial as u32,
            completed: slot.completed,
        }
    }

    /// Puts or removes a peer; returns whether it was there, and then whether it was a seeder.
    fn put(
        &mut self,
        place: Place,
        ip: IpAddr,
        port: u16,
        meta: Meta,
        is_seeder: bool,
        is_gone: bool,
    ) -> Option<bool> {
        let IpAddr::V4(v4) = ip else {
            return self.put_large(place, ip, port, meta, is_seeder, is_gone);
        };
        if self.table.get(place).kind != Body::Inline {
            return self.put_large(place, ip, port, meta, is_seeder, is_gone);
        }
        let address = PeerV4::address_of(v4, port);
        let slot = self.table.get_mut(place);
        let len = usize::from(slot.len);
        let found = (0..len).find(|position| PeerV4(slot.inline(*position)).address() == address);
        if found.is_none() && len == INLINE && !is_gone {
            return self.put_large(place, ip, port, meta, is_seeder, is_gone);
        }
        let was_seeder = found.map(|position| position < usize::from(slot.seeders));
        if let Some(position) = found {
            // Two peers at most: take it out, then put it back where it belongs.
            if position == 0 && len == 2 {
                let other = slot.inline(1);
                slot.set_inline(0, other);
            }
            slot.len -= 1;
            slot.seeders -= u8::from(was_seeder == Some(true));
        }
        if !is_gone {
            let peer = PeerV4::new(address, meta).0;
            let end = usize::from(slot.len);
            if is_seeder && end == 1 {
                let other = slot.inline(0);
                slot.set_inline(1, other);
                slot.set_inline(0, peer);
            } else {
                slot.set_inline(end, peer);
            }
            slot.len += 1;
            slot.seeders += u8::from(is_seeder);
        }
        was_seeder
    }

    fn put_large(
        &mut self,
        place: Place,
        ip: IpAddr,
        port: u16,
        meta: Meta,
        is_seeder: bool,
        is_gone: bool,
    ) -> Option<bool> {
        if is_gone && self.table.get(place).kind == Body::Inline {
            return None;
        }
        let number = self.enlarge(place);
        let (seed, most) = (self.seed, self.most_peers);
        let large = &mut self.large[number];
        match ip {
            IpAddr::V4(ip) => {
                let address = PeerV4::address_of(ip, port);
                if is_gone {
                    return large.v4.remove(address);
                }
                if large.v4.len() < most {
                    return large.v4.put(address, meta, is_seeder, seed);
                }
            }
            IpAddr::V6(ip) => {
                let address = PeerV6::address_of(ip, port);
                if is_gone {
                    return large.v6.remove(address);
                }
                if large.v6.len() < most {
                    return large.v6.put(address, meta, is_seeder, seed);
                }
            }
        }
        self.peers_refused += 1;
        None
    }

    /// Turns a slot with inline peers into a large swarm; returns its number.
    fn enlarge(&mut self, place: Place) -> usize {
        let slot = *self.table.get(place);
        if slot.kind == Body::Large {
            return slot.number();
        }
        let mut large = Large { v4: List::new(), v6: List::new(), web_seeders: 0, web_leechers: 0 };
        for position in 0..usize::from(slot.len) {
            let peer = PeerV4(slot.inline(position));
            large.v4.put(peer.address(), peer.meta(), position < usize::from(slot.seeders), self.seed);
        }
        let number = if let Some(number) = self.free.pop() {
            self.large[number as usize] = large;
            number as usize
        } else {
            self.large.push(large);
            self.large.len() - 1
        };
        self.table.get_mut(place).set_number(Body::Large, number);
        number
    }

    fn choose(
        &mut self,
        place: Place,
        announce: &Announce,
        ip: IpAddr,
        with_local: bool,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) {
        let slot = *self.table.get(place);
        let leechers_only = announce.is_seeder;
        let port = announce.address.port();
        let except_v4 = if let IpAddr::V4(ip) = ip { Some(PeerV4::address_of(ip, port)) } else { None };
        let except_v6 = if let IpAddr::V6(ip) = ip { Some(PeerV6::address_of(ip, port)) } else { None };
        if slot.kind == Body::Inline {
            if except_v4.is_some() || announce.both_families {
                let first = if leechers_only { usize::from(slot.seeders) } else { 0 };
                (first..usize::from(slot.len))
                    .map(|position| PeerV4(slot.inline(position)))
                    .filter(|peer| {
                        Some(peer.address()) != except_v4 && (with_local || !peer.meta().is_local())
                    })
                    .take(announce.wanted)
                    .for_each(|peer| peer.write(v4));
            }
            return;
        }
        let large = &self.large[slot.number()];
        let wanted = announce.wanted;
        let mut found = 0;
        if except_v4.is_some() || announce.both_families {
            let choice = Choice { wanted, leechers_only, except: except_v4, with_local };
            found = large.v4.choose(choice, &mut self.random, v4);
        }
        if except_v6.is_some() || (announce.both_families && found < wanted) {
            let choice = Choice {
                wanted: wanted - found.min(wanted / 2),
                leechers_only,
                except: except_v6,
                with_local,
            };
            large.v6.choose(choice, &mut self.random, v6);
        }
    }

    fn sweep_slot(&mut self, place: Place, now: Tick) {
        let slot = *self.table.get(place);
        let mut is_changed = false;
        let mut is_empty = false;
        match slot.kind {
            Body::Inline => {
                for position in (0..usize::from(slot.len)).rev() {
                    let peer = PeerV4(slot.inline(position));
                    if now.since(peer.meta().tick()) > self.life {
                        let SocketAddr::V4(address) = socket_v4(peer.address()) else {
                            continue;
                        };
                        self.put(place, IpAddr::V4(*address.ip()), address.port(), peer.meta(), false, true);
                        self.peers_expired += 1;
                        is_changed = true;
                    }
                }
                is_empty = self.table.get(place).len == 0;
            }
            Body::Large => {
                let life = self.life;
                let large = &mut self.large[slot.number()];
                let before = large.v4.len() + large.v6.len();
                is_changed = large.v4.expire(now, life) | large.v6.expire(now, life);
                let after = large.v4.len() + large.v6.len();
                self.peers_expired += (before - after) as u64;
                if after == 0 && large.web_seeders + large.web_leechers == 0 {
                    self.free.push(slot.number() as u32);
                    large.v4 = List::new();
                    large.v6 = List::new();
                    self.table.get_mut(place).set_number(Body::Inline, 0);
                    is_empty = true;
                }
            }
            Body::Alias | Body::Empty => {}
        }
        if is_changed {
            self.mark_changed(place);
        }
        if is_empty && !slot.is_permitted() {
            self.table.remove(place);
        }
    }

    fn drop_slot(&mut self, place: Place) {
        let slot = *self.table.get(place);
        match slot.kind {
            Body::Large => {
                let number = slot.number();
                self.large[number] =
                    Large { v4: List::new(), v6: List::new(), web_seeders: 0, web_leechers: 0 };
                self.free.push(number as u32);
            }
            Body::Alias => self.free_aliases.push(slot.number() as u32),
            Body::Inline | Body::Empty => {}
        }
        if !slot.is_changed() && slot.kind != Body::Alias {
            self.changed.push(slot.key);
        }
        self.table.remove(place);
    }
}

fn kept(address: SocketAddr, meta: Meta, is_seeder: bool, now: Tick) -> (SocketAddr, bool, bool, u16) {
    (address, is_seeder, meta.is_partial(), now.since(meta.tick()))
}

fn socket_v4(address: u64) -> SocketAddr {
    SocketAddr::from((((address >> 16) as u32).to_be_bytes(), address as u16))
}

fn socket_v6(address: [u8; 18]) -> SocketAddr {
    let mut ip = [0; 16];
    ip.copy_from_slice(&address[..16]);
    SocketAddr::from((ip, u16::from_be_bytes([address[16], address[17]])))
}

/// An IPv4 address that came in IPv6's clothing is an IPv4 address.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(
        shard: &mut Shard,
        key: u8,
        address: &str,
        is_seeder: bool,
        event: Event,
        at: u64,
    ) -> (Outcome, Vec<u8>, Vec<u8>) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let announce = Announce {
            key: [key; 20],
            address: address.parse().expect("an address"),
            event,
            is_seeder,
            wanted: 50,
            both_families: false,
        };
        let outcome = shard.announce(&announce, Tick::at(at), &mut v4, &mut v6);
        (outcome, v4, v6)
    }

    fn open() -> Shard {
        let mut shard = Shard::new([1, 2, 3]);
        shard.is_listed_only = false;
        shard
    }

    #[test]
    fn unlisted_keys_are_unknown_and_forbidden_ones_forget_their_peers() {
        let mut shard = Shard::new([1, 2, 3]);
        assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", true, Event::Started, 0).0, Outcome::Unknown);
        shard.permit([1; 20]);
        assert!(matches!(
            announce(&mut shard, 1, "8.0.0.1:5000", true, Event::Started, 0).0,
            Outcome::Done(_)
        ));
        shard.forbid([1; 20]);
        assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", true, Event::None, 0).0, Outcome::Unknown);
        shard.permit([1; 20]);
        assert_eq!(shard.scrape([1; 20]), Outcome::Done(Counts::default()));
    }

    #[test]
    fn an_alias_leads_to_the_swarm_of_the_first_key() {
        let mut shard = Shard::new([1, 2, 3]);
        shard.permit([1; 20]);
        shard.alias([2; 20], [1; 20]);
        assert_eq!(shard.scrape([2; 20]), Outcome::SameAs([1; 20]));
        assert_eq!(
            announce(&mut shard, 2, "8.0.0.1:5000", true, Event::Started, 0).0,
            Outcome::SameAs([1; 20])
        );
        shard.forbid([2; 20]);
        assert_eq!(shard.scrape([2; 20]), Outcome::Unknown);
    }

    #[test]
    fn inline_and_large_swarms_agree() {
        let mut shard = open();
        for number in 1..=5 {
            let address = format!("8.0.0.{number}:5000");
            let (outcome, v4, _) = announce(&mut shard, 1, &address, number == 1, Event::Started, 0);
            assert_eq!(v4.len(), 6 * (number - 1));
            let Outcome::Done(counts) = outcome else { panic!("{outcome:?}") };
            assert_eq!((counts.seeders, counts.leechers as usize), (1, number - 1));
        }
        let (outcome, v4, _) = announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Completed, 0);
        assert_eq!(v4.len(), 18, "a seeder is told of leechers only");
        assert_eq!(
            outcome,
            Outcome::Done(Counts { seeders: 2, leechers: 3, partial_seeds: 0, completed: 1 })
        );
        announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Completed, 0);
        let (outcome, ..) = announce(&mut shard, 1, "8.0.0.5:5000", false, Event::Stopped, 0);
        assert_eq!(
            outcome,
            Outcome::Done(Counts { seeders: 2, leechers: 2, partial_seeds: 0, completed: 1 })
        );
    }

    #[test]
    fn families_are_kept_apart_and_counted_together() {
        let mut shard = open();
        announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0);
        let (outcome, v4, v6) = announce(&mut shard, 1, "[2600::1]:5000", false, Event::Paused, 0);
        assert_eq!((v4.len(), v6.len()), (0, 0));
        assert_eq!(
            outcome,
            Outcome::Done(Counts { seeders: 0, leechers: 2, partial_seeds: 1, completed: 0 })
        );
        let (_, _, v6) = announce(&mut shard, 1, "[2600::2]:5000", false, Event::Started, 0);
        assert_eq!(v6.len(), 18);
    }

    #[test]
    fn local_peers_are_told_to_local_ones_and_bogons_to_nobody() {
        let mut shard = open();
        announce(&mut shard, 1, "127.0.0.1:5000", false, Event::Started, 0);
        announce(&mut shard, 1, "192.0.2.1:5000", false, Event::Started, 0);
        announce(&mut shard, 1, "8.0.0.3:22", false, Event::Started, 0);
        assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0).1.len(), 0);
        assert_eq!(announce(&mut shard, 1, "10.0.0.1:5000", false, Event::Started, 0).1.len(), 12);
        shard.visibility = Visibility::Never;
        assert_eq!(announce(&mut shard, 1, "10.0.0.1:5000", false, Event::Started, 0).1.len(), 6);
    }

    #[test]
    fn sweeping_removes_silent_peers_and_then_the_torrent() {
        let mut shard = open();
        for number in 1..=4 {
            announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), false, Event::Started, 0);
        }
        announce(&mut shard, 2, "8.0.0.1:5000", false, Event::Started, 0);
        shard.life = 10;
        announce(&mut shard, 1, "8.0.0.1:5000", false, Event::None, 100);
        shard.sweep(Tick::at(100), SEGMENTS);
        assert_eq!((shard.torrents(), shard.peers()), (1, (1, 0, 0)));
        shard.sweep(Tick::at(300), SEGMENTS);
        assert_eq!((shard.torrents(), shard.peers_expired), (0, 5));
    }

    #[test]
    fn a_full_shard_and_a_full_swarm_say_so() {
        let mut shard = open();
        shard.most_torrents = 1;
        shard.most_peers = 3;
        for number in 1..=5 {
            announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), false, Event::Started, 0);
        }
        assert_eq!((shard.peers().0, shard.peers_refused), (3, 2));
        assert_eq!(announce(&mut shard, 2, "8.0.0.1:5000", false, Event::Started, 0).0, Outcome::Full);
    }

    #[test]
    fn a_snapshot_brings_everything_back() {
        let mut shard = open();
        for number in 1..=4 {
            announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), number == 1, Event::Started, 0);
        }
        announce(&mut shard, 1, "[2600::1]:5000", false, Event::Paused, 40);
        announce(&mut shard, 2, "8.0.0.9:5000", true, Event::Completed, 40);
        let swarms: Vec<_> =
            (0..SEGMENTS).flat_map(|segment| shard.snapshot(segment, Tick::at(40))).collect();
        let mut other = open();
        for swarm in &swarms {
            other.restore(swarm, Tick::at(1000));
        }
        for key in [[1; 20], [2; 20]] {
            assert_eq!(other.scrape(key), shard.scrape(key));
        }
        let mut listed = Shard::new([1, 2, 3]);
        for swarm in &swarms {
            listed.restore(swarm, Tick::at(0));
        }
        assert_eq!(listed.torrents(), 0, "a snapshot permits nothing");
    }

    #[test]
    fn changed_counts_are_drained_once() {
        let mut shard = open();
        announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0);
        announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Started, 0);
        assert_eq!(shard.drain_changed(10).len(), 1);
        announce(&mut shard, 1, "8.0.0.2:5000", true, Event::None, 4);
        assert_eq!(shard.drain_changed(10), []);
        assert!(matches!(
            shard.set_web([1; 20], 1, 2, 0),
            Outcome::Done(Counts { seeders: 2, leechers: 3, .. })
        ));
        assert_eq!(shard.drain_changed(10).len(), 1);
    }
}
