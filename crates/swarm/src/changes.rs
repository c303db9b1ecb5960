//! Which listed torrents' counts changed since they were told of the last time.
//!
//! Nobody asks about a torrent that is not listed, which the open policy serves, too: counts of made-up ones would fill a database.

use crate::shard::Shard;
use crate::table::Place;
use crate::{Counts, Key};

/// Keys of one piece of memory.
const PIECE: usize = 4096;

/// Keys that wait, in pieces, so that one more never moves the others.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pieces: Vec<Vec<Key>>,
}

impl Changes {
    pub(crate) fn push(&mut self, key: Key) {
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(key);
        }
    }

    fn pop(&mut self) -> Option<Key> {
        let piece = self.pieces.last_mut()?;
        let key = piece.pop();
        if piece.is_empty() {
            self.pieces.pop();
        }
        key
    }
}

impl Shard {
    pub(crate) fn mark_changed(&mut self, place: Place) {
        let slot = self.table.get_mut(place);
        if slot.is_permitted() && !slot.is_changed() {
            slot.set_changed(true);
            self.changes.push(slot.key);
        }
    }

    /// Hands over the keys whose counts changed since the last time, at most `limit`, with their counts.
    pub fn drain_changed(&mut self, limit: usize) -> Vec<(Key, Counts)> {
        let mut changed = Vec::new();
        while changed.len() < limit {
            let Some(key) = self.changes.pop() else { break };
            let counts = self.place(key).map(|place| {
                self.table.get_mut(place).set_changed(false);
                self.counts(place)
            });
            changed.push((key, counts.unwrap_or_default()));
        }
        changed
    }
}
