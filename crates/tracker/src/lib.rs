//! Sockets, connection ids, policy set, limits, workers, snapshot, metrics.
//!
//! [`Engine`] holds the swarms, shared by all protocols; [`Tracker`] is the running thing: UDP workers, the HTTP side, the admin
//! address. Nothing in here knows Python.

mod connection;
mod counters;
mod engine;
mod http;
mod members;
mod netmsg;
mod running;
mod snapshot;
mod udp;

pub use counters::Counters;
pub use engine::{Config, Engine, Permit, Refusal, Reply, Request};
pub use largesse_swarm::Visibility;
pub use members::{Delta, Passkey};
pub use running::{Listen, Tracker};
