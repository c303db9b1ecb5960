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
