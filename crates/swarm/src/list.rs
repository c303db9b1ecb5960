//! The peers of one swarm and one address family: seeders in front, leechers behind.
//!
//! Small lists are searched from end to end, which the processor does faster than any hashing; a list that grows beyond
//! [`INDEXED`] peers gets an index from address to position.

use std::collections::HashMap;

use siphasher::sip::SipHasher13;

use crate::peer::{Meta, Peer};
use crate::{Random, Tick};

/// From how many peers on a list has an index.
const INDEXED: usize = 256;

type Index<A> = HashMap<A, u32, Seeded>;

/// SipHash-1-3 under the shard's random key: addresses are chosen by attackers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeded(pub(crate) [u64; 2]);

impl std::hash::BuildHasher for Seeded {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0[0], self.0[1])
    }
}

/// Peers of one family.
#[derive(Debug)]
pub(crate) struct List<P: Peer> {
    peers: Vec<P>,
    seeders: u32,
    partial: u32,
    index: Option<Box<Index<P::Address>>>,
}

/// Who may be handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<A> {
    pub(crate) wanted: usize,
    /// A seeder has no use for other seeders.
    pub(crate) leechers_only: bool,
    /// The one who asks.
    pub(crate) except: Option<A>,
    /// Whether peers on local networks are of use to him.
    pub(crate) with_local: bool,
}

impl<P: Peer> List<P> {
    pub(crate) const fn new() -> Self {
        Self { peers: Vec::new(), seeders: 0, partial: 0, index: None }
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&P, bool)> {
        self.peers.iter().enumerate().map(|(position, peer)| (peer, position < self.seeders as usize))
    }

    /// Adds the peer or renews it; returns whether it was there, and then whether it was a seeder.
    pub(crate) fn put(
        &mut self,
        address: P::Address,
        meta: Meta,
        is_seeder: bool,
        seed: Seeded,
    ) -> Option<bool> {
        if let Some(position) = self.find(address) {
            let was_seeder = position < self.seeders();
            self.partial -= u32::from(self.peers[position].meta().is_partial());
            self.partial += u32::from(meta.is_partial());
            self.peers[position].set_meta(meta);
            match (was_seeder, is_seeder) {
                (false, true) => {
                    self.swap(position, self.seeders());
                    self.seeders += 1;
                }
                (true, false) => {
                    self.seeders -= 1;
                    self.swap(position, self.seeders());
                }
                _ => {}
            }
            return Some(was_seeder);
        }
        if self.peers.len() == self.peers.capacity() {
            // An eighth more at a time: a list of a hundred wastes a few peers, and copying stays amortised.
            self.peers.reserve_exact((self.peers.len() / 8).max(2));
        }
        self.peers.push(P::new(address, meta));
        self.partial += u32::from(meta.is_partial());
        let last = self.peers.len() - 1;
        if let Some(index) = &mut self.index {
            index.insert(address, last as u32);
        } else if self.peers.len() > INDEXED {
            let places = self.peers.iter().enumerate().map(|(place, peer)| (peer.address(), place as u32));
            let mut index = Index::with_capacity_and_hasher(self.peers.len() * 2, seed);
            index.extend(places);
            self.index = Some(Box::new(index));
        }
        if is_seeder {
            self.swap(last, self.seeders());
            self.seeders += 1;
        }
        None
    }

    /// Removes a peer; returns whether it was a seeder, None when it was not there.
    pub(crate) fn remove(&mut self, address: P::Address) -> Option<bool> {
        let position = self.find(address)?;
        let was_seeder = position < self.seeders();
        self.remove_at(position);
        Some(was_seeder)
    }

    /// Removes what was not heard of for more than `life` ticks; returns whether anything was.
    pub(crate) fn expire(&mut self, now: Tick, life: u16) -> bool {
        let before = self.peers.len();
        let mut position = 0;
        while position < self.peers.len() {
            if now.since(self.peers[position].meta().tick()) > life {
                self.remove_at(position);
            } else {
                position += 1;
            }
        }
        if self.peers.capacity() > 16 && self.peers.len() * 2 < self.peers.capacity() {
            self.peers.shrink_to(self.peers.len() + self.peers.len() / 8);
        }
        if self.peers.len() <= INDEXED / 2 {
            self.index = None;
        }
        before != self.peers.len()
    }

