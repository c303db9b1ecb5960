//! Whether every part of the tracker is at work: each says so now and then, and one that has been silent for too long is named.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::engine::Engine;

/// Parts that say that they are at work.
#[derive(Debug)]
pub(crate) struct Health {
    began: Instant,
    parts: Mutex<Vec<Part>>,
}

/// One part: when it was last at work, in milliseconds since the tracker's start.
#[derive(Debug)]
struct Part {
    name: String,
    patience_milliseconds: u64,
    beaten_at: Arc<AtomicU64>,
}

/// With it a part says that it is at work; it costs a clock and a store.
#[derive(Clone, Debug)]
pub(crate) struct Pulse {
    began: Instant,
    beaten_at: Arc<AtomicU64>,
}

impl Pulse {
    pub(crate) fn beat(&self) {
        self.beaten_at.store(milliseconds_since(self.began), Ordering::Relaxed);
    }
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), parts: Mutex::default() }
    }

    /// A part that should be heard of once in `patience_seconds`, from now on; the same one for the same name.
    pub(crate) fn part(&self, name: &str, patience_seconds: u64) -> Pulse {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = parts.iter().find(|part| part.name == name).map(|part| Arc::clone(&part.beaten_at));
        let beaten_at = known.unwrap_or_else(|| {
            let beaten_at = Arc::new(AtomicU64::new(milliseconds_since(self.began)));
            let patience_milliseconds = patience_seconds.saturating_mul(1000);
            parts.push(Part { name: name.into(), patience_milliseconds, beaten_at: Arc::clone(&beaten_at) });
            beaten_at
        });
        Pulse { began: self.began, beaten_at }
    }

    /// The parts that have been silent for too long.
    pub(crate) fn silent(&self) -> Vec<String> {
        let now = milliseconds_since(self.began);
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent = |part: &&Part| {
            now.saturating_sub(part.beaten_at.load(Ordering::Relaxed)) > part.patience_milliseconds
        };
        parts.iter().filter(is_silent).map(|part| part.name.clone()).collect()
    }
}

impl Engine {
    /// Says that a part outside is at work; `/health` names it once it has been silent for longer than `patience_seconds`.
    pub fn beat(&self, part: &str, patience_seconds: u64) {
        self.health.part(part, patience_seconds).beat();
    }
}

fn milliseconds_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_part_that_falls_silent_is_named() {
        let health = Health::new();
        let (never, always) = (health.part("never", 0), health.part("always", 3600));
        always.beat();
        sleep(Duration::from_millis(5));
        assert_eq!(health.silent(), ["never"]);
        never.beat();
        health.part("never", 3600).beat();
        assert_eq!(health.parts.lock().expect("no panic").len(), 2);
    }
}
