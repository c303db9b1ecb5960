//! Made-up peers, torrents and requests: every number follows from an index, so nothing is stored and every run is the same.

use std::net::Ipv4Addr;

/// How many peers and torrents there are, and from how many addresses of 127/8 they speak.
#[derive(Clone, Copy)]
pub(crate) struct Population {
    pub(crate) peers: u64,
    pub(crate) torrents: u64,
    pub(crate) sources: u64,
    /// The number of the first address, so that an attack may come from others than honest clients do.
    pub(crate) first_source: u64,
    pub(crate) wanted: u32,
}

/// Ports of one address, from this one on.
const FIRST_PORT: u64 = 10_000;
const PORTS: u64 = 50_000;

impl Population {
    /// The info-hash of a torrent: scattered like a real one.
    pub(crate) fn key(torrent: u64) -> [u8; 20] {
        let mut key = [0; 20];
        key[..8].copy_from_slice(&scatter(torrent).to_be_bytes());
        key[8..16].copy_from_slice(&scatter(torrent ^ 0x5555_5555).to_be_bytes());
        key[16..].copy_from_slice(&(torrent as u32).to_be_bytes());
        key
    }

    /// Which of its addresses a peer speaks from.
    pub(crate) fn source_of(&self, peer: u64) -> u64 {
        let place = peer / self.torrents;
        (scatter(peer % self.torrents) + place + place / PORTS) % self.sources
    }

    /// Address number `source`, within 127.1.0.0 to 127.255.255.255; never 127.0.0.1, where servers listen.
    pub(crate) fn address(source: u64) -> Ipv4Addr {
        let number = source as u32 + 1;
        Ipv4Addr::new(127, (number / 64_000 + 1) as u8, (number / 250 % 256) as u8, (number % 250 + 1) as u8)
    }

    /// Writes the announce of a peer: 98 bytes of BEP 15. A quarter of the peers are seeders.
    pub(crate) fn write_announce(
        &self,
        peer: u64,
        connection: u64,
        transaction: u32,
        event: u32,
        out: &mut [u8],
    ) {
        let place = peer / self.torrents;
        out[..8].copy_from_slice(&connection.to_be_bytes());
        out[8..12].copy_from_slice(&1_u32.to_be_bytes());
        out[12..16].copy_from_slice(&transaction.to_be_bytes());
        out[16..36].copy_from_slice(&Self::key(peer % self.torrents));
        out[36..44].copy_from_slice(b"-LT2000-");
        out[44..56].fill(b'0');
        out[44..52].copy_from_slice(&peer.to_be_bytes());
        out[56..64].copy_from_slice(&0_u64.to_be_bytes());
        out[64..72].copy_from_slice(&(if place.is_multiple_of(4) { 0_u64 } else { 1000 }).to_be_bytes());
        out[72..80].copy_from_slice(&0_u64.to_be_bytes());
        out[80..84].copy_from_slice(&event.to_be_bytes());
        out[84..88].fill(0);
        out[88..92].copy_from_slice(&(peer as u32).to_be_bytes());
        out[92..96].copy_from_slice(&self.wanted.to_be_bytes());
        out[96..98].copy_from_slice(&((FIRST_PORT + place % PORTS) as u16).to_be_bytes());
    }
}

/// Length of a connect request, BEP 15.
pub(crate) const CONNECT: usize = 16;
/// Length of an announce request, BEP 15.
pub(crate) const ANNOUNCE: usize = 98;

/// Writes a connect request.
pub(crate) fn write_connect(transaction: u32, out: &mut [u8]) {
    out[..8].copy_from_slice(&0x0417_2710_1980_u64.to_be_bytes());
    out[8..12].copy_from_slice(&0_u32.to_be_bytes());
    out[12..16].copy_from_slice(&transaction.to_be_bytes());
}

/// Writes a scrape request for the torrents from `first` on; its length.
pub(crate) fn write_scrape(
    connection: u64,
    transaction: u32,
    first: u64,
    torrents: u64,
    count: u64,
    out: &mut [u8],
) -> usize {
    out[..8].copy_from_slice(&connection.to_be_bytes());
    out[8..12].copy_from_slice(&2_u32.to_be_bytes());
    out[12..16].copy_from_slice(&transaction.to_be_bytes());
    for index in 0..count {
        let at = 16 + index as usize * 20;
        out[at..at + 20].copy_from_slice(&Population::key((first + index) % torrents));
    }
    16 + count as usize * 20
}

/// `SplitMix64`: a number that looks random and follows from `value`.
pub(crate) fn scatter(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
