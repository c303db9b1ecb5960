//! Who may add torrents while there is little room: under the open policy a flood of made-up ones must not use up what is left.
//!
//! Once a shard is three quarters full, each sender may add only so many torrents in half a minute, counted in a table of fixed
//! size. The flood then waits for its own torrents to expire, and everybody else's new ones are taken.

use std::net::IpAddr;

use crate::hashing::{KeyHash, Seeded};
use crate::shard::{Announce, Event, Outcome, Shard};
use crate::table::{Place, Slot};
use crate::{Counts, TICK_SECONDS, Tick};

/// Cells of the table; senders that fall together share an allowance.
const CELLS: usize = 4096;
/// How long an allowance lasts.
const WINDOW_SECONDS: u64 = 32;
/// New torrents of one allowance.
const MOST_NEW: u16 = 32;

/// For each cell a window of time and the torrents that were added in it; empty until it is needed.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(Vec<(u16, u16)>);

impl Newcomers {
    /// Whether there is room for a torrent more from this sender (IPv6: from its network of 64 bits).
    pub(crate) fn may_add(
        &mut self,
        held: usize,
        most: usize,
        from: IpAddr,
        now: Tick,
        seed: &Seeded,
    ) -> bool {
        if held >= most || held < most - most / 4 {
            return held < most;
        }
        if self.0.is_empty() {
            self.0 = vec![(0, 0); CELLS];
        }
        let hash = match from.to_canonical() {
            IpAddr::V4(ip) => seed.bytes(&ip.octets()),
            IpAddr::V6(ip) => seed.bytes(&ip.octets()[..8]),
        };
        let window = now.0 / (WINDOW_SECONDS / TICK_SECONDS) as u16;
        let cell = &mut self.0[hash as usize % CELLS];
        if cell.0 != window {
            *cell = (window, 0);
        }
        cell.1 = cell.1.saturating_add(1);
        cell.1 <= MOST_NEW
    }
}

impl Shard {
    /// Adds the torrent of an announce that names a new one, where the policy and the room permit it.
    pub(crate) fn add(&mut self, hash: KeyHash, announce: &Announce, now: Tick) -> Result<Place, Outcome> {
        if self.is_listed_only {
            return Err(Outcome::Unknown);
        }
        if announce.event == Event::Stopped {
            return Err(Outcome::Done(Counts::default()));
        }
        let (held, most) = (self.table.len(), self.most_torrents);
        if !self.newcomers.may_add(held, most, announce.address.ip(), now, &self.seed) {
            return Err(Outcome::Full);
        }
        Ok(self.table.insert(hash, Slot::new(announce.key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_adds_little_to_a_shard_that_is_nearly_full() {
        let seed = Seeded::new([1, 2]);
        let mut newcomers = Newcomers::default();
        let (flood, honest) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        let mut add = |held: usize, from: IpAddr, seconds: u64| {
            newcomers.may_add(held, 1000, from, Tick::at(seconds), &seed)
        };
        assert!((0..750).all(|held| add(held, flood, 0)));
        assert_eq!((750..1000).filter(|held| add(*held, flood, 0)).count(), usize::from(MOST_NEW));
        assert!(add(782, honest, 0) && add(783, flood, WINDOW_SECONDS));
        assert!(!add(1000, honest, 0), "there is no room at all");
    }
}
