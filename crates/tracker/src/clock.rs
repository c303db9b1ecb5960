//! The tracker's own clock: the machine's, that never runs backwards, or one that is moved by hand in tests of expiry.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where the clock starts, so that snapshots have a past.
const PAST_SECONDS: u64 = 3600;

/// Seconds since an hour before the tracker's start.
#[derive(Debug)]
pub(crate) enum Clock {
    Running(Instant),
    ByHand(AtomicU64),
}

impl Clock {
    pub(crate) fn running() -> Self {
        Self::Running(Instant::now())
    }

    pub(crate) fn by_hand() -> Self {
        Self::ByHand(AtomicU64::new(0))
    }

    pub(crate) fn seconds(&self) -> u64 {
        PAST_SECONDS
            + match self {
                Self::Running(started) => started.elapsed().as_secs(),
                Self::ByHand(seconds) => seconds.load(Ordering::Relaxed),
            }
    }

    /// Moves a clock that is moved by hand; the other one moves by itself.
    pub(crate) fn advance(&self, by: u64) {
        if let Self::ByHand(seconds) = self {
            seconds.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// How many seconds this clock is behind the seconds since 1970.
    pub(crate) fn behind_unix(&self) -> i64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        since_1970.cast_signed() - self.seconds().cast_signed()
    }
}
