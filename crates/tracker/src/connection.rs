//! Connection ids (BEP 15): proof that the sender of a packet receives at its address, without remembering anybody.
//!
//! An id is SipHash-2-4 of the address and an epoch of 60 s under a random key; its two lowest bits are the epoch's own, so only
//! one epoch has to be tried. The epoch it was made in and the two before it are good: an id lives 120 to 180 seconds.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// How long an epoch lasts, in seconds.
const EPOCH_SECONDS: u64 = 60;
/// How many epochs an id outlives its own.
const GRACE: u64 = 2;

/// The secret that ids are made with.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionIds {
    secret: SipHasher24,
}

impl ConnectionIds {
    /// Takes a new secret from the operating system.
    pub(crate) fn new() -> Self {
        Self { secret: SipHasher24::new_with_key(&crate::engine::random_bytes()) }
    }

    /// The id of an address at a moment, in seconds of the tracker's clock.
    pub(crate) fn make(&self, ip: IpAddr, seconds: u64) -> u64 {
        self.of_epoch(ip, seconds / EPOCH_SECONDS)
    }

    /// Whether an id is good.
    pub(crate) fn is_good(&self, id: u64, ip: IpAddr, seconds: u64) -> bool {
        let epoch = seconds / EPOCH_SECONDS;
        let age = epoch.wrapping_sub(id) & 3;
        age <= GRACE && age <= epoch && self.of_epoch(ip, epoch - age) == id
    }

    fn of_epoch(&self, ip: IpAddr, epoch: u64) -> u64 {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&epoch.to_le_bytes());
        let length = match ip {
            IpAddr::V4(ip) => {
                bytes[8..12].copy_from_slice(&ip.octets());
                12
            }
            IpAddr::V6(ip) => {
                bytes[8..].copy_from_slice(&ip.octets());
                24
            }
        };
        (self.secret.hash(&bytes[..length]) & !3) | (epoch & 3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_lives_two_to_three_minutes_and_for_one_address_only() {
        let ids = ConnectionIds::new();
        let (one, two) = ("127.0.0.1".parse().expect("an address"), "127.0.0.2".parse().expect("an address"));
        for made in [0, 1, 59, 60, 100_000] {
            let id = ids.make(one, made);
            for later in [0, 60, 119, 120] {
                assert!(ids.is_good(id, one, made + later), "{made} {later}");
            }
            assert!(!ids.is_good(id, one, made + 181));
            assert!(!ids.is_good(id, two, made));
            assert!(!ids.is_good(id ^ 4, one, made));
            assert!(!ConnectionIds::new().is_good(id, one, made));
        }
    }

    #[test]
    fn an_id_from_the_future_is_wrong() {
        let ids = ConnectionIds::new();
        let ip = "::1".parse().expect("an address");
        assert!(!ids.is_good(ids.make(ip, 600), ip, 500));
    }
}
