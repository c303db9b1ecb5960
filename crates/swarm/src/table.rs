//! Slots of torrents in many small open-addressed tables.
//!
//! A key's `SipHash` under a random key chooses one of 4096 segments by its top bits and the place in it by its low bits, scaled
//! to the segment's size, so a segment can grow by an eighth instead of doubling. Growing or sweeping one segment touches about
//! a 4096th of all torrents: at five million torrents some 1200 slots, microseconds.
//!
//! ```text
//! slot, 40 bytes:  0         16           36                                  state: 31..28 form
//!                  | body 16 | key 20     | state 4 |                                27 changed, 26 permitted
//!                                                                                   25..0 completed downloads
//! body by form:    inline   one or two IPv4 peers; how many, and how many of them are seeders, is told by the form itself
//!                  block    number of the block 4, peers 2, seeders 2, partial seeds 2, size of the block 1, free 5
//!                  large    number of the large swarm 4
//!                  alias    number of the key that this one stands for 4: a hybrid's second key
//!                  refused  nothing
//! ```

use crate::Key;
use crate::blocks::Block;
use crate::hashing::{KeyHash, Seeded};
use crate::peer::PeerV4;
use crate::small::Head;

const SEGMENT_BITS: u32 = 12;
/// How many segments a table has.
pub(crate) const SEGMENTS: usize = 1 << SEGMENT_BITS;
/// Peers that stand in the slot itself.
pub(crate) const INLINE: usize = 2;

/// What a slot's body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Nothing: the slot is free.
    Empty,
    /// Up to two IPv4 peers.
    Inline(Head),
    /// A block of IPv4 peers.
    Block(Block, Head),
    /// The number of a large swarm.
    Large(usize),
    /// The number of the key that this one stands for.
    Alias(usize),
    /// Nothing, for ever: the key was withdrawn where others need not be listed.
    Refused,
}

/// One torrent.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Slot {
    body: [u64; 2],
    pub(crate) key: Key,
    state: u32,
}

const COMPLETED: u32 = (1 << 26) - 1;
const PERMITTED: u32 = 1 << 26;
const CHANGED: u32 = 1 << 27;
const FORM: u32 = 28;
const EMPTY: u32 = 0;
const ALIAS: u32 = 1;
const BLOCK: u32 = 2;
const LARGE: u32 = 3;
/// Inline forms from here on: no peer; a leecher, a seeder; two leechers, one of each, two seeders.
const INLINES: u32 = 4;
const REFUSED: u32 = 10;
const INLINE_HEADS: [(u16, u16); 6] = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)];

impl Slot {
    const EMPTY: Self = Self { body: [0; 2], key: [0; 20], state: EMPTY << FORM };

    /// A key that is refused.
    pub(crate) fn refused(key: Key) -> Self {
        Self { body: [0; 2], key, state: REFUSED << FORM }
    }

    /// A torrent without peers.
    pub(crate) fn new(key: Key) -> Self {
        Self { body: [0; 2], key, state: INLINES << FORM }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state >> FORM == EMPTY
    }

    pub(crate) fn form(&self) -> Form {
        match self.state >> FORM {
            EMPTY => Form::Empty,
            ALIAS => Form::Alias(self.body[0] as usize),
            LARGE => Form::Large(self.body[0] as usize),
            REFUSED => Form::Refused,
            BLOCK => {
                let [first, second] = self.body;
                let block = Block { size: (second >> 16) as u8, number: first as u32 };
                let head =
                    Head { len: (first >> 32) as u16, seeders: (first >> 48) as u16, partial: second as u16 };
                Form::Block(block, head)
            }
            inline => {
                let (len, seeders) = INLINE_HEADS[(inline - INLINES) as usize];
                let partial = |peer: &&u64| PeerV4(**peer).is_partial();
                let partial = self.body[..usize::from(len)].iter().filter(partial).count() as u16;
                Form::Inline(Head { len, seeders, partial })
            }
        }
    }

    pub(crate) fn inline(&self) -> &[u64; INLINE] {
        &self.body
    }

    pub(crate) fn inline_mut(&mut self) -> &mut [u64; INLINE] {
        &mut self.body
    }

    /// Says how many of the peers in the slot are in use.
    pub(crate) fn set_inline(&mut self, head: Head) {
        self.set_form(INLINES + u32::from(head.len * (head.len + 1) / 2 + head.seeders));
    }

    pub(crate) fn set_block(&mut self, block: Block, head: Head) {
        self.body = [
            u64::from(block.number) | u64::from(head.len) << 32 | u64::from(head.seeders) << 48,
            u64::from(head.partial) | u64::from(block.size) << 16,
        ];
        self.set_form(BLOCK);
    }

    pub(crate) fn set_large(&mut self, number: usize) {
        self.body = [number as u64, 0];
        self.set_form(LARGE);
    }

    pub(crate) fn set_alias(&mut self, number: usize) {
        self.body = [number as u64, 0];
        self.set_form(ALIAS);
    }

    fn set_form(&mut self, form: u32) {
        self.state = self.state & !(15 << FORM) | form << FORM;
    }

    pub(crate) fn completed(&self) -> u32 {
        self.state & COMPLETED
    }

