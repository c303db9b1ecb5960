//! Connection ids (BEP 15): proof that the sender of a packet receives at its address, without remembering anybody.
//!
//! An id is SipHash-2-4 of the address and an epoch of 60 s under a random key; its two lowest bits are the epoch's own, so only
//! one epoch has to be tried. The epoch it was made in and the two before it are good: an id lives 120 to 180 seconds.
//!
//! A planned restart hands the secret on with the swarms: ids that were made before it live out their time, so that no client
//! meets silence. New ids are made with a new secret.

use std::net::IpAddr;
use std::sync::OnceLock;

use siphasher::sip::SipHasher24;

/// How long an epoch lasts, in seconds.
const EPOCH_SECONDS: u64 = 60;
/// How many epochs an id outlives its own.
const GRACE: u64 = 2;

/// The secret that ids are made with, and that of the tracker before this one.
#[derive(Debug)]
pub(crate) struct ConnectionIds {
    own: [u8; 16],
    secret: SipHasher24,
    former: OnceLock<Former>,
}

/// What a tracker before this one made ids with.
#[derive(Debug)]
struct Former {
    secret: SipHasher24,
    /// How far its clock is ahead of ours, in seconds; it wraps where it is behind.
    ahead: u64,
    /// When the last of its ids ends, on our clock.
    end: u64,
}

impl ConnectionIds {
    /// Takes a new secret from the operating system.
    pub(crate) fn new() -> Self {
        let own = crate::random::random_bytes();
        Self { own, secret: SipHasher24::new_with_key(&own), former: OnceLock::new() }
    }

    /// The secret, to be handed on to the next tracker and kept from everybody else.
    pub(crate) fn secret(&self) -> [u8; 16] {
        self.own
    }

    /// Takes the secret of the tracker before this one, whose clock would now tell `theirs` where ours tells `seconds`. Only the
    /// first one that is handed on is taken.
    pub(crate) fn succeed(&self, secret: [u8; 16], theirs: u64, seconds: u64) {
        let ahead = theirs.wrapping_sub(seconds);
        let end = seconds + EPOCH_SECONDS * (GRACE + 1);
        let _ = self.former.set(Former { secret: SipHasher24::new_with_key(&secret), ahead, end });
    }

    /// The id of an address at a moment, in seconds of the tracker's clock.
    pub(crate) fn make(&self, ip: IpAddr, seconds: u64) -> u64 {
        of_epoch(&self.secret, ip, seconds / EPOCH_SECONDS)
    }

    /// Whether an id is good.
    pub(crate) fn is_good(&self, id: u64, ip: IpAddr, seconds: u64) -> bool {
        is_made_with(&self.secret, id, ip, seconds)
            || self.former.get().is_some_and(|former| {
                seconds < former.end
                    && is_made_with(&former.secret, id, ip, seconds.wrapping_add(former.ahead))
            })
    }
}

fn is_made_with(secret: &SipHasher24, id: u64, ip: IpAddr, seconds: u64) -> bool {
    let epoch = seconds / EPOCH_SECONDS;
    let age = epoch.wrapping_sub(id) & 3;
    age <= GRACE && age <= epoch && of_epoch(secret, ip, epoch - age) == id
}

fn of_epoch(secret: &SipHasher24, ip: IpAddr, epoch: u64) -> u64 {
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
    (secret.hash(&bytes[..length]) & !3) | (epoch & 3)
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
    fn an_id_of_the_tracker_before_lives_out_its_time_and_no_longer() {
        let (before, after) = (ConnectionIds::new(), ConnectionIds::new());
        let (one, two) = ("127.0.0.1".parse().expect("an address"), "::1".parse().expect("an address"));
        // The former one stopped at 100,000 of its clock; ten seconds later this one takes over, at 3600 of its own.
        let (early, late) = (before.make(one, 99_900), before.make(one, 99_999));
        assert!(!after.is_good(late, one, 3600), "nothing was handed on yet");
        after.succeed(before.secret(), 100_010, 3600);
        assert!(after.is_good(late, one, 3600) && after.is_good(late, one, 3600 + 110));
        assert!(after.is_good(early, one, 3600) && !after.is_good(early, one, 3600 + 80));
        assert!(!after.is_good(late, one, 3600 + 180) && !after.is_good(late, two, 3600));
        after.succeed([0; 16], 100_010, 3600);
        assert!(after.is_good(late, one, 3600), "the first secret stays");
        assert!(after.is_good(after.make(one, 3600), one, 3600));
        // A clock that is ahead of ours by less than nothing.
        let young = ConnectionIds::new();
        young.succeed(before.secret(), 60, 3600);
        assert!(young.is_good(before.make(one, 59), one, 3600 + 60));
    }

    #[test]
    fn an_id_from_the_future_is_wrong() {
        let ids = ConnectionIds::new();
        let ip = "::1".parse().expect("an address");
        assert!(!ids.is_good(ids.make(ip, 600), ip, 500));
    }
}
