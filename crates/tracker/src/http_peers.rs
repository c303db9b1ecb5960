//! What HTTP peers said of themselves, in two tables of fixed size under a random key: a sender more never makes them larger.
//!
//! Swarms hold no peer ids. The long form of a reply (BEP 3) tells them where they are remembered here. A client that announces
//! with its `key` from another address than before has moved: its former address leaves the swarm, so that it counts once.

use std::hash::Hasher;
use std::net::{IpAddr, SocketAddr};

use largesse_swarm::Key;
use siphasher::sip::SipHasher13;

use crate::engine::random_bytes;

/// Cells of each table, three megabytes together; a newer peer may take the cell of an older one.
const CELLS: usize = 65_536;

/// Both tables; the first word of a cell tells whose it is, 0 nobody's.
pub(crate) struct Known {
    names: Box<[(u64, [u8; 20])]>,
    places: Box<[(u64, SocketAddr)]>,
    hash_key: [u8; 16],
}

impl Known {
    pub(crate) fn new() -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            names: vec![(0, [0; 20]); CELLS].into_boxed_slice(),
            places: vec![(0, nowhere); CELLS].into_boxed_slice(),
            hash_key: random_bytes(),
        }
    }

    /// Remembers a peer's own name.
    pub(crate) fn name(&mut self, key: &Key, address: SocketAddr, peer_id: [u8; 20]) {
        let hash = self.of_address(key, address);
        self.names[hash as usize % CELLS] = (hash, peer_id);
    }

    /// The name of a peer, where it is remembered.
    pub(crate) fn name_of(&self, key: &Key, address: SocketAddr) -> Option<[u8; 20]> {
        let hash = self.of_address(key, address);
        let (found, peer_id) = self.names[hash as usize % CELLS];
        (found == hash).then_some(peer_id)
    }

    /// Remembers where a client is that proves itself with its key; returns its former address of the same family, if it moved.
    pub(crate) fn moved(
        &mut self,
        key: &Key,
        peer_id: &[u8; 20],
        client_key: &[u8; 16],
        now: SocketAddr,
    ) -> Option<SocketAddr> {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        for part in [&key[..], peer_id, client_key, &[u8::from(now.is_ipv6())]] {
            hasher.write(part);
        }
        let hash = hasher.finish() | 1;
        let (found, before) =
            std::mem::replace(&mut self.places[hash as usize >> 1 & (CELLS - 1)], (hash, now));
        (found == hash && before != now).then_some(before)
    }

    fn of_address(&self, key: &Key, address: SocketAddr) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(key);
        match address.ip() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write_u16(address.port());
        hasher.finish() | 1 << 63
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_peer_is_known_by_its_torrent_and_address() {
        let mut known = Known::new();
        known.name(&[1; 20], at("1.1.1.1:1"), [7; 20]);
        assert_eq!(known.name_of(&[1; 20], at("1.1.1.1:1")), Some([7; 20]));
        for (key, address) in [([2; 20], "1.1.1.1:1"), ([1; 20], "1.1.1.1:2"), ([1; 20], "[::1]:1")] {
            assert_eq!(known.name_of(&key, at(address)), None);
        }
    }

    #[test]
    fn a_client_that_moved_is_known_by_its_key_alone() {
        let mut known = Known::new();
        let mut moved =
            |client_key: u8, address: &str| known.moved(&[1; 20], &[2; 20], &[client_key; 16], at(address));
        assert_eq!(moved(3, "1.1.1.1:1"), None);
        assert_eq!(moved(3, "1.1.1.1:1"), None);
        assert_eq!(moved(4, "9.9.9.9:1"), None, "another key proves nothing");
        assert_eq!(moved(3, "[2600::1]:1"), None, "a second family is no move");
        assert_eq!(moved(3, "2.2.2.2:1"), Some(at("1.1.1.1:1")));
    }
}