    /// Writes up to `wanted` peers, from a random place on and around the end, so every peer is as likely as any other.
    pub(crate) fn choose(&self, choice: Choice<P::Address>, random: &mut Random, out: &mut Vec<u8>) -> usize {
        let eligible = if choice.leechers_only { &self.peers[self.seeders()..] } else { &self.peers[..] };
        if eligible.is_empty() || choice.wanted == 0 {
            return 0;
        }
        out.reserve(choice.wanted.min(eligible.len()) * P::COMPACT);
        let start = if eligible.len() > choice.wanted { random.below(eligible.len()) } else { 0 };
        let (before, after) = eligible.split_at(start);
        let mut written = 0;
        for peer in after.iter().chain(before) {
            if written == choice.wanted {
                break;
            }
            let is_self = choice.except == Some(peer.address());
            if !is_self && (choice.with_local || !peer.meta().is_local()) {
                peer.write(out);
                written += 1;
            }
        }
        written
    }

    fn find(&self, address: P::Address) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&address).map(|position| *position as usize),
            None => self.peers.iter().position(|peer| peer.address() == address),
        }
    }

    fn remove_at(&mut self, position: usize) {
        let mut hole = position;
        if hole < self.seeders() {
            self.seeders -= 1;
            self.swap(hole, self.seeders());
            hole = self.seeders();
        }
        let last = self.peers.len() - 1;
        self.swap(hole, last);
        let Some(gone) = self.peers.pop() else { return };
        self.partial -= u32::from(gone.meta().is_partial());
        if let Some(index) = &mut self.index {
            index.remove(&gone.address());
        }
    }

    fn swap(&mut self, one: usize, two: usize) {
        if one == two {
            return;
        }
        self.peers.swap(one, two);
        if let Some(index) = &mut self.index {
            index.insert(self.peers[one].address(), one as u32);
            index.insert(self.peers[two].address(), two as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::PeerV4;

    fn meta(tick: u16) -> Meta {
        Meta::new(Tick(tick), false, false)
    }

    fn list(count: u64) -> List<PeerV4> {
        let mut list = List::new();
        for address in 0..count {
            assert_eq!(list.put(address, meta(1), address % 3 == 0, Seeded([1, 2])), None);
        }
        list
    }

    #[test]
    fn seeders_stand_in_front_with_and_without_an_index() {
        for count in [5, 600] {
            let mut list = list(count);
            assert_eq!(list.seeders(), count.div_ceil(3) as usize);
            assert_eq!(list.put(1, meta(2), true, Seeded([1, 2])), Some(false));
            assert_eq!(list.put(0, meta(2), false, Seeded([1, 2])), Some(true));
            assert_eq!(list.remove(3), Some(true));
            assert_eq!(list.remove(3), None);
            for (peer, is_seeder) in list.iter() {
                let expected = peer.address() == 1 || (peer.address() % 3 == 0 && peer.address() != 0);
                assert_eq!(is_seeder, expected, "{}", peer.address());
            }
            assert_eq!(list.len(), count as usize - 1);
        }
    }

    #[test]
    fn expiry_takes_the_old_and_drops_the_index() {
        let mut list = list(600);
        for address in 0..10 {
            list.put(address, meta(500), false, Seeded([1, 2]));
        }
        assert!(list.expire(Tick(510), 100));
        assert_eq!((list.len(), list.seeders()), (10, 0));
        assert!(list.index.is_none());
        assert_eq!(list.remove(9), Some(false));
    }

    #[test]
    fn every_peer_is_handed_out_sooner_or_later_and_never_the_one_who_asks() {
        let list = list(200);
        let mut random = Random::new(7);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let mut out = Vec::new();
            let choice = Choice { wanted: 10, leechers_only: false, except: Some(5), with_local: true };
            assert_eq!(list.choose(choice, &mut random, &mut out), 10);
            seen.extend(out.as_chunks::<6>().0.iter().copied());
        }
        assert_eq!(seen.len(), 199);
        let mut out = Vec::new();
        let choice = Choice { wanted: 500, leechers_only: true, except: None, with_local: true };
        assert_eq!(list.choose(choice, &mut random, &mut out), 200 - 67);
    }
}
