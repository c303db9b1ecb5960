//! Whatever a client sends over a connection, it is answered or refused: request heads, proxies' headers, upgrades, frames.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| largesse_tracker::fuzzing::connection(bytes));
