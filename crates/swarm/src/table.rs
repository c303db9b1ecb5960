//! Slots of torrents in many small open-addressed tables.
//!
//! A key's `SipHash` under a random key chooses one of 4096 segments by its top bits and the place in it by its low bits, scaled
//! to the segment's size, so a segment can grow by a quarter instead of doubling. Growing or sweeping one segment touches about
//! a 4096th of all torrents: at five million torrents some 1200 slots, microseconds.
//!
//! ```text
//! slot, 44 bytes:  0        20           24            40    41       42     43
//!                  | key 20 | completed  | body 16     |kind |seeders |len   |flags |
//! body: two IPv4 peers, or the number of a large swarm, or the number of an alias
//! ```

use std::hash::{BuildHasher, Hasher};

use crate::Key;
use crate::list::Seeded;

const SEGMENT_BITS: u32 = 12;
/// How many segments a table has.
pub(crate) const SEGMENTS: usize = 1 << SEGMENT_BITS;

/// What a slot's body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Body {
    /// Nothing: the slot is free.
    Empty,
    /// Up to two IPv4 peers.
    Inline,
    /// The number of a large swarm.
    Large,
    /// The number of the key that this one stands for: a hybrid's second key.
    Alias,
}

/// One torrent.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Slot {
    pub(crate) key: Key,
    pub(crate) completed: u32,
    body: [u32; 4],
    pub(crate) kind: Body,
    pub(crate) seeders: u8,
    pub(crate) len: u8,
    flags: u8,
}

const PERMITTED: u8 = 1;
const CHANGED: u8 = 2;

impl Slot {
    const EMPTY: Self =
        Self { key: [0; 20], completed: 0, body: [0; 4], kind: Body::Empty, seeders: 0, len: 0, flags: 0 };

    /// A torrent without peers.
    pub(crate) fn new(key: Key) -> Self {
        Self { key, kind: Body::Inline, ..Self::EMPTY }
    }

    pub(crate) fn inline(&self, position: usize) -> u64 {
        u64::from(self.body[position * 2]) | (u64::from(self.body[position * 2 + 1]) << 32)
    }

    pub(crate) fn set_inline(&mut self, position: usize, peer: u64) {
        self.body[position * 2] = peer as u32;
        self.body[position * 2 + 1] = (peer >> 32) as u32;
    }

    pub(crate) fn number(&self) -> usize {
        self.body[0] as usize
    }

    pub(crate) fn set_number(&mut self, kind: Body, number: usize) {
        self.kind = kind;
        self.body = [number as u32, 0, 0, 0];
        self.seeders = 0;
        self.len = 0;
    }

    pub(crate) fn is_permitted(&self) -> bool {
        self.flags & PERMITTED != 0
    }

    pub(crate) fn set_permitted(&mut self, is_permitted: bool) {
        self.flags = if is_permitted { self.flags | PERMITTED } else { self.flags & !PERMITTED };
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.flags & CHANGED != 0
    }

    pub(crate) fn set_changed(&mut self, is_changed: bool) {
        self.flags = if is_changed { self.flags | CHANGED } else { self.flags & !CHANGED };
    }
}

#[derive(Debug, Default)]
struct Segment {
    slots: Vec<Slot>,
    used: u32,
}

/// Where a slot is, until the table changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    segment: usize,
    position: usize,
}

/// All slots of a shard.
#[derive(Debug)]
pub(crate) struct Table {
    segments: Vec<Segment>,
    seed: Seeded,
    used: usize,
}

