//! A small IPv4 swarm: up to a few hundred peers in one piece of memory, seeders in front, leechers behind.
//!
//! ```text
//! peers:  | seeder | seeder | leecher | leecher | leecher | free | free |
//!         0                 seeders                       len           capacity
//! ```
//!
//! It is searched from end to end, which the processor does faster than any hashing. The peers stand in the torrent's slot when
//! they are one or two, and in a block of a [`crate::blocks::Blocks`] otherwise; both are slices here.

use crate::peer::{Choice, Meta, Peer, PeerV4, Put};
use crate::{Random, Tick, share};

/// Peers that are handed out together: half a line of the cache.
const GROUP: usize = 4;

/// How many peers of a slice are in use, and of what kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: u16,
    pub(crate) seeders: u16,
    pub(crate) partial: u16,
}

impl Head {
    /// Adds the peer, when there are fewer than `most`, or renews it.
    pub(crate) fn put(
        &mut self,
        peers: &mut [u64],
        address: u64,
        meta: Meta,
        is_seeder: bool,
        most: usize,
    ) -> Put {
        let peer = PeerV4::new(address, meta).0;
        if let Some(position) = self.find(peers, address) {
            let seeders = usize::from(self.seeders);
            let was_seeder = position < seeders;
            let was_partial = meta_of(peers[position]).is_partial();
            self.partial -= u16::from(was_partial);
            self.partial += u16::from(meta.is_partial());
            peers[position] = peer;
            match (was_seeder, is_seeder) {
                (false, true) => {
                    peers.swap(position, seeders);
                    self.seeders += 1;
                }
                (true, false) => {
                    peers.swap(position, seeders - 1);
                    self.seeders -= 1;
                }
                _ => {}
            }
            return Put::Renewed { was_seeder, was_partial };
        }
        let last = usize::from(self.len);
        if last >= share::FEW && !meta.is_local() && self.held(peers, address) >= share::FEW {
            return Put::OverShare;
        }
        if last >= most.min(peers.len()) {
            return Put::Full;
        }
        peers[last] = peer;
        self.len += 1;
        self.partial += u16::from(meta.is_partial());
        if is_seeder {
            peers.swap(last, usize::from(self.seeders));
            self.seeders += 1;
        }
        Put::Added
    }

    /// Removes a peer; returns whether it was a seeder, None when it was not there.
    pub(crate) fn remove(&mut self, peers: &mut [u64], address: u64) -> Option<bool> {
        let position = self.find(peers, address)?;
        let was_seeder = position < usize::from(self.seeders);
        self.remove_at(peers, position);
        Some(was_seeder)
    }

    /// Removes what was not heard of for more than `life` ticks; returns how many.
    pub(crate) fn expire(&mut self, peers: &mut [u64], now: Tick, life: u16) -> usize {
        let before = self.len;
        let mut position = 0;
        while position < usize::from(self.len) {
            if now.since(meta_of(peers[position]).tick()) > life {
                self.remove_at(peers, position);
            } else {
                position += 1;
            }
        }
        usize::from(before - self.len)
    }

    /// Whether [`Self::expire`] would remove any.
    pub(crate) fn has_expired(self, peers: &[u64], now: Tick, life: u16) -> bool {
        peers[..usize::from(self.len)].iter().any(|peer| now.since(meta_of(*peer).tick()) > life)
    }

    #[allow(clippy::needless_bitwise_bool)] // A jump for each peer would undo what comparing four at once gains.
    pub(crate) fn find(self, peers: &[u64], address: u64) -> Option<usize> {
        let is_it = |peer: &u64| PeerV4(*peer).address() == address;
        let (lines, rest) = peers[..usize::from(self.len)].as_chunks::<8>();
        // A line of the cache at a time, by the IPv4 address alone: that is what the processor compares four at once.
        let ip = (address >> 16) as u32;
        for (number, line) in lines.iter().enumerate() {
            let is_near = line.iter().fold(false, |found, peer| found | ((peer >> 16) as u32 == ip));
            if is_near && let Some(position) = line.iter().position(is_it) {
                return Some(number * 8 + position);
            }
        }
        rest.iter().position(is_it).map(|position| lines.len() * 8 + position)
    }

    /// How many places the IPv4 address of a peer holds.
    fn held(self, peers: &[u64], address: u64) -> usize {
        let ip = (address >> 16) as u32;
        peers[..usize::from(self.len)].iter().filter(|peer| (**peer >> 16) as u32 == ip).count()
    }

    fn remove_at(&mut self, peers: &mut [u64], position: usize) {
        self.partial -= u16::from(meta_of(peers[position]).is_partial());
        let mut hole = position;
        if hole < usize::from(self.seeders) {
            self.seeders -= 1;
            peers[hole] = peers[usize::from(self.seeders)];
            hole = usize::from(self.seeders);
        }
        self.len -= 1;
        peers[hole] = peers[usize::from(self.len)];
    }
}

/// Most peers of a small swarm.
pub(crate) const MOST: usize = 256;

