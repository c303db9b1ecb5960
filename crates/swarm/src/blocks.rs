//! The peers of swarms of three to 256 peers, in blocks of seventeen sizes, without any gap between the blocks of a size.
//!
//! A block that is given back is filled by the last one of its size, so memory never falls to pieces however swarms grow and
//! shrink; the block that moved tells by its first word which slot has to learn its new number. Blocks stand in pages of 64 KiB.
//!
//! ```text
//! page:   | block | block | block | … | rest |          number of a block: page << 13 | first word
//! block:  | hash of the owner's key 8 | peer 8 | peer 8 | … capacity |
//! ```

use crate::hashing::KeyHash;

/// How many peers a block of each size holds.
const CAPACITIES: [u16; 17] = [4, 6, 8, 12, 16, 24, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256];
const PAGE_BITS: u32 = 13;
const PAGE_WORDS: usize = 1 << PAGE_BITS;

/// Where a block is: its size as a place in the list of sizes, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) size: u8,
    pub(crate) number: u32,
}

impl Block {
    /// The smallest size with room for so many peers; None when that takes more than a block.
    pub(crate) fn size_for(peers: usize) -> Option<u8> {
        CAPACITIES.iter().position(|capacity| usize::from(*capacity) >= peers).map(|size| size as u8)
    }

    pub(crate) fn capacity(self) -> usize {
        usize::from(CAPACITIES[usize::from(self.size)])
    }

    fn page(self) -> usize {
        (self.number >> PAGE_BITS) as usize
    }

    fn word(self) -> usize {
        self.number as usize & (PAGE_WORDS - 1)
    }
}

/// A block that took the place of another one: its owner has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) owner: KeyHash,
    pub(crate) from: Block,
    pub(crate) to: Block,
}

/// The blocks of one size.
#[derive(Debug, Default)]
struct Sized {
    pages: Vec<Box<[u64]>>,
    used: usize,
}

/// All blocks of a shard.
#[derive(Debug, Default)]
pub(crate) struct Blocks([Sized; CAPACITIES.len()]);

impl Blocks {
    /// Takes a block of a size for the owner of a key.
    pub(crate) fn take(&mut self, size: u8, owner: KeyHash) -> Block {
        let sized = &mut self.0[usize::from(size)];
        let block = nth(size, sized.used);
        sized.used += 1;
        if block.page() == sized.pages.len() {
            sized.pages.push(vec![0; PAGE_WORDS].into_boxed_slice());
        }
        sized.pages[block.page()][block.word()] = owner.0;
        block
    }

    /// Gives a block back; returns the one that moved into its place.
    pub(crate) fn give_back(&mut self, block: Block) -> Option<Moved> {
        let words = block.capacity() + 1;
        let sized = &mut self.0[usize::from(block.size)];
        sized.used -= 1;
        let last = nth(block.size, sized.used);
        let (to, from) = (block.word(), last.word());
        let mut moved = None;
        if last != block {
            if let Ok([target, source]) = sized.pages.get_disjoint_mut([block.page(), last.page()]) {
                target[to..to + words].copy_from_slice(&source[from..from + words]);
            } else {
                sized.pages[block.page()].copy_within(from..from + words, to);
            }
            let owner = KeyHash(sized.pages[block.page()][to]);
            moved = Some(Moved { owner, from: last, to: block });
        }
        if last.word() == 0 {
            sized.pages.pop();
        }
        moved
    }

    /// The peers of a block, the unused places behind them included.
    pub(crate) fn peers(&self, block: Block) -> &[u64] {
        let first = block.word() + 1;
        &self.0[usize::from(block.size)].pages[block.page()][first..first + block.capacity()]
    }

    pub(crate) fn peers_mut(&mut self, block: Block) -> &mut [u64] {
        let first = block.word() + 1;
        &mut self.0[usize::from(block.size)].pages[block.page()][first..first + block.capacity()]
    }
}

/// The place of the `n`th block of a size.
fn nth(size: u8, n: usize) -> Block {
    let words = usize::from(CAPACITIES[usize::from(size)]) + 1;
    let in_a_page = PAGE_WORDS / words;
    Block { size, number: ((n / in_a_page) << PAGE_BITS | (n % in_a_page * words)) as u32 }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::Random;

    #[test]
    fn blocks_keep_their_peers_and_leave_no_gap() {
        let mut blocks = Blocks::default();
        let mut random = Random::new(5);
        let mut owned: HashMap<u64, Block> = HashMap::new();
        for owner in 0..30_000_u64 {
            if random.below(5) < 3 || owned.is_empty() {
                let block = blocks.take(random.below(CAPACITIES.len()) as u8, KeyHash(owner));
                blocks.peers_mut(block).fill(owner);
                owned.insert(owner, block);
            } else {
                let gone =
                    *owned.keys().min_by_key(|key| *key ^ (random.next_u64() >> 40)).expect("not empty");
                let block = owned.remove(&gone).expect("chosen above");
                if let Some(moved) = blocks.give_back(block) {
                    assert_eq!(owned.insert(moved.owner.0, moved.to), Some(moved.from));
                }
            }
        }
        assert_eq!(blocks.0.iter().map(|sized| sized.used).sum::<usize>(), owned.len());
        for (owner, block) in &owned {
            assert!(blocks.peers(*block).iter().all(|peer| peer == owner), "{owner}");
        }
        for owner in owned.keys().copied().collect::<Vec<_>>() {
            let block = owned.remove(&owner).expect("a key of it");
            if let Some(moved) = blocks.give_back(block) {
                owned.insert(moved.owner.0, moved.to);
            }
        }
        assert!(blocks.0.iter().all(|sized| sized.used == 0 && sized.pages.is_empty()));
    }
}
