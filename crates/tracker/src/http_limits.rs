//! What the HTTP side allows: connections, waiting, and requests of one address, the latter in a table that never grows with senders.

use std::hash::Hasher;
use std::net::IpAddr;
use std::time::Duration;

use siphasher::sip::SipHasher13;

use crate::random::random_bytes;

/// How many addresses the meter tells apart; two that fall together share their allowance for ten seconds at a time.
const METER_CELLS: usize = 65_536;
/// How long one allowance lasts, in seconds.
const METER_SECONDS: u64 = 10;

/// Limits of HTTP and WebSocket; UDP shares that of requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most connections in all.
    pub connections: usize,
    /// Most connections of one address (IPv6: of one network of 64 bits) that is not a trusted proxy.
    pub connections_of_one_address: usize,
    /// Requests and messages a second of one address, as the mean of ten seconds, at the HTTP side and at each UDP worker; 0: any
    /// number.
    pub requests_per_second: u32,
    /// Whether a scrape without a hash is answered with all torrents.
    pub allows_full_scrape: bool,
    /// How long a request may take to come, TLS handshake and reading of answers likewise.
    pub request_time: Duration,
    /// How long a connection may stay silent between two requests.
    pub idle_time: Duration,
    /// Silence after which a WebSocket peer is asked for a sign of life; after twice that without one it is cut.
    pub ping_time: Duration,
    /// Longest WebSocket message, in bytes.
    pub message_bytes: usize,
    /// Messages a second of one WebSocket connection; more are read later. 0: any number.
    pub messages_per_second: u32,
    /// Offers of one announce that are passed on.
    pub offers: usize,
    /// Torrents of one WebSocket connection.
    pub torrents_of_one_socket: usize,
    /// Most WebRTC peers in all swarms together.
    pub web_peers: usize,
    /// Most of them from one address (IPv6: one network of 64 bits).
    pub web_peers_of_one_address: usize,
    /// Bytes that may wait for a WebSocket peer before offers for it are dropped; after four times that it is cut.
    pub waiting_bytes: usize,
    /// Bytes that all WebSocket connections may hold together: parts of messages, and answers that are not read. Beyond it those
    /// are cut that hold more than their part.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_of_one_address: 200,
            requests_per_second: 500,
            allows_full_scrape: false,
            request_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(60),
            ping_time: Duration::from_secs(45),
            message_bytes: 64 << 10,
            messages_per_second: 100,
            offers: 10,
            torrents_of_one_socket: 1000,
            web_peers: 500_000,
            web_peers_of_one_address: 5_000,
            waiting_bytes: 64 << 10,
            held_bytes: 1 << 30,
        }
    }
}

/// Who counts as one sender: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer has.
pub(crate) fn sender(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
    }
}

/// Counts the requests of addresses (IPv6: of networks of 64 bits) in a fixed number of cells under a random key.
pub(crate) struct Meter {
    cells: Box<[(u32, u32)]>,
    keys: [u8; 16],
    most: u32,
}

impl Meter {
    pub(crate) fn new(requests_per_second: u32) -> Self {
        let most = requests_per_second.saturating_mul(METER_SECONDS as u32);
        let cells = if most == 0 { 0 } else { METER_CELLS };
        Self { cells: vec![(0, 0); cells].into_boxed_slice(), keys: random_bytes(), most }
    }

    /// Counts `cost` requests at a second; false where the address has used up its allowance.
    pub(crate) fn take(&mut self, ip: IpAddr, cost: u32, seconds: u64) -> bool {
        if self.most == 0 {
            return true;
        }
        let mut hasher = SipHasher13::new_with_key(&self.keys);
        match sender(ip) {
            IpAddr::V4(ip) => hasher.write_u32(ip.into()),
            IpAddr::V6(ip) => hasher.write_u128(ip.into()),
        }
        let cell = &mut self.cells[hasher.finish() as usize % METER_CELLS];
        let window = (seconds / METER_SECONDS) as u32;
        if cell.0 != window {
            *cell = (window, 0);
        }
        cell.1 = cell.1.saturating_add(cost);
        cell.1 <= self.most
    }
}

/// A bucket of tokens, one for each message, refilled as time passes; it holds five seconds of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    pub(crate) fn new(per_second: u32, now: Duration) -> Self {
        Self { per_second: f64::from(per_second), tokens: f64::from(per_second) * 5.0, filled: now }
    }

    /// Takes a token, or tells how long to wait for one.
    pub(crate) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let passed = now.saturating_sub(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.per_second * 5.0);
        self.filled = now;
        if self.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.tokens) / self.per_second));
        }
        self.tokens -= 1.0;
        Ok(())
    }

    /// Gives the last token back: there was no message after all.
    pub(crate) fn give_back(&mut self) {
        self.tokens += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_held_to_its_allowance_and_others_are_not() {
        let mut meter = Meter::new(2);
        let (one, two) = (IpAddr::from([1, 2, 3, 4]), IpAddr::from([4, 3, 2, 1]));
        let granted = (0..50).filter(|_| meter.take(one, 1, 100)).count();
        assert_eq!(granted, 20);
        assert!(meter.take(two, 1, 100), "another address is served");
        assert!(meter.take(one, 1, 110), "the next ten seconds have their own allowance");
        let mut neighbour = [0x2001, 0xdb8, 0, 1, 0, 0, 0, 0];
        let granted = (0..50).filter(|last| {
            neighbour[7] = *last;
            meter.take(IpAddr::from(neighbour), 1, 100)
        });
        assert_eq!(granted.count(), 20, "a network of 64 bits counts as one sender");
        assert!((0..1000).all(|_| Meter::new(0).take(one, 1, 0)));
    }

    #[test]
    fn a_bucket_refills_as_time_passes() {
        let mut bucket = Bucket::new(10, Duration::ZERO);
        assert_eq!((0..100).filter(|_| bucket.take(Duration::ZERO).is_ok()).count(), 50);
        let wait = bucket.take(Duration::ZERO).expect_err("it is empty");
        assert!(bucket.take(wait + Duration::from_millis(1)).is_ok());
    }
}