impl Table {
    pub(crate) fn new(seed: Seeded) -> Self {
        Self { segments: (0..SEGMENTS).map(|_| Segment::default()).collect(), seed, used: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.used
    }

    pub(crate) fn hash(&self, key: &Key) -> u64 {
        let mut hasher = self.seed.build_hasher();
        hasher.write(key);
        hasher.finish()
    }

    /// Reads the first slot that a hash leads to, so that several look-ups can wait for memory at the same time.
    pub(crate) fn touch(&self, hash: u64) -> u8 {
        let segment = &self.segments[segment_of(hash)];
        segment.slots.get(home(hash, segment.slots.len())).map_or(0, |slot| slot.len)
    }

    pub(crate) fn find(&self, hash: u64, key: &Key) -> Option<Place> {
        let segment = segment_of(hash);
        let slots = &self.segments[segment].slots;
        if slots.is_empty() {
            return None;
        }
        let mut position = home(hash, slots.len());
        loop {
            let slot = &slots[position];
            if slot.kind == Body::Empty {
                return None;
            }
            if slot.key == *key {
                return Some(Place { segment, position });
            }
            position = if position + 1 == slots.len() { 0 } else { position + 1 };
        }
    }

    pub(crate) fn get(&self, place: Place) -> &Slot {
        &self.segments[place.segment].slots[place.position]
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.segments[place.segment].slots[place.position]
    }

    /// Adds a slot whose key is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, slot: Slot) -> Place {
        let segment = segment_of(hash);
        let room = self.segments[segment].slots.len();
        if (self.segments[segment].used as usize + 1) * 5 > room * 4 {
            self.resize(segment, room + room / 4 + 4);
        }
        self.segments[segment].used += 1;
        self.used += 1;
        Place { segment, position: place_in(&mut self.segments[segment].slots, hash, slot) }
    }

    /// Removes a slot and closes the gap.
    pub(crate) fn remove(&mut self, place: Place) {
        let seed = self.seed;
        let segment = &mut self.segments[place.segment];
        let room = segment.slots.len();
        let mut hole = place.position;
        let mut position = hole;
        loop {
            position = if position + 1 == room { 0 } else { position + 1 };
            let slot = segment.slots[position];
            if slot.kind == Body::Empty {
                break;
            }
            let mut hasher = seed.build_hasher();
            hasher.write(&slot.key);
            let from_home = distance(home(hasher.finish(), room), position, room);
            if from_home >= distance(hole, position, room) {
                segment.slots[hole] = slot;
                hole = position;
            }
        }
        segment.slots[hole] = Slot::EMPTY;
        segment.used -= 1;
        self.used -= 1;
        if room > 16 && (segment.used as usize) * 3 < room {
            self.resize(place.segment, room / 2);
        }
    }

    /// The places of a segment that are taken.
    pub(crate) fn places(&self, segment: usize) -> impl Iterator<Item = Place> {
        self.segments[segment]
            .slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.kind != Body::Empty)
            .map(move |(position, _)| Place { segment, position })
    }

    fn resize(&mut self, segment: usize, room: usize) {
        let old = std::mem::replace(&mut self.segments[segment].slots, vec![Slot::EMPTY; room]);
        for slot in old.into_iter().filter(|slot| slot.kind != Body::Empty) {
            let hash = self.hash(&slot.key);
            place_in(&mut self.segments[segment].slots, hash, slot);
        }
    }
}

fn segment_of(hash: u64) -> usize {
    (hash >> (64 - SEGMENT_BITS)) as usize
}

fn home(hash: u64, room: usize) -> usize {
    (((hash & 0xffff_ffff) * room as u64) >> 32) as usize
}

fn distance(from: usize, to: usize, room: usize) -> usize {
    if to >= from { to - from } else { to + room - from }
}

fn place_in(slots: &mut [Slot], hash: u64, slot: Slot) -> usize {
    let mut position = home(hash, slots.len());
    while slots[position].kind != Body::Empty {
        position = if position + 1 == slots.len() { 0 } else { position + 1 };
    }
    slots[position] = slot;
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_forty_four_bytes() {
        assert_eq!(std::mem::size_of::<Slot>(), 44);
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_removed() {
        let mut table = Table::new(Seeded([3, 4]));
        let key = |number: u32| {
            let mut key = [0; 20];
            key[..4].copy_from_slice(&number.to_be_bytes());
            key
        };
        for number in 0..50_000 {
            let hash = table.hash(&key(number));
            assert!(table.find(hash, &key(number)).is_none());
            table.insert(hash, Slot::new(key(number)));
        }
        for number in (0..50_000).filter(|number| number % 3 != 0) {
            let place = table.find(table.hash(&key(number)), &key(number)).expect("put in above");
            table.remove(place);
        }
        for number in 0..50_000 {
            let found = table.find(table.hash(&key(number)), &key(number));
            assert_eq!(found.is_some(), number % 3 == 0, "{number}");
        }
        assert_eq!(table.len(), 50_000_usize.div_ceil(3));
        assert_eq!((0..SEGMENTS).map(|segment| table.places(segment).count()).sum::<usize>(), table.len());
    }
}
