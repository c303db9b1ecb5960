//! What HTTP peers said of themselves, in two tables of fixed size under a random key: a sender more never makes them larger.
//!
//! Swarms hold no peer ids. The long form of a reply (BEP 3) tells them where they are remembered here. A client that announces
//! with its `key` from another address than before has moved once the former one is silent: it then leaves the swarm, so that the
//! client counts once. One that is at two addresses is left at both.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use largesse_swarm::{Announce, Event, Key, Outcome};
use siphasher::sip::SipHasher13;

use crate::engine::Engine;
use crate::random::random_bytes;

/// Cells of each table, six megabytes together; a newer peer may take the cell of an older one.
const CELLS: usize = 65_536;

/// Longest time between two announces of one round of a client, in seconds.
const ROUND_SECONDS: u32 = 30;

/// Both tables; the first word of a cell tells whose it is, 0 nobody's.
pub(crate) struct Known {
    names: Box<[(u64, [u8; 20])]>,
    places: Box<[(u64, [Heard; 2])]>,
    hash_key: [u8; 16],
}

/// Where a client announced from, and when, in seconds of the tracker's clock.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Heard {
    ip: IpAddr,
    port: u16,
    is_gone: bool,
    at: u32,
}

/// What nobody was heard from: gone, and longer ago than anything else.
const NOWHERE: Heard = Heard { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 0, is_gone: true, at: 0 };

