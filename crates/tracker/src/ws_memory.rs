//! What WebSocket connections hold in memory all together: each has bounds of its own, and their sum must not fill the machine either.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// Bytes of messages that are not whole yet and of answers that are not read yet, of all connections.
#[derive(Debug)]
pub(crate) struct Memory {
    held: Cell<usize>,
    most: usize,
    /// What any connection may hold, however much others do.
    fair: usize,
}

impl Memory {
    /// A memory of `most` bytes for that many connections. Half of it is each one's own fair part.
    pub(crate) fn new(most: usize, connections: usize) -> Rc<Self> {
        Rc::new(Self { held: Cell::new(0), most, fair: most / 2 / connections.max(1) })
    }
}

/// The part of one connection; it is given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Rc<Memory>,
    own: Cell<usize>,
}

impl Share {
    pub(crate) fn of(memory: &Rc<Memory>) -> Self {
        Self { memory: Rc::clone(memory), own: Cell::new(0) }
    }

    /// Says how much the connection holds now; false where that is more than its fair part while all together hold too much.
    #[must_use]
    pub(crate) fn hold(&self, bytes: usize) -> bool {
        let held = self.memory.held.get() - self.own.replace(bytes) + bytes;
        self.memory.held.set(held);
        held <= self.memory.most || bytes <= self.memory.fair
    }

    /// Adds what another connection sends to this one.
    #[must_use]
    pub(crate) fn add(&self, bytes: usize) -> bool {
        self.hold(self.own.get() + bytes)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.memory.held.set(self.memory.held.get() - self.own.get());
    }
}

/// Since when a message has been coming in, so that one that drips in for ever is cut.
#[derive(Debug, Default)]
pub(crate) struct Unfinished {
    since: Option<Instant>,
    whole: u64,
}

impl Unfinished {
    /// Notes whether a part of a message is there, and how many messages were whole so far. Returns by when it must be whole.
    pub(crate) fn note(&mut self, is_part_there: bool, whole: u64, patience: Duration) -> Option<Instant> {
        if whole != self.whole || !is_part_there {
            (self.since, self.whole) = (None, whole);
        }
        if is_part_there {
            self.since.get_or_insert_with(Instant::now);
        }
        self.since.map(|since| since + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_more_than_a_fair_part_is_told_once_all_hold_too_much() {
        let memory = Memory::new(1000, 10);
        let shares: Vec<Share> = (0..4).map(|_| Share::of(&memory)).collect();
        assert!(shares[0].hold(900) && shares[1].hold(50));
        assert!(shares[2].hold(50) && !shares[3].hold(51), "a fair part is 50");
        assert!(shares[3].hold(50) && !shares[1].add(1));
        drop(shares);
        assert_eq!(memory.held.get(), 0);
    }

    #[test]
    fn a_message_has_its_time_from_its_first_byte() {
        let patience = Duration::from_secs(10);
        let mut unfinished = Unfinished::default();
        assert_eq!(unfinished.note(false, 0, patience), None);
        let first = unfinished.note(true, 0, patience);
        assert!(first.is_some() && unfinished.note(true, 0, patience) == first, "more of the same");
        assert!(unfinished.note(true, 1, patience) > first, "the next one");
        assert_eq!(unfinished.note(false, 2, patience), None);
    }
}