    /// Sets how often a download was completed; it stops at 67 million.
    pub(crate) fn set_completed(&mut self, completed: u32) {
        self.state = self.state & !COMPLETED | completed.min(COMPLETED);
    }

    pub(crate) fn is_permitted(&self) -> bool {
        self.state & PERMITTED != 0
    }

    pub(crate) fn set_permitted(&mut self, is_permitted: bool) {
        self.state = if is_permitted { self.state | PERMITTED } else { self.state & !PERMITTED };
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.state & CHANGED != 0
    }

    pub(crate) fn set_changed(&mut self, is_changed: bool) {
        self.state = if is_changed { self.state | CHANGED } else { self.state & !CHANGED };
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

    pub(crate) fn hash(&self, key: &Key) -> KeyHash {
        self.seed.key(key)
    }

    /// Reads the first slot that a hash leads to, so that several look-ups can wait for memory at the same time.
    pub(crate) fn touch(&self, hash: KeyHash) -> u32 {
        let segment = &self.segments[segment_of(hash)];
        segment.slots.get(home(hash, segment.slots.len())).map_or(0, |slot| slot.state)
    }

    pub(crate) fn find(&self, hash: KeyHash, key: &Key) -> Option<Place> {
        self.find_by(hash, |slot| slot.key == *key)
    }

    /// The slot that `is_it` accepts, among those that a hash leads to.
    pub(crate) fn find_by(&self, hash: KeyHash, is_it: impl Fn(&Slot) -> bool) -> Option<Place> {
        let segment = segment_of(hash);
        let slots = &self.segments[segment].slots;
        if slots.is_empty() {
            return None;
        }
        let mut position = home(hash, slots.len());
        loop {
            let slot = &slots[position];
            if slot.is_empty() {
                return None;
            }
            if is_it(slot) {
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
    pub(crate) fn insert(&mut self, hash: KeyHash, slot: Slot) -> Place {
        let segment = segment_of(hash);
        let room = self.segments[segment].slots.len();
        if (self.segments[segment].used as usize + 1) * 5 > room * 4 {
            self.resize(segment, room + room / 8 + 4);
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
            if slot.is_empty() {
                break;
            }
            let from_home = distance(home(seed.key(&slot.key), room), position, room);
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

    /// The slots of a segment that are taken, from a position on, with their positions.
    pub(crate) fn slots(&self, segment: usize, from: usize) -> impl Iterator<Item = (usize, &Slot)> {
        self.segments[segment].slots.iter().enumerate().skip(from).filter(|(_, slot)| !slot.is_empty())
    }

    fn resize(&mut self, segment: usize, room: usize) {
        let old = std::mem::replace(&mut self.segments[segment].slots, vec![Slot::EMPTY; room]);
        for slot in old.into_iter().filter(|slot| !slot.is_empty()) {
            let hash = self.hash(&slot.key);
            place_in(&mut self.segments[segment].slots, hash, slot);
        }
    }
}

fn segment_of(hash: KeyHash) -> usize {
    (hash.0 >> (64 - SEGMENT_BITS)) as usize
}

fn home(hash: KeyHash, room: usize) -> usize {
    (((hash.0 & 0xffff_ffff) * room as u64) >> 32) as usize
}

fn distance(from: usize, to: usize, room: usize) -> usize {
    if to >= from { to - from } else { to + room - from }
}

fn place_in(slots: &mut [Slot], hash: KeyHash, slot: Slot) -> usize {
    let mut position = home(hash, slots.len());
    while !slots[position].is_empty() {
        position = if position + 1 == slots.len() { 0 } else { position + 1 };
    }
    slots[position] = slot;
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_forty_bytes() {
        assert_eq!(std::mem::size_of::<Slot>(), 40);
    }

    #[test]
    fn a_slot_tells_its_form_and_keeps_its_other_facts() {
        let mut slot = Slot::new([7; 20]);
        slot.set_completed(u32::MAX);
        slot.set_changed(true);
        for (len, seeders) in INLINE_HEADS {
            let head = Head { len, seeders, partial: 0 };
            slot.set_inline(head);
            assert_eq!(slot.form(), Form::Inline(head));
        }
        let head = Head { len: 256, seeders: 255, partial: 1 };
        let block = Block { size: 16, number: u32::MAX };
        slot.set_block(block, head);
        assert_eq!(slot.form(), Form::Block(block, head));
        slot.set_large(4_000_000_000);
        assert_eq!(slot.form(), Form::Large(4_000_000_000));
        slot.set_alias(3);
        assert_eq!(slot.form(), Form::Alias(3));
        assert!(slot.is_changed() && !slot.is_permitted() && !slot.is_empty());
        assert_eq!((slot.completed(), slot.key), (COMPLETED, [7; 20]));
        assert_eq!(Slot::refused([7; 20]).form(), Form::Refused);
    }

    #[test]
    fn what_was_put_in_is_found_until_it_is_removed() {
        let mut table = Table::new(Seeded::new([3, 4]));
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
        assert_eq!((0..SEGMENTS).map(|segment| table.slots(segment, 0).count()).sum::<usize>(), table.len());
    }
}
