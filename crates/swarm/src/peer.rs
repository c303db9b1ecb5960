//! A peer in memory: its address, its last tick and two flags.
//!
//! ```text
//! IPv4, a u64:   bits 63     62     61..48      47..16   15..0
//!                     local  partial tick of 4 s address  port
//! IPv6:          16 bytes address, 2 bytes port, 2 bytes as bits 63..48 above
//! ```
//!
//! Written big-endian, the low six bytes of the IPv4 form are what BEP 15 and BEP 23 send.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::Tick;
use crate::hashing::Seeded;

const LOCAL: u16 = 0x8000;
const PARTIAL: u16 = 0x4000;
const TICK: u16 = 0x3fff;
const ADDRESS_V4: u64 = 0xffff_ffff_ffff;

/// Flags and tick of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta(pub(crate) u16);

impl Meta {
    pub(crate) fn new(tick: Tick, is_partial: bool, is_local: bool) -> Self {
        Self(tick.0 | if is_partial { PARTIAL } else { 0 } | if is_local { LOCAL } else { 0 })
    }

    pub(crate) fn tick(self) -> Tick {
        Tick(self.0 & TICK)
    }

    pub(crate) fn is_partial(self) -> bool {
        self.0 & PARTIAL != 0
    }

    pub(crate) fn is_local(self) -> bool {
        self.0 & LOCAL != 0
    }
}

/// A peer of one address family.
pub(crate) trait Peer: Copy {
    /// What tells peers of one swarm apart.
    type Address: Copy + Eq;
    /// Who speaks from an address: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has.
    type Sender: AsRef<[u8]> + Eq;
    /// How many bytes one takes in a compact list.
    const COMPACT: usize;
    /// An address that no peer has: its port is one that is never handed out.
    const NOBODY: Self::Address;

    fn new(address: Self::Address, meta: Meta) -> Self;
    fn address(&self) -> Self::Address;
    fn meta(&self) -> Meta;
    /// The address and port.
    fn socket(&self) -> SocketAddr;
    /// Writes the compact form into a place of [`Self::COMPACT`] bytes.
    fn write(&self, place: &mut [u8]);
    /// Where an index has an address.
    fn hash(address: &Self::Address, seed: &Seeded) -> u64;
    fn sender(address: &Self::Address) -> Self::Sender;
}

/// What became of a peer that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is new.
    Added,
    /// It was there.
    Renewed {
        /// Whether it seeded until now.
        was_seeder: bool,
        /// Whether it was a partial seed until now.
        was_partial: bool,
    },
    /// It is new, and there is no room.
    Full,
    /// It is new, and its address holds as many places of the swarm as one may.
    OverShare,
}

/// Who may be handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<A> {
    pub(crate) wanted: usize,
    /// A seeder has no use for other seeders.
    pub(crate) leechers_only: bool,
    /// The one who asks; [`Peer::NOBODY`] where he is of the other family.
    pub(crate) except: A,
    /// Whether peers on local networks are of use to him.
    pub(crate) with_local: bool,
}

/// An IPv4 peer in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerV4(pub(crate) u64);

impl PeerV4 {
    pub(crate) fn address_of(ip: Ipv4Addr, port: u16) -> u64 {
        (u64::from(u32::from(ip)) << 16) | u64::from(port)
    }

    pub(crate) fn is_partial(self) -> bool {
        self.meta().is_partial()
    }
}

impl Peer for PeerV4 {
    type Address = u64;
    type Sender = [u8; 4];
    const COMPACT: usize = 6;
    const NOBODY: u64 = 0;

    fn new(address: u64, meta: Meta) -> Self {
        Self((u64::from(meta.0) << 48) | address)
    }

    fn address(&self) -> u64 {
        self.0 & ADDRESS_V4
    }

    fn meta(&self) -> Meta {
        Meta((self.0 >> 48) as u16)
    }

    fn socket(&self) -> SocketAddr {
        SocketAddr::from((((self.0 >> 16) as u32).to_be_bytes(), self.0 as u16))
    }

    fn write(&self, place: &mut [u8]) {
        place.copy_from_slice(&self.0.to_be_bytes()[2..]);
    }

