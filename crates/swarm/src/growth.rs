//! Where a torrent's peers stand: in its slot, in a block, or in a large swarm; and how they move from one to the next, and back.

use std::net::IpAddr;

use crate::blocks::Block;
use crate::hashing::KeyHash;
use crate::peer::{Meta, PeerV4, PeerV6, Put};
use crate::shard::Shard;
use crate::small::Head;
use crate::table::{Form, INLINE, Place};

/// A large swarm with no more IPv4 peers than this, and nobody else, becomes a block again: half of what a block holds, so that
/// a swarm does not go to and fro.
const BECOMES_BLOCK: usize = 128;

impl Shard {
    /// Adds a peer to a torrent or renews it.
    pub(crate) fn put(
        &mut self,
        place: Place,
        hash: KeyHash,
        ip: IpAddr,
        port: u16,
        meta: Meta,
        is_seeder: bool,
    ) -> Put {
        let put = match ip {
            IpAddr::V4(ip) => self.put_v4(place, hash, PeerV4::address_of(ip, port), meta, is_seeder),
            IpAddr::V6(ip) => {
                let number = self.enlarge(place);
                let list = &mut self.larges.get_mut(number).v6;
                list.put(PeerV6::address_of(ip, port), meta, is_seeder, self.most_peers, &self.seed)
            }
        };
        match put {
            Put::Added if ip.is_ipv4() => self.totals.0 += 1,
            Put::Added => self.totals.1 += 1,
            Put::Full | Put::OverShare => self.peers_refused += 1,
            Put::Renewed { .. } => {}
        }
        put
    }

    fn put_v4(&mut self, place: Place, hash: KeyHash, address: u64, meta: Meta, is_seeder: bool) -> Put {
        loop {
            let slot = self.table.get_mut(place);
            match slot.form() {
                Form::Inline(mut head) => {
                    let put = head.put(slot.inline_mut(), address, meta, is_seeder, self.most_peers);
                    if put != Put::Full {
                        slot.set_inline(head);
                        return put;
                    }
                    if INLINE >= self.most_peers {
                        return Put::Full;
                    }
                    self.move_small(place, hash, INLINE + 1);
                }
                Form::Block(block, mut head) => {
                    let peers = self.blocks.peers_mut(block);
                    let put = head.put(peers, address, meta, is_seeder, self.most_peers);
                    if put != Put::Full {
                        slot.set_block(block, head);
                        return put;
                    }
                    if block.capacity() >= self.most_peers {
                        return Put::Full;
                    }
                    if Block::size_for(block.capacity() + 1).is_some() {
                        self.move_small(place, hash, block.capacity() + 1);
                    } else {
                        self.enlarge(place);
                    }
                }
                Form::Large(number) => {
                    let list = &mut self.larges.get_mut(number).v4;
                    return list.put(address, meta, is_seeder, self.most_peers, &self.seed);
                }
                Form::Alias(_) | Form::Refused | Form::Empty => return Put::Full,
            }
        }
    }

    /// Removes a peer from a torrent; returns whether it was a seeder, None when it was not there.
    pub(crate) fn remove(&mut self, place: Place, hash: KeyHash, ip: IpAddr, port: u16) -> Option<bool> {
        let slot = self.table.get_mut(place);
        let was_seeder = match (slot.form(), ip) {
            (Form::Inline(mut head), IpAddr::V4(ip)) => {
                let was_seeder = head.remove(slot.inline_mut(), PeerV4::address_of(ip, port))?;
                slot.set_inline(head);
                was_seeder
            }
            (Form::Block(block, mut head), IpAddr::V4(ip)) => {
                let was_seeder = head.remove(self.blocks.peers_mut(block), PeerV4::address_of(ip, port))?;
                slot.set_block(block, head);
                self.shrink(place, hash);
                was_seeder
            }
            (Form::Large(number), IpAddr::V4(ip)) => {
                self.larges.get_mut(number).v4.remove(PeerV4::address_of(ip, port), &self.seed)?
            }
            (Form::Large(number), IpAddr::V6(ip)) => {
                self.larges.get_mut(number).v6.remove(PeerV6::address_of(ip, port), &self.seed)?
            }
            _ => return None,
        };
        if ip.is_ipv4() {
            self.totals.0 -= 1;
        } else {
            self.totals.1 -= 1;
        }
        Some(was_seeder)
    }

    /// Moves a block's peers to a smaller block, or into the slot, when most of the block is empty.
    pub(crate) fn shrink(&mut self, place: Place, hash: KeyHash) {
        let Form::Block(block, head) = self.table.get(place).form() else { return };
        // One size is kept in reserve, so that a peer that comes and goes does not move the others each time.
        if head.len <= 1 || usize::from(head.len) * 2 < block.capacity() {
            self.move_small(place, hash, usize::from(head.len));
        }
    }

