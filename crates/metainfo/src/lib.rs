//! Bencode scanner that keeps byte spans; BEP 3 and BEP 52 validation; info-hashes; no I/O.
