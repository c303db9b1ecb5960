//! BEP 15, HTTP and `WebTorrent` messages: bytes to values and back; no I/O.
