//! Peers, expiry, selection, counts; the clock is passed in; knows no socket.
//!
//! A [`Shard`] owns the torrents of one worker. Its slots are kept in many small open-addressed tables, one or two IPv4 peers in
//! the slot itself, up to 256 in a block, larger swarms beside them. Nothing in here ever stops the world: tables grow a segment
//! at a time, indexes entry by entry, and expiry and snapshots go on in small steps.

mod blocks;
mod changes;
mod counts;
mod growth;
mod hashing;
mod index;
mod large;
mod list;
mod lookup;
mod newcomers;
mod pages;
mod peer;
mod random;
mod second_key;
mod shard;
mod share;
mod small;
mod snapshot;
mod sweep;
mod table;
mod waste;

pub use counts::{Counts, Web};
pub use hashing::{KeyHash, Seeded};
pub use peer::{Kind, classify};
pub use random::Random;
pub use shard::{Announce, Event, Outcome, Shard, Visibility};
pub use snapshot::{Cursor, SnapshotPeer, SnapshotSwarm};

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
