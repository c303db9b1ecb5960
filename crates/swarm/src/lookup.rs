//! What a long list is looked up in: where an address stands, and how many places it holds.

use crate::hashing::Seeded;
use crate::index::Index;
use crate::pages::Pages;
use crate::peer::Peer;
use crate::share::Shares;

/// A position beyond every list.
const NOWHERE: usize = u32::MAX as usize - 2;

/// The index of a list, and the shares of it.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    index: Index,
    shares: Shares,
}

impl Lookup {
    /// That of a list.
    pub(crate) fn of<P: Peer>(peers: &Pages<P>, seed: &Seeded) -> Box<Self> {
        let mut lookup = Box::<Self>::default();
        (0..peers.len()).for_each(|position| lookup.add(peers, position, seed));
        lookup
    }

    /// Where an address stands.
    pub(crate) fn find<P: Peer>(
        &self,
        peers: &Pages<P>,
        address: P::Address,
        seed: &Seeded,
    ) -> Option<usize> {
        self.index.find(P::hash(&address, seed), |position| peers.get(position).address() == address)
    }

    /// How many places an address holds, with those that it falls together with.
    pub(crate) fn held<P: Peer>(&self, address: &P::Address, seed: &Seeded) -> usize {
        self.shares.held::<P>(address, seed)
    }

    /// Takes up the peer at a position that is not there yet.
    pub(crate) fn add<P: Peer>(&mut self, peers: &Pages<P>, position: usize, seed: &Seeded) {
        let hash_of = |position: usize| P::hash(&peers.get(position).address(), seed);
        self.index.insert(hash_of(position), position, position + 1, hash_of);
        self.shares.add(&peers.get(position), seed);
    }

    /// Forgets a peer that stood at a position.
    pub(crate) fn remove<P: Peer>(&mut self, peer: &P, position: usize, seed: &Seeded) {
        self.index.remove(P::hash(&peer.address(), seed), position);
        self.shares.remove(peer, seed);
    }

    /// Follows two peers that are about to change places.
    pub(crate) fn swap<P: Peer>(&mut self, peers: &Pages<P>, one: usize, two: usize, seed: &Seeded) {
        // By a number that no peer has, so that no number is there twice where both hashes lead.
        let first = P::hash(&peers.get(one).address(), seed);
        self.index.replace(first, one, NOWHERE);
        self.index.replace(P::hash(&peers.get(two).address(), seed), two, one);
        self.index.replace(first, NOWHERE, two);
    }

    /// Gives a page of its memory back, for one who needs it no more; false where none is left.
    pub(crate) fn give_page_back(&mut self) -> bool {
        self.index.give_page_back()
    }
}