/// Who announces over HTTP with a key, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Client<'r> {
    pub(crate) key: &'r Key,
    pub(crate) peer_id: &'r [u8; 20],
    /// What it sends as `key`.
    pub(crate) proof: &'r [u8; 16],
    pub(crate) address: SocketAddr,
    pub(crate) is_stopping: bool,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self {
            names: vec![(0, [0; 20]); CELLS].into_boxed_slice(),
            places: vec![(0, [NOWHERE; 2]); CELLS].into_boxed_slice(),
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

    /// Remembers where a client is; returns its other addresses of the same family that it has left.
    ///
    /// Another address is left when it is silent while this one is new; when both are known, once it has missed an announce.
    pub(crate) fn left(
        &mut self,
        client: Client<'_>,
        now_seconds: u64,
        interval_seconds: u32,
    ) -> impl Iterator<Item = SocketAddr> + use<> {
        let Client { key, peer_id, proof, address, is_stopping } = client;
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        for part in [&key[..], peer_id, proof, &[u8::from(address.is_ipv6())]] {
            hasher.write(part);
        }
        let hash = hasher.finish() | 1;
        let cell = &mut self.places[hash as usize >> 1 & (CELLS - 1)];
        if cell.0 != hash {
            *cell = (hash, [NOWHERE; 2]);
        }
        let places = &mut cell.1;
        let now = now_seconds as u32;
        let own = places.iter().position(|heard| heard.is(address));
        let silence = |heard: &Heard| now.saturating_sub(heard.at);
        let missed = interval_seconds.saturating_add(ROUND_SECONDS);
        let is_known = own.is_some_and(|own| silence(&places[own]) <= missed);
        let longest = if is_known { missed } else { ROUND_SECONDS };
        let mut left = [None; 2];
        for (heard, left) in places.iter_mut().zip(&mut left) {
            if !heard.is_gone && !heard.is(address) && silence(heard) > longest {
                heard.is_gone = true;
                *left = Some(SocketAddr::new(heard.ip, heard.port));
            }
        }
        let place = own.unwrap_or(usize::from(places[1].at < places[0].at));
        places[place] = Heard { ip: address.ip(), port: address.port(), is_gone: is_stopping, at: now };
        left.into_iter().flatten()
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

impl Heard {
    fn is(&self, address: SocketAddr) -> bool {
        (self.ip, self.port) == (address.ip(), address.port())
    }
}

/// Takes a peer out of a swarm that is known to be gone from its address.
pub(crate) fn forget_peer(engine: &Engine, key: Key, address: SocketAddr) {
    let event = Event::Stopped;
    let mut announce = Announce { key, address, event, is_seeder: false, wanted: 0, both_families: false };
    for _ in 0..2 {
        let mut shard = engine.shard(engine.shard_of(&announce.key));
        let outcome = shard.announce(&announce, engine.tick(), &mut Vec::new(), &mut Vec::new());
        let Outcome::SameAs(canonical) = outcome else { return };
        announce.key = canonical;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::engine::Config;
    use crate::http::Http;
    use crate::http_limits::Limits;
    use crate::proxy::Proxies;

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

    /// A tracker whose clock stands still.
    fn http() -> Http {
        let config = Config { is_listed_only: false, interval_seconds: INTERVAL, ..Config::default() };
        let limits = Limits { requests_per_second: 0, ..Limits::default() };
        Http::new(Arc::new(Engine::with_clock_by_hand(config)), Proxies::default(), limits, None)
    }

    const INTERVAL: u32 = 1800;

    /// Announces with a key from an address, and returns the leechers that the reply counts, and its peers.
    fn announce(http: &Http, ip: &str, words: &str) -> (u64, Vec<u8>) {
        let query = format!("info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&left=1&{words}");
        let mut out = Vec::new();
        let request = format!("GET /announce?{query} HTTP/1.1\r\n\r\n");
        http.request(request.as_bytes(), ip.parse().expect("an address"), &mut out);
        let after = |name: &[u8]| {
            let at = out.windows(name.len()).position(|part| part == name).expect("it is told");
            &out[at + name.len()..]
        };
        let count = after(b"10:incompletei").split(|byte| *byte == b'e').next().expect("a number");
        let peers = after(b"5:peers");
        let colon = peers.iter().position(|byte| *byte == b':').expect("a string");
        let length: usize = String::from_utf8_lossy(&peers[..colon]).parse().expect("a number");
        let count = String::from_utf8_lossy(count).parse().expect("a number");
        (count, peers[colon + 1..colon + 1 + length].to_vec())
    }

    fn leechers(http: &Http) -> Option<u32> {
        http.engine.scrape([b'a'; 20]).map(|counts| counts.leechers)
    }

    #[test]
    fn a_client_that_moved_counts_once_in_the_very_reply_and_is_not_told_of_itself() {
        let http = http();
        assert_eq!(announce(&http, "203.1.1.1", "port=6881&key=s").0, 1);
        http.engine.advance(300);
        assert_eq!(announce(&http, "203.9.9.9", "port=6881&key=guess").0, 2, "another key proves nothing");
        assert_eq!(announce(&http, "2600::1", "port=6881&key=s").0, 3, "a second family is no move");
        let (leechers, peers) = announce(&http, "203.2.2.2", "port=6881&key=s");
        assert_eq!((leechers, peers), (3, vec![203, 9, 9, 9, 0x1a, 0xe1]));
        http.engine.advance(300);
        assert_eq!(announce(&http, "203.3.3.3", "port=6882&key=s").0, 3, "it moved on");
        http.engine.advance(1200);
        assert_eq!(announce(&http, "203.3.3.3", "port=6882&key=s").0, 3);
        http.engine.advance(300);
        assert_eq!(announce(&http, "203.2.2.2", "port=6881&key=s").0, 4, "it may be at both");
        http.engine.advance(900);
        assert_eq!(announce(&http, "203.2.2.2", "port=6881&key=s").0, 4);
        http.engine.advance(900);
        assert_eq!(announce(&http, "203.2.2.2", "port=6881&key=s").0, 3, "it was not");
        assert_eq!(http.engine.counters.http_peers_moved.load(Ordering::Relaxed), 3);
        announce(&http, "203.2.2.2", "port=6881&key=s&event=stopped");
        http.engine.advance(300);
        announce(&http, "203.4.4.4", "port=6881&key=s");
        assert_eq!(
            http.engine.counters.http_peers_moved.load(Ordering::Relaxed),
            3,
            "who said so has not moved"
        );
    }

    #[test]
    fn a_client_at_two_addresses_is_at_both_whenever_it_announces_from_either() {
        for apart in [0, 1, 20, 200, 900] {
            let http = http();
            for round in 0..6 {
                let first = announce(&http, "203.1.1.1", "port=6881&key=s");
                http.engine.advance(apart);
                let second = announce(&http, "203.2.2.2", "port=6881&key=s");
                // Where they are far apart from the first, the first is taken for gone until it comes again.
                let is_sure = apart < ROUND_SECONDS.into() || round > 0;
                assert!(!is_sure || second.0 == 2, "{apart} seconds apart, round {round}");
                assert!(round == 0 || first.0 == 2, "{apart} seconds apart, round {round}");
                assert!(round == 0 || leechers(&http) == Some(2), "{apart} seconds apart, round {round}");
                http.engine.advance(u64::from(INTERVAL) - apart);
            }
        }
    }

    #[test]
    fn a_client_that_is_refused_moves_nobody() {
        let http = http();
        announce(&http, "203.1.1.1", "port=6881&key=s");
        http.engine.advance(300);
        http.engine.set_client_rules(Vec::new(), vec![b"bbb".to_vec()]);
        let query = "info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&left=1&port=6881&key=s";
        let request = format!("GET /announce?{query} HTTP/1.1\r\n\r\n");
        http.request(request.as_bytes(), [203, 2, 2, 2].into(), &mut Vec::new());
        assert_eq!(leechers(&http), Some(1));
        assert_eq!(http.engine.counters.refused_client.load(Ordering::Relaxed), 1);
    }
}
