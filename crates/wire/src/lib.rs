//! BEP 15, HTTP and `WebTorrent` messages: bytes to values and back; no I/O.

pub mod bencode;
pub mod query;
pub mod udp;
