//! Counters: what was asked, what was answered, and what was dropped and why.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::Engine;

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It is what there is now.
    Gauge,
}

/// A number that the operator is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Its name, without a prefix.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// What it does.
    pub kind: Kind,
    /// The number.
    pub value: u64,
}

macro_rules! counters {
    ($(#[doc = $doc:literal] $name:ident,)*) => {
        /// One number for each thing that can happen; they only grow.
        #[derive(Debug, Default)]
        pub struct Counters { $(#[doc = $doc] pub $name: AtomicU64,)* }

        impl Counters {
            /// Every counter, with what it counts.
            #[must_use]
            pub fn figures(&self) -> Vec<Figure> {
                vec![$(Figure {
                    name: stringify!($name),
                    help: $doc.trim_ascii(),
                    kind: Kind::Counter,
                    value: self.$name.load(Ordering::Relaxed),
                },)*]
            }

            /// Every counter by its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                self.figures().into_iter().map(|figure| (figure.name, figure.value)).collect()
            }
        }
    };
}

impl Engine {
    /// Peers that were refused since their swarm was full, and peers that left without a word.
    #[must_use]
    pub fn lost(&self) -> (u64, u64) {
        (0..self.shards()).fold((0, 0), |sum, number| {
            let shard = self.shard(number);
            (sum.0 + shard.peers_refused, sum.1 + shard.peers_expired)
        })
    }

    /// Torrents, IPv4 peers, IPv6 peers, browsers.
    #[must_use]
    pub fn totals(&self) -> (usize, usize, usize, usize) {
        (0..self.shards()).fold((0, 0, 0, 0), |sum, number| {
            let shard = self.shard(number);
            let (v4, v6, web) = shard.peers();
            (sum.0 + shard.torrents(), sum.1 + v4, sum.2 + v6, sum.3 + web)
        })
    }

    /// What there is in the swarms now, then every counter.
    #[must_use]
    pub fn figures(&self) -> Vec<Figure> {
        let (torrents, v4, v6, web) = self.totals();
        let (refused, expired) = self.lost();
        let gauge = |name, help, value: usize| Figure { name, help, kind: Kind::Gauge, value: value as u64 };
        let counter = |name, help, value| Figure { name, help, kind: Kind::Counter, value };
        let mut figures = vec![
            gauge("torrents", "Torrents, permitted ones without peers included.", torrents),
            gauge("peers_ipv4", "Peers that announced over IPv4.", v4),
            gauge("peers_ipv6", "Peers that announced over IPv6.", v6),
            gauge("peers_webrtc", "Browsers in swarms.", web),
            counter(
                "peers_refused",
                "Peers not taken since their swarm was full, or their address had its share of it.",
                refused,
            ),
            counter("peers_expired", "Peers that left without a word.", expired),
        ];
        figures.extend(self.counters.figures());
        figures
    }
}

counters! {
    /// UDP packets that came in.
    udp_packets,
    /// UDP connects answered.
    udp_connects,
    /// UDP announces answered.
    udp_announces,
    /// UDP scrapes answered.
    udp_scrapes,
    /// UDP errors sent: the sender was proven, the key is not permitted.
    udp_errors,
    /// UDP packets that are no request; they get no answer.
    udp_malformed,
    /// UDP packets with a wrong or old connection id; they get no answer.
    udp_wrong_connection,
    /// UDP replies that the kernel did not take.
    udp_unsent,
    /// HTTP connections accepted.
    http_connections,
    /// HTTP connections refused or cut: too many, too slow, too large.
    http_connections_cut,
    /// HTTP connections ended so that an address with fewer had a place, as all were taken.
    http_connections_evicted,
    /// HTTP announces answered.
    http_announces,
    /// HTTP scrapes answered.
    http_scrapes,
    /// HTTP requests answered with a failure.
    http_failures,
    /// HTTP peers that came from another address than before, as their key proves.
    http_peers_moved,
    /// HTTP connections closed since a request took too long to come.
    http_slow,
    /// HTTP connections closed since a request was no HTTP, too large, or had a body.
    http_malformed,
    /// Requests of UDP and HTTP, and WebSocket messages, over the limit of their address.
    over_limit,
    /// TLS handshakes that failed.
    tls_failures,
    /// Certificates loaded again.
    tls_reloads,
    /// Certificates that could not be loaded again; the former one is still in use.
    tls_reload_failures,
    /// WebSocket connections accepted.
    ws_connections,
    /// WebSocket connections cut: silent, too slow to read, or breaking the protocol.
    ws_connections_cut,
    /// WebSocket announces answered.
    ws_announces,
    /// WebSocket scrapes answered.
    ws_scrapes,
    /// WebSocket messages answered with a failure.
    ws_failures,
    /// WebSocket offers given to another peer.
    ws_offers,
    /// WebSocket offers dropped since their receiver reads too slowly.
    ws_offers_dropped,
    /// WebSocket answers given to the peer that made the offer.
    ws_answers,
    /// WebSocket messages that waited since their connection sent too many.
    ws_throttled,
    /// Announces refused by the policy.
    refused_policy,
    /// Announces refused for their client.
    refused_client,
    /// Announces refused for an unknown passkey.
    refused_passkey,
    /// Announces refused since there are as many torrents as may be.
    refused_full,
    /// Announces of members answered but not counted, since their account has as many peers as may be remembered.
    member_announces_uncounted,
    /// Peers of members forgotten after a long silence.
    member_reports_forgotten,
    /// Workers that panicked and were started again.
    worker_panics,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Adds a number.
pub(crate) fn count_many(counter: &AtomicU64, number: u64) {
    if number > 0 {
        counter.fetch_add(number, Ordering::Relaxed);
    }
}