    fn hash(address: &u64, seed: &Seeded) -> u64 {
        seed.bytes(&address.to_le_bytes())
    }

    fn sender(address: &u64) -> [u8; 4] {
        ((address >> 16) as u32).to_be_bytes()
    }
}

/// An IPv6 peer in twenty bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerV6 {
    address: [u8; 18],
    meta: [u8; 2],
}

impl PeerV6 {
    pub(crate) fn address_of(ip: Ipv6Addr, port: u16) -> [u8; 18] {
        let mut address = [0; 18];
        address[..16].copy_from_slice(&ip.octets());
        address[16..].copy_from_slice(&port.to_be_bytes());
        address
    }
}

impl Peer for PeerV6 {
    type Address = [u8; 18];
    type Sender = [u8; 8];
    const COMPACT: usize = 18;
    const NOBODY: [u8; 18] = [0; 18];

    fn new(address: [u8; 18], meta: Meta) -> Self {
        Self { address, meta: meta.0.to_le_bytes() }
    }

    fn address(&self) -> [u8; 18] {
        self.address
    }

    fn meta(&self) -> Meta {
        Meta(u16::from_le_bytes(self.meta))
    }

    fn socket(&self) -> SocketAddr {
        let mut ip = [0; 16];
        ip.copy_from_slice(&self.address[..16]);
        SocketAddr::from((ip, u16::from_be_bytes([self.address[16], self.address[17]])))
    }

    fn write(&self, place: &mut [u8]) {
        place.copy_from_slice(&self.address);
    }

    fn hash(address: &[u8; 18], seed: &Seeded) -> u64 {
        seed.bytes(address)
    }

    fn sender(address: &[u8; 18]) -> [u8; 8] {
        std::array::from_fn(|index| address[index])
    }
}

/// Whether an address may be handed out, and to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To everybody.
    Public,
    /// Loopback and private networks: only to peers that are on such a network themselves.
    Local,
    /// To nobody: multicast, reserved, documentation and unspecified addresses.
    Bogon,
}

/// Tells what kind of address it is (the special-purpose registries of RFC 6890).
#[must_use]
pub fn classify(ip: IpAddr) -> Kind {
    match ip {
        IpAddr::V4(ip) => classify_v4(ip),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| classify_v6(ip), classify_v4),
    }
}

fn classify_v4(ip: Ipv4Addr) -> Kind {
    let [a, b, c, _] = ip.octets();
    if ip.is_private() || ip.is_loopback() || ip.is_link_local() || (a == 100 && b & 0xc0 == 64) {
        Kind::Local
    } else if a == 0
        || a >= 224
        || ip.is_documentation()
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && b & 0xfe == 18)
    {
        Kind::Bogon
    } else {
        Kind::Public
    }
}

fn classify_v6(ip: Ipv6Addr) -> Kind {
    let first = ip.segments()[0];
    if ip.is_loopback() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 {
        Kind::Local
    } else if first & 0xe000 != 0x2000 || (first == 0x2001 && ip.segments()[1] == 0xdb8) {
        Kind::Bogon
    } else {
        Kind::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let kind = |text: &str| classify(text.parse().expect("an address"));
        for text in ["8.8.8.8", "2600::1", "::ffff:8.8.8.8"] {
            assert_eq!(kind(text), Kind::Public, "{text}");
        }
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert_eq!(kind(text), Kind::Local, "{text}");
        }
        for text in [
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "198.18.0.1",
            "::",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert_eq!(kind(text), Kind::Bogon, "{text}");
        }
    }

    #[test]
    fn a_v4_peer_is_sent_as_six_bytes() {
        let address = PeerV4::address_of(Ipv4Addr::new(1, 2, 3, 4), 0x0506);
        let peer = PeerV4::new(address, Meta::new(Tick(0x3fff), true, true));
        let mut out = [0; 6];
        peer.write(&mut out);
        assert_eq!(out, [1, 2, 3, 4, 5, 6]);
        assert_eq!((peer.address(), peer.meta().tick()), (address, Tick(0x3fff)));
        assert!(peer.meta().is_partial() && peer.meta().is_local());
    }
}
