//! `SipHash`-1-3 under a random key: info-hashes and addresses are chosen by attackers, who must not be able to aim at a place.

use siphasher::sip::SipHasher13;

use crate::Key;

/// Where a key stands in the tables of every shard that was made with the same seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyHash(pub(crate) u64);

/// The secret that places are made with.
#[derive(Clone, Copy, Debug)]
pub struct Seeded(SipHasher13);

impl Seeded {
    /// Takes a secret, which comes from the operating system's random source.
    #[must_use]
    pub fn new(seed: [u64; 2]) -> Self {
        Self(SipHasher13::new_with_keys(seed[0], seed[1]))
    }

    /// The place of a key.
    #[must_use]
    pub fn key(&self, key: &Key) -> KeyHash {
        KeyHash(self.0.hash(key))
    }

    /// The place of any other bytes.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> u64 {
        self.0.hash(bytes)
    }
}