/// Writes up to `wanted` of the peers of a small swarm: random groups of the whole, others each time.
///
/// They are gathered first, those that may not be handed out included and written over by the next one, and then written all at
/// once: both without a jump or a check for each peer. `room` is for gathering.
pub(crate) fn choose(
    choice: &Choice<u64>,
    peers: &[u64],
    random: &mut Random,
    room: &mut [u64; MOST],
    out: &mut Vec<u8>,
) {
    let wanted = choice.wanted.min(peers.len());
    let mut found = 0;
    // The first group begins anywhere, and the peers before it are a group, too: so no peer is always the last of its group.
    let shift = random.below(GROUP).min(peers.len());
    let (before, groups) = peers.split_at(shift);
    let last = groups.len().div_ceil(GROUP);
    for group in random.walk(last + 1, usize::MAX) {
        let group = if group == last { before } else { &groups[group * GROUP..] };
        for peer in group.iter().take(GROUP) {
            let peer = PeerV4(*peer);
            room[found % MOST] = peer.0;
            let is_told = (choice.with_local || !peer.meta().is_local()) && peer.address() != choice.except;
            found += usize::from(is_told);
        }
        if found >= wanted {
            found = wanted;
            break;
        }
    }
    let start = out.len();
    out.resize(start + found * PeerV4::COMPACT, 0);
    for (place, peer) in out[start..].as_chunks_mut::<{ PeerV4::COMPACT }>().0.iter_mut().zip(&*room) {
        PeerV4(*peer).write(place);
    }
}

fn meta_of(peer: u64) -> Meta {
    PeerV4(peer).meta()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    #[allow(clippy::cast_precision_loss)] // Far below 2^52.
    fn every_peer_is_handed_out_as_often_as_any_other_and_no_reply_is_like_the_one_before() {
        let mut random = Random::new(2);
        for count in [1, 3, 31, 100, 255] {
            let peers: Vec<u64> =
                (1..=count).map(|number| number | if number == 7 { 1 << 63 } else { 0 }).collect();
            let (wanted, asking) = (30, 5);
            let eligible = (1..=count).filter(|number| ![5, 7].contains(number)).count();
            let choice = Choice { wanted, leechers_only: false, except: asking, with_local: false };
            let mut times: HashMap<[u8; 6], u32> = HashMap::new();
            let mut same = 0;
            let mut last = Vec::new();
            for _ in 0..20_000 {
                let mut out = vec![9];
                choose(&choice, &peers, &mut random, &mut [0; MOST], &mut out);
                assert_eq!((out[0], out.len()), (9, 1 + 6 * eligible.min(wanted)));
                let chosen = out[1..].as_chunks::<6>().0;
                for peer in chosen {
                    *times.entry(*peer).or_default() += 1;
                }
                same += u32::from(out == last);
                last = out;
            }
            assert_eq!(times.len(), eligible);
            let expected = 20_000.0 * (wanted.min(eligible) as f64) / eligible as f64;
            for (peer, times) in times {
                let is_fair = (f64::from(times) - expected).abs() < 0.08 * expected;
                assert!(is_fair && peer[5] != 5 && peer[5] != 7, "{count} {peer:?}: {times} of {expected}");
            }
            assert!(count < 40 || same < 400, "{count}: {same}");
        }
    }

    #[test]
    fn one_address_holds_its_share_and_renews_what_it_has() {
        let (mut head, mut peers) = (Head::default(), [0; 100]);
        let mut put = |address: u64, is_local: bool| {
            head.put(&mut peers, address, Meta::new(Tick(1), false, is_local), false, usize::MAX)
        };
        let share = share::FEW as u64;
        assert!((0..share).all(|port| put(7 << 16 | port, false) == Put::Added));
        assert_eq!(put(7 << 16 | share, false), Put::OverShare);
        assert_eq!(put(7 << 16 | 1, false), Put::Renewed { was_seeder: false, was_partial: false });
        assert_eq!(put(8 << 16 | share, false), Put::Added, "another address has its own");
        assert!(
            (0..share + 5).all(|port| put(9 << 16 | port, true) == Put::Added),
            "local ones are not counted"
        );
    }

    /// Every operation against a map of address to (seeds, partial, tick).
    #[test]
    fn a_head_and_its_peers_agree_with_a_plain_map() {
        let mut random = Random::new(11);
        let (mut head, mut peers) = (Head::default(), [0; 40]);
        let mut model: HashMap<u64, (bool, bool, u16)> = HashMap::new();
        for step in 0..20_000_u16 {
            let tick = Tick(step / 8);
            let address = (random.below(60) as u64) << 16;
            match random.below(10) {
                0..=5 => {
                    let is_seeder = random.below(3) == 0;
                    let is_partial = !is_seeder && random.below(4) == 0;
                    let meta = Meta::new(tick, is_partial, false);
                    let expected = match model.get(&address) {
                        Some((was_seeder, was_partial, _)) => {
                            Put::Renewed { was_seeder: *was_seeder, was_partial: *was_partial }
                        }
                        None if model.len() == peers.len() => Put::Full,
                        None => Put::Added,
                    };
                    assert_eq!(head.put(&mut peers, address, meta, is_seeder, usize::MAX), expected);
                    if expected != Put::Full {
                        model.insert(address, (is_seeder, is_partial, tick.0));
                    }
                }
                6..=8 => {
                    let expected = model.remove(&address).map(|(is_seeder, ..)| is_seeder);
                    assert_eq!(head.remove(&mut peers, address), expected);
                }
                _ => {
                    let before = model.len();
                    model.retain(|_, (.., heard)| tick.0 - *heard <= 12);
                    assert_eq!(head.has_expired(&peers, tick, 12), before > model.len());
                    assert_eq!(head.expire(&mut peers, tick, 12), before - model.len());
                }
            }
            assert_eq!(usize::from(head.len), model.len());
            assert_eq!(usize::from(head.seeders), model.values().filter(|peer| peer.0).count());
            assert_eq!(usize::from(head.partial), model.values().filter(|peer| peer.1).count());
            for (position, peer) in peers[..usize::from(head.len)].iter().enumerate() {
                let found = (
                    position < usize::from(head.seeders),
                    meta_of(*peer).is_partial(),
                    meta_of(*peer).tick().0,
                );
                assert_eq!(model.get(&PeerV4(*peer).address()), Some(&found));
            }
        }
    }
}
