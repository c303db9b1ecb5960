//! Counters: what was asked, what was answered, and what was dropped and why.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One number for each thing that can happen; they only grow.
        #[derive(Debug, Default)]
        pub struct Counters { $($(#[$doc])* pub $name: AtomicU64,)* }

        impl Counters {
            /// Every counter by its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
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
    /// HTTP announces answered.
    http_announces,
    /// HTTP scrapes answered.
    http_scrapes,
    /// HTTP requests answered with a failure.
    http_failures,
    /// HTTP connections closed since a request took too long to come.
    http_slow,
    /// HTTP connections closed since a request was no HTTP, too large, or had a body.
    http_malformed,
    /// HTTP requests and WebSocket messages over the limit of their address.
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
    /// Workers that panicked and were started again.
    worker_panics,
    /// Accounting records that were dropped since nobody fetched them.
    accounting_dropped,
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