    /// Moves the peers in a slot or a block to where there is room for so many, which is no more than a block holds.
    fn move_small(&mut self, place: Place, hash: KeyHash, room: usize) {
        let slot = self.table.get_mut(place);
        let (old, head) = match slot.form() {
            Form::Inline(head) => (None, head),
            Form::Block(block, head) => (Some(block), head),
            _ => return,
        };
        let len = usize::from(head.len);
        let mut peers = [0; 256];
        peers[..len]
            .copy_from_slice(&old.map_or(&slot.inline()[..], |block| self.blocks.peers(block))[..len]);
        let new = if room <= INLINE { None } else { Block::size_for(room) };
        if let Some(size) = new {
            let block = self.blocks.take(size, hash);
            self.blocks.peers_mut(block)[..len].copy_from_slice(&peers[..len]);
            self.table.get_mut(place).set_block(block, head);
        } else {
            slot.inline_mut()[..len].copy_from_slice(&peers[..len]);
            slot.set_inline(head);
        }
        if let Some(block) = old {
            self.give_back(block);
        }
    }

    /// Gives a block back, and tells the owner of the one that took its place.
    fn give_back(&mut self, block: Block) {
        let Some(moved) = self.blocks.give_back(block) else { return };
        let is_owner = |form| matches!(form, Form::Block(block, _) if block == moved.from);
        let place = self.table.find_by(moved.owner, |slot| is_owner(slot.form()));
        let slot = self.table.get_mut(place.expect("a block in use has an owner"));
        if let Form::Block(_, head) = slot.form() {
            slot.set_block(moved.to, head);
        }
    }

    /// Turns a torrent into a large swarm; returns its number.
    pub(crate) fn enlarge(&mut self, place: Place) -> usize {
        let slot = *self.table.get(place);
        let (peers, head, block): (&[u64], Head, _) = match slot.form() {
            Form::Large(number) => return number,
            Form::Block(block, head) => (self.blocks.peers(block), head, Some(block)),
            Form::Inline(head) => (slot.inline(), head, None),
            Form::Alias(_) | Form::Refused | Form::Empty => (&[], Head::default(), None),
        };
        let number = self.larges.take();
        let list = &mut self.larges.get_mut(number).v4;
        for (position, peer) in peers[..usize::from(head.len)].iter().enumerate() {
            let peer = PeerV4(*peer);
            let is_seeder = position < usize::from(head.seeders);
            list.add(peer, is_seeder, &self.seed);
        }
        self.table.get_mut(place).set_large(number);
        if let Some(block) = block {
            self.give_back(block);
        }
        number
    }

    /// Turns a large swarm that lost most of its peers into a small one again.
    pub(crate) fn settle(&mut self, place: Place, hash: KeyHash) {
        let Form::Large(number) = self.table.get(place).form() else { return };
        let large = self.larges.get(number);
        if large.v6.len() + large.browsers() > 0 || large.v4.len() > BECOMES_BLOCK {
            return;
        }
        let mut peers = [0; BECOMES_BLOCK];
        large.v4.iter().zip(&mut peers).for_each(|((peer, _), place)| *place = peer.0);
        let (len, seeders, partial) = (large.v4.len(), large.v4.seeders(), large.v4.partial());
        let head = Head { len: len as u16, seeders: seeders as u16, partial: partial as u16 };
        self.larges.give_back(number);
        let slot = self.table.get_mut(place);
        if len <= INLINE {
            slot.inline_mut()[..len].copy_from_slice(&peers[..len]);
            slot.set_inline(head);
        } else if let Some(size) = Block::size_for(len) {
            let block = self.blocks.take(size, hash);
            self.blocks.peers_mut(block)[..len].copy_from_slice(&peers[..len]);
            slot.set_block(block, head);
        }
    }

    /// Forgets the peers of a torrent; its slot is of no more use then.
    pub(crate) fn forget_peers(&mut self, place: Place) {
        let slot = self.table.get_mut(place);
        let form = slot.form();
        slot.set_inline(Head::default());
        match form {
            Form::Inline(head) => self.totals.0 -= usize::from(head.len),
            Form::Block(block, head) => {
                self.totals.0 -= usize::from(head.len);
                self.give_back(block);
            }
            Form::Large(number) => {
                let large = self.larges.get(number);
                self.totals.0 -= large.v4.len();
                self.totals.1 -= large.v6.len();
                self.totals.2 -= large.browsers();
                self.larges.give_back(number);
            }
            Form::Alias(_) | Form::Refused | Form::Empty => {}
        }
    }
}
