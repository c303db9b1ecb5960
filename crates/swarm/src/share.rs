//! What one address may hold of a swarm: an address has tens of thousands of ports, and a network of 64 bits has no end of addresses,
//! so that one sender could crowd all others out of every reply.
//!
//! Many people may share an address, so a share is generous: [`FEW`] places, in swarms of thousands a hundred-and-twenty-eighth
//! of the whole. Peers on local networks are not counted: there, addresses are the operator's own.

use crate::hashing::Seeded;
use crate::peer::Peer;

/// Places that one address may hold in any swarm.
pub(crate) const FEW: usize = 32;
/// The part of a large swarm that one address may hold.
const PART: usize = 128;
/// Cells of the table of a large swarm. Addresses that fall together share a share, which is eight times what a cell holds on
/// average.
const CELLS: usize = 1024;

/// How many places one address may hold in a swarm of so many.
pub(crate) fn of(len: usize) -> usize {
    FEW.max(len / PART)
}

/// How many places the addresses of a large swarm hold, in a table of fixed size.
#[derive(Debug)]
pub(crate) struct Shares([u32; CELLS]);

impl Default for Shares {
    fn default() -> Self {
        Self([0; CELLS])
    }
}

impl Shares {
    /// How many places an address holds, with those that it falls together with.
    pub(crate) fn held<P: Peer>(&self, address: &P::Address, seed: &Seeded) -> usize {
        self.0[cell::<P>(address, seed)] as usize
    }

    /// Counts a peer in.
    pub(crate) fn add<P: Peer>(&mut self, peer: &P, seed: &Seeded) {
        if !peer.meta().is_local() {
            self.0[cell::<P>(&peer.address(), seed)] += 1;
        }
    }

    /// Counts a peer out that was counted in.
    pub(crate) fn remove<P: Peer>(&mut self, peer: &P, seed: &Seeded) {
        if !peer.meta().is_local() {
            self.0[cell::<P>(&peer.address(), seed)] -= 1;
        }
    }
}

fn cell<P: Peer>(address: &P::Address, seed: &Seeded) -> usize {
    seed.bytes(P::sender(address).as_ref()) as usize % CELLS
}
