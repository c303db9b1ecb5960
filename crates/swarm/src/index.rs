//! From an address to its position in a large list, by open addressing.
//!
//! The table grows without a pause: a larger one is laid beside it, and each change of the list carries a few entries over. What is
//! left of the old one is given back a page with each change, too. An entry that goes leaves a mark behind; marks are left behind
//! when the table is renewed.

/// Entries carried over with each change.
const CARRIED: usize = 32;
const PAGE: usize = 1024;
const SMALLEST: usize = PAGE;
const FREE: u32 = 0;
const GONE: u32 = u32::MAX;

/// Positions by address. An entry is a position plus one.
#[derive(Debug, Default)]
pub(crate) struct Index {
    table: Places,
    /// Entries and marks in `table`.
    used: usize,
    old: Places,
    /// Up to where the old table was carried over.
    carried: usize,
    /// An older table that nothing leads to any more.
    spent: Places,
}

impl Index {
    /// The position that `is_it` accepts, among those that the hash leads to.
    pub(crate) fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        [&self.table, &self.old].into_iter().find_map(|table| {
            let found = probe(table, hash, |entry| is_it(entry as usize - 1))?;
            Some(table.get(found) as usize - 1)
        })
    }

    /// Adds a position that is not there; `len` is the length of the list, and `hash_of` tells the hash of any of its positions.
    pub(crate) fn insert(&mut self, hash: u64, position: usize, len: usize, hash_of: impl Fn(usize) -> u64) {
        self.carry(CARRIED, &hash_of);
        if (self.used + 1) * 10 > self.table.len() * 7 {
            self.carry(usize::MAX, &hash_of);
            let room = (len * 2).next_power_of_two().max(self.table.len() / 4).max(SMALLEST);
            self.old = std::mem::replace(&mut self.table, Places::new(room));
            (self.used, self.carried) = (0, 0);
        }
        self.place(hash, position as u32 + 1);
    }

    /// Lets an address lead to another position.
    pub(crate) fn replace(&mut self, hash: u64, from: usize, to: usize) {
        self.exchange(hash, from as u32 + 1, to as u32 + 1);
    }

    /// Removes a position.
    pub(crate) fn remove(&mut self, hash: u64, position: usize) {
        self.exchange(hash, position as u32 + 1, GONE);
    }

    fn exchange(&mut self, hash: u64, from: u32, to: u32) {
        for table in [&mut self.table, &mut self.old] {
            if let Some(found) = probe(table, hash, |entry| entry == from) {
                table.set(found, to);
                return;
            }
        }
    }

    fn place(&mut self, hash: u64, entry: u32) {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        while self.table.get(place) != FREE {
            place = (place + 1) & mask;
        }
        self.table.set(place, entry);
        self.used += 1;
    }

    /// Gives a page of its memory back, for one who needs the index no more; false where none is left.
    pub(crate) fn give_page_back(&mut self) -> bool {
        [&mut self.table, &mut self.old, &mut self.spent].into_iter().any(Places::give_page_back)
    }

    fn carry(&mut self, most: usize, hash_of: &impl Fn(usize) -> u64) {
        self.spent.give_page_back();
        let end = self.old.len().min(self.carried.saturating_add(most));
        for place in self.carried..end {
            let entry = self.old.get(place);
            if entry != FREE && entry != GONE {
                // A free place stays free, so that a search ends there as it did before.
                self.old.set(place, GONE);
                self.place(hash_of(entry as usize - 1), entry);
            }
        }
        self.carried = end;
        if end == self.old.len() && end > 0 {
            // The one before has long been given back: it took fewer changes than these did.
            self.spent = std::mem::take(&mut self.old);
        }
    }
}

/// A table of entries, in pages that are made when the first entry is put into them: a table of a million is there at once.
#[derive(Debug, Default)]
struct Places(Vec<Option<Box<[u32; PAGE]>>>);

impl Places {
    fn new(room: usize) -> Self {
        Self(vec![None; room / PAGE])
    }

    fn len(&self) -> usize {
        self.0.len() * PAGE
    }

    fn get(&self, place: usize) -> u32 {
        self.0[place / PAGE].as_ref().map_or(FREE, |page| page[place % PAGE])
    }

    /// Gives the last page back that was made; false where there is none.
    fn give_page_back(&mut self) -> bool {
        while let Some(page) = self.0.pop() {
            if page.is_some() {
                return true;
            }
        }
        false
    }

    fn set(&mut self, place: usize, entry: u32) {
        self.0[place / PAGE].get_or_insert_with(|| Box::new([FREE; PAGE]))[place % PAGE] = entry;
    }
}

/// The place of the entry that `is_it` accepts.
fn probe(table: &Places, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<usize> {
    let mask = table.len().checked_sub(1)?;
    let mut place = hash as usize & mask;
    for _ in 0..table.len() {
        let entry = table.get(place);
        if entry == FREE {
            return None;
        }
        if entry != GONE && is_it(entry) {
            return Some(place);
        }
        place = (place + 1) & mask;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    fn hash_of(position: usize) -> u64 {
        (position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn positions_are_found_while_the_table_grows_and_after_many_changes() {
        let mut index = Index::default();
        let mut random = Random::new(9);
        let mut held = std::collections::BTreeSet::new();
        for round in 0..60_000_usize {
            let position = random.below(20_000);
            if held.remove(&position) {
                index.remove(hash_of(position), position);
            } else {
                held.insert(position);
                index.insert(hash_of(position), position, held.len(), hash_of);
            }
            if round % 1000 == 0 {
                for position in 0..20_000 {
                    let found = index.find(hash_of(position), |other| other == position);
                    assert_eq!(found.is_some(), held.contains(&position), "{round} {position}");
                }
            }
        }
        assert!(index.table.len() <= 65_536, "marks do not make it grow: {}", index.table.len());
    }
}
