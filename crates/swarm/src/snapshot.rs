//! What a snapshot keeps of a shard: handed over a small part at a time, so that taking one is never a pause.

use std::net::SocketAddr;

use crate::peer::{Kind, Meta, Peer, PeerV4, classify};
use crate::shard::Shard;
use crate::small::Head;
use crate::table::{Form, SEGMENTS, Slot};
use crate::{Key, Tick};

/// Peers of a part; it may be somewhat more.
const PEERS_A_PART: usize = 4096;

/// A peer as a snapshot keeps it: address, whether it seeds, whether it is a partial seed, and the ticks since it was heard of.
pub type SnapshotPeer = (SocketAddr, bool, bool, u16);

/// A swarm as a snapshot keeps it. A large one comes in several pieces, each with its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotSwarm {
    /// Its key.
    pub key: Key,
    /// How often a download was completed.
    pub completed: u32,
    /// Its peers.
    pub peers: Vec<SnapshotPeer>,
}

/// How far a snapshot has come. A peer that comes or goes meanwhile is kept once, twice or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    segment: usize,
    slot: usize,
    peer: usize,
}

impl Shard {
    /// The next part of the swarms that have peers or were completed, and where to go on; None at the end.
    #[must_use]
    pub fn snapshot(&self, from: Cursor, now: Tick) -> (Vec<SnapshotSwarm>, Option<Cursor>) {
        let mut swarms = Vec::new();
        let mut left = PEERS_A_PART;
        let mut skipped = from.peer;
        for (position, slot) in self.table.slots(from.segment, from.slot) {
            let (peers, is_whole) = self.peers_of(slot, skipped, left, now);
            let taken = peers.len();
            if taken > 0 || slot.completed() > 0 {
                swarms.push(SnapshotSwarm { key: slot.key, completed: slot.completed(), peers });
            }
            if !is_whole {
                return (
                    swarms,
                    Some(Cursor { segment: from.segment, slot: position, peer: skipped + taken }),
                );
            }
            skipped = 0;
            left = left.saturating_sub(taken);
            if left == 0 {
                return (swarms, Some(Cursor { segment: from.segment, slot: position + 1, peer: 0 }));
            }
        }
        let segment = from.segment + 1;
        (swarms, (segment < SEGMENTS).then_some(Cursor { segment, slot: 0, peer: 0 }))
    }

    /// Peers of a slot from a position on, at most `most` when it is large, and whether these were the last ones.
    fn peers_of(&self, slot: &Slot, from: usize, most: usize, now: Tick) -> (Vec<SnapshotPeer>, bool) {
        match slot.form() {
            Form::Inline(head) => (kept(slot.inline(), head, now), true),
            Form::Block(block, head) => (kept(self.blocks.peers(block), head, now), true),
            Form::Large(number) => {
                let large = self.larges.get(number);
                let mut peers: Vec<_> = large.v4.kept(from, most, now).collect();
                let from_v6 = from.saturating_sub(large.v4.len());
                peers.extend(large.v6.kept(from_v6, most - peers.len(), now));
                let is_whole = from + peers.len() >= large.v4.len() + large.v6.len();
                (peers, is_whole)
            }
            Form::Alias(_) | Form::Refused | Form::Empty => (Vec::new(), true),
        }
    }

    /// Puts a swarm of a snapshot back; with the listed policy only where its key is permitted.
    pub fn restore(&mut self, swarm: &SnapshotSwarm, now: Tick) {
        let hash = self.table.hash(&swarm.key);
        let place = match self.table.find(hash, &swarm.key) {
            Some(place) if !matches!(self.table.get(place).form(), Form::Alias(_) | Form::Refused) => place,
            None if !self.is_listed_only && self.table.len() < self.most_torrents => {
                self.table.insert(hash, Slot::new(swarm.key))
            }
            _ => return,
        };
        let slot = self.table.get_mut(place);
        slot.set_completed(slot.completed().max(swarm.completed));
        for (address, is_seeder, is_partial, age) in &swarm.peers {
            if *age <= self.life {
                let tick = Tick(now.0.wrapping_sub(*age) & 0x3fff);
                let ip = address.ip().to_canonical();
                let meta = Meta::new(tick, *is_partial, classify(ip) == Kind::Local);
                self.put(place, hash, ip, address.port(), meta, *is_seeder);
            }
        }
        self.mark_changed(place);
    }
}

fn kept(peers: &[u64], head: Head, now: Tick) -> Vec<SnapshotPeer> {
    let kept = |(position, peer): (usize, &u64)| {
        let peer = PeerV4(*peer);
        let is_seeder = position < usize::from(head.seeders);
        (peer.socket(), is_seeder, peer.is_partial(), now.since(peer.meta().tick()))
    };
    peers[..usize::from(head.len)].iter().enumerate().map(kept).collect()
}
