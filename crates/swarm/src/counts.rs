//! How many peers a swarm has, of what kind.

use crate::Key;
use crate::shard::Shard;
use crate::table::{Form, Place, SEGMENTS, Slot};

/// What a swarm holds. A partial seed is a leecher, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Peers that have everything.
    pub seeders: u32,
    /// Peers that do not.
    pub leechers: u32,
    /// Of the leechers, those that want nothing more.
    pub partial_seeds: u32,
    /// How often a download was completed.
    pub completed: u32,
}

/// The browsers of a swarm, as the WebSocket side tells them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Web {
    /// Those that have everything.
    pub seeders: u32,
    /// Those that do not.
    pub leechers: u32,
    /// Of the latter, those that want nothing more.
    pub partial_seeds: u32,
}

impl Shard {
    /// How many segments [`Self::counted`] has to be asked for.
    #[must_use]
    pub fn segments() -> usize {
        SEGMENTS
    }

    /// The counts of one segment's torrents, second names left out.
    pub fn counted(&self, segment: usize, out: &mut Vec<(Key, Counts)>) {
        let torrents = self
            .table
            .slots(segment, 0)
            .filter(|(_, slot)| !matches!(slot.form(), Form::Alias(_) | Form::Refused));
        out.extend(torrents.map(|(_, slot)| (slot.key, self.counts_of(slot))));
    }

    pub(crate) fn counts(&self, place: Place) -> Counts {
        self.counts_of(self.table.get(place))
    }

    fn counts_of(&self, slot: &Slot) -> Counts {
        let completed = slot.completed();
        match slot.form() {
            Form::Inline(head) | Form::Block(_, head) => Counts {
                seeders: u32::from(head.seeders),
                leechers: u32::from(head.len - head.seeders),
                partial_seeds: u32::from(head.partial),
                completed,
            },
            Form::Large(number) => {
                let large = self.larges.get(number);
                let seeders = large.v4.seeders() + large.v6.seeders();
                Counts {
                    seeders: seeders as u32 + large.web.seeders,
                    leechers: (large.v4.len() + large.v6.len() - seeders) as u32 + large.web.leechers,
                    partial_seeds: (large.v4.partial() + large.v6.partial()) as u32 + large.web.partial_seeds,
                    completed,
                }
            }
            Form::Alias(_) | Form::Refused | Form::Empty => Counts::default(),
        }
    }
}
