//! Expiry: silent peers go, and torrents that nobody listed and nobody shares. It is done a little at a time, so it is never a
//! pause: a step looks through one segment of the table, and through at most [`PEERS_A_STEP`] peers of large swarms, and gives
//! back at most [`PAGES_A_STEP`] pages of memory.

use crate::shard::Shard;
use crate::table::{Form, SEGMENTS};
use crate::{Key, Tick};

const PEERS_A_STEP: usize = 2048;
/// Pages of 4 to 20 kilobytes that a step gives back.
const PAGES_A_STEP: usize = 64;

/// How far the sweep has come.
#[derive(Debug, Default)]
pub(crate) struct Sweeping {
    segment: usize,
    /// The torrents of the segment that have something to do.
    due: Vec<Key>,
}

impl Shard {
    /// Takes a number of steps; 4096 look after every torrent once, when no swarm is large.
    pub fn sweep(&mut self, now: Tick, steps: usize) {
        for _ in 0..steps {
            self.larges.waste.give_back(PAGES_A_STEP);
            if self.sweeping.due.is_empty() {
                self.look_through_segment(now);
            }
            let mut left = PEERS_A_STEP;
            while left > 0 {
                let Some(key) = self.sweeping.due.pop() else { break };
                left = self.sweep_torrent(key, now, left);
                if left == 0 {
                    // There may be more of this swarm: it is looked at again first.
                    self.sweeping.due.push(key);
                }
            }
        }
    }

    /// Looks after every torrent at once, which takes a while.
    pub fn sweep_all(&mut self, now: Tick) {
        for _ in 0..SEGMENTS {
            self.sweep(now, 1);
            while !self.sweeping.due.is_empty() {
                self.sweep(now, 1);
            }
        }
    }

    fn look_through_segment(&mut self, now: Tick) {
        let segment = self.sweeping.segment;
        self.sweeping.segment = (segment + 1) % SEGMENTS;
        let mut due = std::mem::take(&mut self.sweeping.due);
        for (_, slot) in self.table.slots(segment, 0) {
            let is_due = match slot.form() {
                Form::Inline(head) => {
                    head.has_expired(slot.inline(), now, self.life) || (head.len == 0 && !slot.is_permitted())
                }
                Form::Block(block, head) => head.has_expired(self.blocks.peers(block), now, self.life),
                Form::Large(_) => true,
                Form::Alias(_) | Form::Refused | Form::Empty => false,
            };
            if is_due {
                due.push(slot.key);
            }
        }
        self.sweeping.due = due;
    }

    /// Sweeps one torrent, looking at no more than `most` peers where it is large; returns how many of `most` are left, none when
    /// there may be more to do.
    fn sweep_torrent(&mut self, key: Key, now: Tick, most: usize) -> usize {
        let hash = self.table.hash(&key);
        let Some(place) = self.table.find(hash, &key) else { return most };
        let (life, seed) = (self.life, self.seed);
        let mut left = most - 1;
        let slot = self.table.get_mut(place);
        let expired = match slot.form() {
            Form::Inline(mut head) => {
                let expired = head.expire(slot.inline_mut(), now, life);
                slot.set_inline(head);
                self.totals.0 -= expired;
                expired
            }
            Form::Block(block, mut head) => {
                let expired = head.expire(self.blocks.peers_mut(block), now, life);
                slot.set_block(block, head);
                self.totals.0 -= expired;
                self.shrink(place, hash);
                expired
            }
            Form::Large(number) => {
                let large = self.larges.get_mut(number);
                // Where the IPv6 peers are in hand, the others were looked through before.
                let is_second_half = large.v6.is_in_hand();
                let (v4, rest) =
                    if is_second_half { (0, left) } else { large.v4.expire(now, life, left, &seed) };
                let (v6, rest) = if rest > 0 { large.v6.expire(now, life, rest, &seed) } else { (0, 0) };
                left = rest;
                let spare = (large.v4.spare_lookup(), large.v6.spare_lookup());
                self.larges.waste.take_lookup(spare.0);
                self.larges.waste.take_lookup(spare.1);
                self.totals.0 -= v4;
                self.totals.1 -= v6;
                if left > 0 {
                    self.settle(place, hash);
                }
                v4 + v6
            }
            Form::Alias(_) | Form::Refused | Form::Empty => 0,
        };
        if expired > 0 {
            self.peers_expired += expired as u64;
            self.mark_changed(place);
        }
        let slot = self.table.get(place);
        if slot.form() == Form::Inline(crate::small::Head::default()) && !slot.is_permitted() {
            self.table.remove(place);
        }
        left
    }
}
