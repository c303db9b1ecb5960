//! One swarm of `WebTorrent` peers: seeders in front, leechers behind, found by their ids.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use largesse_swarm::{Key, Random, Web};

use crate::ws_swarms::{Outgoing, PeerId};

/// A peer of a swarm, with the key that it announced and the socket that it is reached by.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) key: Key,
    pub(crate) socket: u64,
    pub(crate) ip: IpAddr,
    pub(crate) is_partial: bool,
    pub(crate) out: Rc<Outgoing>,
}

/// A swarm: seeders in front, so that they can be passed over.
#[derive(Default)]
pub(crate) struct Swarm {
    pub(crate) peers: Vec<Peer>,
    pub(crate) seeders: usize,
    partial_seeds: usize,
    pub(crate) places: HashMap<PeerId, usize>,
}

impl Swarm {
    pub(crate) fn add(&mut self, peer: Peer, is_seeder: bool) {
        let place = self.peers.len();
        self.places.insert(peer.id, place);
        self.partial_seeds += usize::from(peer.is_partial);
        self.peers.push(peer);
        self.set_seeder(place, is_seeder);
    }

    pub(crate) fn set_seeder(&mut self, place: usize, is_seeder: bool) {
        match (place < self.seeders, is_seeder) {
            (false, true) => {
                self.swap(place, self.seeders);
                self.seeders += 1;
            }
            (true, false) => {
                self.seeders -= 1;
                self.swap(place, self.seeders);
            }
            _ => {}
        }
    }

    pub(crate) fn set_partial(&mut self, place: usize, is_partial: bool) {
        let peer = &mut self.peers[place];
        self.partial_seeds -= usize::from(peer.is_partial);
        self.partial_seeds += usize::from(is_partial);
        peer.is_partial = is_partial;
    }

    /// How many there are of each kind.
    pub(crate) fn counts(&self) -> Web {
        Web {
            seeders: self.seeders as u32,
            leechers: (self.peers.len() - self.seeders) as u32,
            partial_seeds: self.partial_seeds as u32,
        }
    }

    pub(crate) fn remove(&mut self, place: usize) {
        let is_seeder = place < self.seeders;
        self.set_seeder(place, false);
        let place = if is_seeder { self.seeders } else { place };
        self.swap(place, self.peers.len() - 1);
        if let Some(peer) = self.peers.pop() {
            self.places.remove(&peer.id);
            self.partial_seeds -= usize::from(peer.is_partial);
        }
    }

    fn swap(&mut self, one: usize, two: usize) {
        self.peers.swap(one, two);
        for place in [one, two] {
            self.places.insert(self.peers[place].id, place);
        }
    }
}

/// Chooses different numbers below `bound` at random, at most `wanted` (Floyd's way: no list of all of them is made).
pub(crate) fn choose(random: &mut Random, bound: usize, wanted: usize) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(wanted.min(bound));
    for last in bound - wanted.min(bound)..bound {
        let number = random.below(last + 1);
        chosen.push(if chosen.contains(&number) { last } else { number });
    }
    chosen
}
