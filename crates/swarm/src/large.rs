//! Large swarms: more IPv4 peers than a block holds, any IPv6 peers, or browsers.

use crate::counts::Web;
use crate::list::List;
use crate::peer::{PeerV4, PeerV6};
use crate::waste::Waste;

/// Swarms of one piece of memory, so that one more never moves the others.
const PIECE: usize = 512;

/// A large swarm: both families, and the browsers that are told of by the WebSocket side.
#[derive(Debug)]
pub(crate) struct Large {
    pub(crate) v4: List<PeerV4>,
    pub(crate) v6: List<PeerV6>,
    pub(crate) web: Web,
}

impl Large {
    const fn new() -> Self {
        Self { v4: List::new(), v6: List::new(), web: Web { seeders: 0, leechers: 0, partial_seeds: 0 } }
    }

    /// How many browsers there are.
    pub(crate) fn browsers(&self) -> usize {
        (self.web.seeders + self.web.leechers) as usize
    }
}

/// All large swarms of a shard, by number.
#[derive(Debug, Default)]
pub(crate) struct Larges {
    pieces: Vec<Vec<Large>>,
    free: Vec<u32>,
    /// What is left of swarms that are large no more.
    pub(crate) waste: Waste,
}

impl Larges {
    /// An empty swarm; its number.
    pub(crate) fn take(&mut self) -> usize {
        if let Some(number) = self.free.pop() {
            return number as usize;
        }
        if self.pieces.last().is_none_or(|piece| piece.len() == PIECE) {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        let last = self.pieces.len() - 1;
        self.pieces[last].push(Large::new());
        last * PIECE + self.pieces[last].len() - 1
    }

    /// Forgets a swarm's peers and gives its number back.
    pub(crate) fn give_back(&mut self, number: usize) {
        let large = std::mem::replace(self.get_mut(number), Large::new());
        self.waste.take(large);
        self.free.push(number as u32);
    }

    pub(crate) fn get(&self, number: usize) -> &Large {
        &self.pieces[number / PIECE][number % PIECE]
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> &mut Large {
        &mut self.pieces[number / PIECE][number % PIECE]
    }
}
