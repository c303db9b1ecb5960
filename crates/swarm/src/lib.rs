//! Peers, expiry, selection, counts; the clock is passed in; knows no socket.
//!
//! A [`Shard`] owns the torrents of one worker. Its slots are kept in many small open-addressed tables, so that no growth and
//! no sweep ever stops the world; one or two IPv4 peers live inside the slot itself, larger swarms beside it.

mod list;
mod peer;
mod random;
mod shard;
mod table;

pub use peer::{Kind, classify};
pub use random::Random;
pub use shard::{Announce, Counts, Event, Outcome, Shard, SnapshotSwarm, Visibility};

/// The 20 bytes that a client announces: a v1 info-hash, or a v2 one cut to 20 (BEP 52).
pub type Key = [u8; 20];

/// How long a tick of the peers' clock lasts, in seconds.
pub const TICK_SECONDS: u64 = 4;

/// A 14-bit tick of four seconds; it wraps after 18 hours, far beyond any peer's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(pub(crate) u16);

impl Tick {
    /// The tick of a moment, in seconds of any clock that does not run backwards.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self(((seconds / TICK_SECONDS) & 0x3fff) as u16)
    }

    /// How many ticks passed since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> u16 {
        self.0.wrapping_sub(earlier.0) & 0x3fff
    }
}
