//! A shard: the torrents of one worker, with policy, announces and counts.

use std::net::{IpAddr, SocketAddr};

use crate::blocks::Blocks;
use crate::hashing::{KeyHash, Seeded};
use crate::large::Larges;
use crate::newcomers::Newcomers;
use crate::peer::{Choice, Kind, Meta, Peer, PeerV4, PeerV6, Put, classify};
use crate::small::{MOST, choose};
use crate::table::{Form, Place, Slot, Table};
use crate::{Counts, Key, Random, Tick, Web};

/// Peers of one cache line.
const WORDS_A_LINE: usize = 8;

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

/// How an announce or a scrape ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done(Counts),
    /// The key is a hybrid's second one; ask for this one instead, which may be another shard's.
    SameAs(Key),
    /// The policy does not permit the key, or it is not there.
    Unknown,
    /// The key was withdrawn where others need not be listed.
    Refused,
    /// The shard holds as many torrents as it may.
    Full,
}

/// The torrents of one worker.
#[derive(Debug)]
pub struct Shard {
    pub(crate) table: Table,
    pub(crate) blocks: Blocks,
    pub(crate) larges: Larges,
    aliases: Vec<Key>,
    free_aliases: Vec<u32>,
    pub(crate) changes: crate::changes::Changes,
    random: Random,
    /// For gathering the peers of a reply.
    room: Box<[u64; MOST]>,
    pub(crate) seed: Seeded,
    pub(crate) sweeping: crate::sweep::Sweeping,
    /// IPv4 peers, IPv6 peers, browsers.
    pub(crate) totals: (usize, usize, usize),
    pub(crate) newcomers: Newcomers,
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
    /// Peers that were refused since their swarm is full, or their address has its share of it.
    pub peers_refused: u64,
    /// Peers that left without a word.
    pub peers_expired: u64,
}

