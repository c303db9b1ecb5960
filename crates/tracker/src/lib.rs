//! Sockets, connection ids, policy set, limits, workers, snapshot, metrics.
//!
//! [`Engine`] holds the swarms, shared by all protocols; [`Tracker`] is the running thing: UDP workers, the HTTP side, the admin
//! address. Nothing in here knows Python.

mod admin;
mod clock;
mod connection;
mod counters;
mod engine;
#[cfg(fuzzing)]
pub mod fuzzing;
mod health;
mod http;
mod http_connection;
mod http_limits;
mod http_peers;
mod http_places;
mod http_reply;
mod http_scrape;
mod member_report;
mod members;
mod netmsg;
mod passkey;
mod proxy;
mod random;
mod running;
mod snapshot;
mod tls;
mod udp;
mod ws;
mod ws_memory;
mod ws_swarm;
mod ws_swarms;

pub use counters::{Counters, Figure, Kind};
pub use engine::{Config, Engine, Permit, Refusal, Reply, Request};
pub use http_limits::Limits;
pub use largesse_swarm::{Announce, Counts, Event, Visibility};
pub use member_report::Report;
pub use members::{Deeds, Delta};
pub use passkey::Passkey;
pub use running::{Listen, Tracker};
pub use tls::TlsFiles;
