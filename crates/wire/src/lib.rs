//! BEP 15, HTTP and `WebTorrent` messages: bytes to values and back; no I/O.

pub mod bencode;
mod json;
pub mod query;
pub mod udp;
pub mod websocket;
pub mod webtorrent;