impl Shard {
    /// An empty shard; the seed comes from the operating system's random source, its last word is for choosing peers.
    #[must_use]
    pub fn new(seed: [u64; 3]) -> Self {
        let hashing = Seeded::new([seed[0], seed[1]]);
        Self {
            table: Table::new(hashing),
            blocks: Blocks::default(),
            larges: Larges::default(),
            aliases: Vec::new(),
            free_aliases: Vec::new(),
            changes: crate::changes::Changes::default(),
            random: Random::new(seed[2]),
            room: Box::new([0; MOST]),
            seed: hashing,
            sweeping: crate::sweep::Sweeping::default(),
            newcomers: Newcomers::default(),
            totals: (0, 0, 0),
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

    /// How many peers there are: IPv4, IPv6, browsers.
    #[must_use]
    pub fn peers(&self) -> (usize, usize, usize) {
        self.totals
    }

    /// Permits a key.
    pub fn permit(&mut self, key: Key) {
        let place = self.place_or_new(key);
        match self.table.get(place).form() {
            Form::Alias(number) => {
                self.free_aliases.push(number as u32);
                *self.table.get_mut(place) = Slot::new(key);
            }
            Form::Refused => *self.table.get_mut(place) = Slot::new(key),
            _ => {}
        }
        let slot = self.table.get_mut(place);
        let is_new = !slot.is_permitted();
        slot.set_permitted(true);
        if is_new && self.counts(place) != Counts::default() {
            // Peers were here before it was listed.
            self.mark_changed(place);
        }
    }

    /// Lets a key stand for another one.
    pub fn alias(&mut self, key: Key, canonical: Key) {
        self.forget(key);
        let place = self.place_or_new(key);
        let number = self.free_aliases.pop().map_or(self.aliases.len(), |number| number as usize);
        if number == self.aliases.len() {
            self.aliases.push(canonical);
        } else {
            self.aliases[number] = canonical;
        }
        let slot = self.table.get_mut(place);
        slot.set_alias(number);
        slot.set_permitted(true);
    }

    /// Forbids a key and forgets its peers; returns whether browsers may be among them, who want to be told.
    /// Where keys need not be listed it is refused from now on, until it is permitted.
    pub fn forbid(&mut self, key: Key) -> bool {
        // A second key has no peers of its own: those who announced it are in the swarm of the first.
        let may_have_browsers = self.place(key).is_some_and(|place| match self.table.get(place).form() {
            Form::Large(number) => self.larges.get(number).web != Web::default(),
            form => matches!(form, Form::Alias(_)),
        });
        self.forget(key);
        if !self.is_listed_only {
            self.table.insert(self.table.hash(&key), Slot::refused(key));
        }
        may_have_browsers
    }

    /// Forgets a key and its peers.
    fn forget(&mut self, key: Key) {
        let Some(place) = self.place(key) else { return };
        let slot = *self.table.get(place);
        if let Form::Alias(number) = slot.form() {
            self.free_aliases.push(number as u32);
        } else if slot.is_permitted() && !slot.is_changed() {
            self.changes.push(key);
        }
        self.forget_peers(place);
        self.table.remove(place);
    }

    /// Reads what an announce of a key will need, so that several can wait for memory at the same time.
    #[must_use]
    pub fn touch(&self, hash: KeyHash) -> u32 {
        self.table.touch(hash)
    }

    /// Reads the peers of a small swarm, a word of each cache line, once its slot has come.
    #[must_use]
    pub fn touch_peers(&self, hash: KeyHash, key: &Key) -> u64 {
        let Some(place) = self.table.find(hash, key) else { return 0 };
        let Form::Block(block, head) = self.table.get(place).form() else { return 0 };
        let lines = self.blocks.peers(block)[..usize::from(head.len)].iter().step_by(WORDS_A_LINE);
        lines.fold(0, |sum, peer| sum ^ peer)
    }

    /// Handles an announce: renews or removes the peer, and writes the compact peers that it gets.
    pub fn announce(
        &mut self,
        announce: &Announce,
        now: Tick,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Outcome {
        self.announce_at(self.table.hash(&announce.key), announce, now, v4, v6)
    }

    /// The same, for one who has hashed the key before, with the shard's own seed.
    pub fn announce_at(
        &mut self,
        hash: KeyHash,
        announce: &Announce,
        now: Tick,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Outcome {
        let place = match self.table.find(hash, &announce.key) {
            Some(place) => {
                let slot = self.table.get(place);
                match slot.form() {
                    Form::Alias(number) => return Outcome::SameAs(self.aliases[number]),
                    Form::Refused => return Outcome::Refused,
                    _ if self.is_listed_only && !slot.is_permitted() => return Outcome::Unknown,
                    _ => place,
                }
            }
            None => match self.add(hash, announce, now) {
                Ok(place) => place,
                Err(outcome) => return outcome,
            },
        };
        let ip = announce.address.ip().to_canonical();
        let port = announce.address.port();
        let kind = classify(ip);
        let is_local = kind == Kind::Local;
        let may_be_told = kind != Kind::Bogon && (port >= 1024 || port == 80 || port == 443);
        let is_partial = announce.event == Event::Paused && !announce.is_seeder;
        let mut was_partial = is_partial;
        let is_gone = announce.event == Event::Stopped || !may_be_told;
        let before = if is_gone {
            self.remove(place, hash, ip, port)
        } else {
            let meta = Meta::new(now, is_partial, is_local);
            match self.put(place, hash, ip, port, meta, announce.is_seeder) {
                Put::Renewed { was_seeder, was_partial: before } => {
                    was_partial = before;
                    Some(was_seeder)
                }
                Put::Added | Put::Full | Put::OverShare => None,
            }
        };
        let is_completed = announce.event == Event::Completed;
        if is_completed && announce.is_seeder && before != Some(true) {
            let slot = self.table.get_mut(place);
            slot.set_completed(slot.completed().saturating_add(1));
        }
        let is_different = match before {
            None => !is_gone,
            Some(was_seeder) => is_gone || was_seeder != announce.is_seeder || was_partial != is_partial,
        };
        if is_different || is_completed {
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
        let Some(place) = self.place(key) else { return Outcome::Unknown };
        let slot = self.table.get(place);
        match slot.form() {
            Form::Alias(number) => Outcome::SameAs(self.aliases[number]),
            Form::Refused => Outcome::Refused,
            _ if self.is_listed_only && !slot.is_permitted() => Outcome::Unknown,
            _ => Outcome::Done(self.counts(place)),
        }
    }

    /// Tells which browsers a swarm has now, and how many completed since the last time; the WebSocket side knows.
    /// `from` is who caused it, for a torrent that is new.
    pub fn set_web(&mut self, key: Key, web: Web, completed: u32, from: IpAddr, now: Tick) -> Outcome {
        let place = match (self.place(key), self.is_listed_only) {
            (Some(place), _) => place,
            (None, true) => return Outcome::Unknown,
            (None, false) => {
                let (held, most) = (self.table.len(), self.most_torrents);
                if !self.newcomers.may_add(held, most, from, now, &self.seed) {
                    return Outcome::Full;
                }
                self.place_or_new(key)
            }
        };
        let slot = self.table.get(place);
        match slot.form() {
            Form::Alias(number) => return Outcome::SameAs(self.aliases[number]),
            Form::Refused => return Outcome::Refused,
            _ if self.is_listed_only && !slot.is_permitted() => return Outcome::Unknown,
            _ => {}
        }
        let number = self.enlarge(place);
        let large = self.larges.get_mut(number);
        self.totals.2 -= large.browsers();
        large.web = web;
        self.totals.2 += large.browsers();
        let slot = self.table.get_mut(place);
        slot.set_completed(slot.completed().saturating_add(completed));
        self.mark_changed(place);
        Outcome::Done(self.counts(place))
    }

    pub(crate) fn place(&self, key: Key) -> Option<Place> {
        self.table.find(self.table.hash(&key), &key)
    }

    pub(crate) fn place_or_new(&mut self, key: Key) -> Place {
        let hash = self.table.hash(&key);
        self.table.find(hash, &key).unwrap_or_else(|| self.table.insert(hash, Slot::new(key)))
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
        // A seeder needs no seeders. But aria2, which begins with a magnet link, says that nothing is left while it knows nothing yet:
        // where nobody downloads, who has just started is told of seeders, too.
        let leechers_only =
            announce.is_seeder && !(announce.event == Event::Started && self.counts(place).leechers == 0);
        let wanted = announce.wanted;
        let port = announce.address.port();
        let (except_v4, except_v6) = match ip {
            IpAddr::V4(ip) => (PeerV4::address_of(ip, port), PeerV6::NOBODY),
            IpAddr::V6(ip) => (PeerV4::NOBODY, PeerV6::address_of(ip, port)),
        };
        let wants_v4 = ip.is_ipv4() || announce.both_families;
        let choice_v4 = Choice { wanted, leechers_only, except: except_v4, with_local };
        let slot = self.table.get(place);
        let (peers, head): (&[u64], _) = match slot.form() {
            Form::Inline(head) => (slot.inline(), head),
            Form::Block(block, head) => (self.blocks.peers(block), head),
            Form::Large(number) => {
                let large = self.larges.get(number);
                let found = if wants_v4 { large.v4.choose(&choice_v4, &mut self.random, v4) } else { 0 };
                if ip.is_ipv6() || (announce.both_families && found < wanted) {
                    let wanted = wanted - found.min(wanted / 2);
                    let choice = Choice { wanted, leechers_only, except: except_v6, with_local };
                    large.v6.choose(&choice, &mut self.random, v6);
                }
                return;
            }
            Form::Alias(_) | Form::Refused | Form::Empty => return,
        };
        if wants_v4 {
            let first = if leechers_only { usize::from(head.seeders) } else { 0 };
            choose(&choice_v4, &peers[first..usize::from(head.len)], &mut self.random, &mut self.room, v4);
        }
    }
}
