//! The peers of a large swarm and one address family: seeders in front, leechers behind.
//!
//! Short lists are searched from end to end; one that grows beyond [`INDEXED`] peers gets an index from address to position, and
//! counts of how many places addresses hold.

use std::net::SocketAddr;

use crate::hashing::Seeded;
use crate::lookup::Lookup;
use crate::pages::Pages;
use crate::peer::{Choice, Meta, Peer, Put};
use crate::{Random, Tick, share};

/// From how many peers on a list is looked up in more than itself.
const INDEXED: usize = 512;
/// Peers that are handed out together: a line of the cache, and never of two pages.
const GROUP: usize = 8;
/// Most peers that are looked at for one reply, in a swarm where hardly any may be handed out.
const MOST_LOOKS: usize = 1024;

/// Peers of one family.
#[derive(Debug)]
pub(crate) struct List<P: Peer> {
    peers: Pages<P>,
    seeders: u32,
    partial: u32,
    /// Up to where the peers were looked through for silent ones.
    swept: u32,
    /// Whether that was not the end.
    is_in_hand: bool,
    lookup: Option<Box<Lookup>>,
}

impl<P: Peer> List<P> {
    pub(crate) const fn new() -> Self {
        Self { peers: Pages::new(), seeders: 0, partial: 0, swept: 0, is_in_hand: false, lookup: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(crate) fn seeders(&self) -> usize {
        self.seeders as usize
    }

    pub(crate) fn partial(&self) -> usize {
        self.partial as usize
    }

    /// The peers from a position on, as a snapshot keeps them: address, whether it seeds, whether it is a partial seed, age.
    pub(crate) fn kept(
        &self,
        from: usize,
        count: usize,
        now: Tick,
    ) -> impl Iterator<Item = (SocketAddr, bool, bool, u16)> {
        (from..self.len().min(from.saturating_add(count))).map(move |position| {
            let peer = self.peers.get(position);
            let meta = peer.meta();
            (peer.socket(), position < self.seeders(), meta.is_partial(), now.since(meta.tick()))
        })
    }

    /// Every peer, and whether it seeds.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&P, bool)> {
        self.peers.iter().enumerate().map(|(position, peer)| (peer, position < self.seeders()))
    }

    /// Adds the peer, when there are fewer than `most`, or renews it.
    pub(crate) fn put(
        &mut self,
        address: P::Address,
        meta: Meta,
        is_seeder: bool,
        most: usize,
        seed: &Seeded,
    ) -> Put {
        if let Some(position) = self.find(address, seed) {
            let was_seeder = position < self.seeders();
            let was_partial = self.peers.get(position).meta().is_partial();
            self.partial -= u32::from(was_partial);
            self.partial += u32::from(meta.is_partial());
            self.peers.set(position, P::new(address, meta));
            match (was_seeder, is_seeder) {
                (false, true) => {
                    self.swap(position, self.seeders(), seed);
                    self.seeders += 1;
                }
                (true, false) => {
                    self.seeders -= 1;
                    self.swap(position, self.seeders(), seed);
                }
                _ => {}
            }
            return Put::Renewed { was_seeder, was_partial };
        }
        if self.len() >= most {
            return Put::Full;
        }
        if !meta.is_local() && self.len() >= share::FEW && self.held(address, seed) >= share::of(self.len()) {
            return Put::OverShare;
        }
        self.add(P::new(address, meta), is_seeder, seed);
        Put::Added
    }

    /// Adds a peer that is not there, however many there are.
    pub(crate) fn add(&mut self, peer: P, is_seeder: bool, seed: &Seeded) {
        let last = self.len();
        self.peers.push(peer);
        self.partial += u32::from(peer.meta().is_partial());
        if let Some(lookup) = &mut self.lookup {
            lookup.add(&self.peers, last, seed);
        } else if last >= INDEXED {
            self.lookup = Some(Lookup::of(&self.peers, seed));
        }
        if is_seeder {
            self.swap(last, self.seeders(), seed);
            self.seeders += 1;
        }
    }

    /// Removes a peer; returns whether it was a seeder, None when it was not there.
    pub(crate) fn remove(&mut self, address: P::Address, seed: &Seeded) -> Option<bool> {
        let position = self.find(address, seed)?;
        let was_seeder = position < self.seeders();
        self.remove_at(position, seed);
        Some(was_seeder)
    }

    /// Looks through at most `most` peers, from where it stopped last time, and removes those not heard of for more than `life`
    /// ticks; returns how many were removed, and how many of `most` are left: none, unless the end was reached.
    pub(crate) fn expire(&mut self, now: Tick, life: u16, most: usize, seed: &Seeded) -> (usize, usize) {
        let before = self.len();
        let mut left = most;
        while left > 0 && (self.swept as usize) < self.len() {
            left -= 1;
            let position = self.swept as usize;
            if now.since(self.peers.get(position).meta().tick()) > life {
                self.remove_at(position, seed);
            } else {
                self.swept += 1;
            }
        }
        self.is_in_hand = left == 0;
        if !self.is_in_hand {
            self.swept = 0;
        }
        (before - self.len(), left)
    }

    /// What it was looked up in, where it has become so short that it does without: to be given back.
    pub(crate) fn spare_lookup(&mut self) -> Option<Box<Lookup>> {
        if self.len() <= INDEXED / 2 { self.lookup.take() } else { None }
    }

    /// Its peers and what they are looked up in, for one who needs the list no more.
    pub(crate) fn into_parts(self) -> (Pages<P>, Option<Box<Lookup>>) {
        (self.peers, self.lookup)
    }

    /// Whether [`Self::expire`] has not reached the end yet.
    pub(crate) fn is_in_hand(&self) -> bool {
        self.is_in_hand
    }

    /// Writes up to `wanted` peers, random groups of the whole, others each time; how many.
    pub(crate) fn choose(
        &self,
        choice: &Choice<P::Address>,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) -> usize {
        let first = if choice.leechers_only { self.seeders() } else { 0 };
        if first >= self.len() {
            return 0;
        }
        let before = out.len();
        out.resize(before + choice.wanted.min(self.len() - first) * P::COMPACT, 0);
        let mut places = out[before..].chunks_exact_mut(P::COMPACT);
        let mut left = places.len();
        let (lowest, highest) = (first / GROUP, (self.len() - 1) / GROUP);
        // Every group begins somewhere else each time, so that no peer is always the last of its group.
        let turn = random.below(GROUP);
        'all: for group in random.walk(highest - lowest + 1, MOST_LOOKS / GROUP) {
            let start = (lowest + group) * GROUP;
            let peers = self.peers.slice(start.max(first), (start + GROUP).min(self.len()));
            let (one, two) = peers.split_at(turn % peers.len());
            for peer in two.iter().chain(one) {
                if (!choice.with_local & peer.meta().is_local()) || peer.address() == choice.except {
                    continue;
                }
                let Some(place) = places.next() else { break 'all };
                peer.write(place);
                left -= 1;
            }
        }
        out.truncate(out.len() - left * P::COMPACT);
        (out.len() - before) / P::COMPACT
    }

    /// What is kept of a peer besides its address, where it is there.
    pub(crate) fn meta(&self, address: P::Address, seed: &Seeded) -> Option<Meta> {
        Some(self.peers.get(self.find(address, seed)?).meta())
    }

    fn find(&self, address: P::Address, seed: &Seeded) -> Option<usize> {
        match &self.lookup {
            Some(lookup) => lookup.find(&self.peers, address, seed),
            None => self.peers.iter().position(|peer| peer.address() == address),
        }
    }

    /// How many places the address of a peer holds.
    fn held(&self, address: P::Address, seed: &Seeded) -> usize {
        let sender = P::sender(&address);
        match &self.lookup {
            Some(lookup) => lookup.held::<P>(&address, seed),
            None => self.peers.iter().filter(|peer| P::sender(&peer.address()) == sender).count(),
        }
    }

    fn remove_at(&mut self, position: usize, seed: &Seeded) {
        let mut hole = position;
        if hole < self.seeders() {
            self.seeders -= 1;
            self.swap(hole, self.seeders(), seed);
            hole = self.seeders();
        }
        let last = self.len() - 1;
        self.swap(hole, last, seed);
        let Some(gone) = self.peers.pop() else { return };
        self.partial -= u32::from(gone.meta().is_partial());
        if let Some(lookup) = &mut self.lookup {
            lookup.remove(&gone, last, seed);
        }
    }

    fn swap(&mut self, one: usize, two: usize, seed: &Seeded) {
        if one == two {
            return;
        }
        if let Some(lookup) = &mut self.lookup {
            lookup.swap(&self.peers, one, two, seed);
        }
        self.peers.swap(one, two);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::peer::PeerV4;

    fn meta(tick: u16) -> Meta {
        Meta::new(Tick(tick), false, false)
    }

    fn list(count: u64, seed: &Seeded) -> List<PeerV4> {
        let mut list = List::new();
        for address in (0..count).map(|number| number << 16) {
            assert_eq!(list.put(address, meta(1), address % 3 == 0, usize::MAX, seed), Put::Added);
        }
        list
    }

    #[test]
    fn a_list_agrees_with_a_plain_map_with_and_without_an_index() {
        let seed = Seeded::new([1, 2]);
        let mut random = Random::new(4);
        let mut list: List<PeerV4> = List::new();
        let mut model: HashMap<u64, (bool, u16)> = HashMap::new();
        for step in 0..60_000_usize {
            // It grows beyond the index and shrinks below it, several times.
            let is_growing = step / 10_000 % 2 == 0;
            let address = (random.below(3000) as u64) << 16;
            let tick = (step / 100) as u16;
            if random.below(10) < if is_growing { 8 } else { 1 } {
                let is_seeder = random.below(3) == 0;
                let put = list.put(address, meta(tick), is_seeder, usize::MAX, &seed);
                let expected = match model.insert(address, (is_seeder, tick)) {
                    Some((was_seeder, _)) => Put::Renewed { was_seeder, was_partial: false },
                    None => Put::Added,
                };
                assert_eq!(put, expected);
            } else {
                assert_eq!(
                    list.remove(address, &seed),
                    model.remove(&address).map(|(is_seeder, _)| is_seeder)
                );
            }
            if step % 500 == 0 {
                let before = model.len();
                model.retain(|_, (_, heard)| tick - *heard <= 60);
                let mut removed = 0;
                loop {
                    let (gone, left) = list.expire(Tick(tick), 60, 200, &seed);
                    removed += gone;
                    if left > 0 {
                        break;
                    }
                }
                list.spare_lookup();
                assert_eq!(removed, before - model.len());
                assert_eq!(
                    list.lookup.is_some(),
                    list.len() > INDEXED || (list.lookup.is_some() && list.len() > INDEXED / 2)
                );
                let found: HashMap<u64, (bool, u16)> = list
                    .iter()
                    .map(|(peer, seeds)| (peer.address(), (seeds, peer.meta().tick().0)))
                    .collect();
                assert_eq!(found, model);
            }
        }
    }

    #[test]
    fn a_full_list_renews_and_takes_nobody_new() {
        let seed = Seeded::new([1, 2]);
        let mut list = list(5, &seed);
        assert_eq!(list.put(9 << 16, meta(2), false, 5, &seed), Put::Full);
        assert_eq!(
            list.put(4 << 16, meta(2), false, 5, &seed),
            Put::Renewed { was_seeder: false, was_partial: false }
        );
    }

    #[test]
    fn one_address_holds_its_share_with_and_without_an_index_and_gives_it_back() {
        let seed = Seeded::new([1, 2]);
        let few = share::FEW as u64;
        for others in [100, 1_000, 20_000] {
            let mut list = list(others, &seed);
            let of = |port: u64| 1 << 40 | port;
            let mut taken =
                (0..).take_while(|port| list.put(of(*port), meta(1), false, usize::MAX, &seed) == Put::Added);
            let taken = taken.by_ref().count();
            let share = share::of(others as usize);
            // Others of the same cell have used some of it.
            assert!((share / 2..=share + 2).contains(&taken), "{others}: {taken} of {share}");
            for port in 0..few / 2 {
                assert_eq!(list.remove(of(port), &seed), Some(false));
                assert_eq!(list.put(of(port + 50_000), meta(1), false, usize::MAX, &seed), Put::Added);
            }
            assert_eq!(list.put(of(60_000), meta(1), false, usize::MAX, &seed), Put::OverShare);
            let local = Meta::new(Tick(1), false, true);
            assert!(
                (0..500).all(|port| list.put(2 << 40 | port, local, false, usize::MAX, &seed) == Put::Added)
            );
        }
    }

    #[test]
    fn every_peer_is_handed_out_as_often_as_any_other_and_never_the_one_who_asks() {
        let seed = Seeded::new([1, 2]);
        let list = list(1000, &seed);
        let mut random = Random::new(7);
        let mut times: HashMap<[u8; 6], u32> = HashMap::new();
        let rounds = 20_000;
        for _ in 0..rounds {
            let mut out = Vec::new();
            let choice = Choice { wanted: 30, leechers_only: false, except: 5 << 16, with_local: true };
            assert_eq!(list.choose(&choice, &mut random, &mut out), 30);
            out.as_chunks::<6>().0.iter().for_each(|peer| *times.entry(*peer).or_default() += 1);
        }
        assert_eq!(times.len(), 999);
        // Each is expected 600 times; seven standard deviations of a binomial draw are 170.
        assert!(times.values().all(|count| (430..770).contains(count)));
        let mut out = Vec::new();
        let choice = Choice { wanted: 5000, leechers_only: true, except: PeerV4::NOBODY, with_local: true };
        assert_eq!(list.choose(&choice, &mut random, &mut out), 666);
    }
}
