//! Whatever a snapshot is, it is loaded or refused, and what was loaded can be written and loaded again.
#![no_main]

use std::time::{SystemTime, UNIX_EPOCH};

use largesse_tracker::{Config, Engine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let config = || Config { is_listed_only: false, most_torrents: 1000, ..Config::default() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    // A fresh head, so that damage is looked for behind it; and the bytes as they are.
    let mut fresh = b"LGSWARM2".to_vec();
    fresh.extend_from_slice(&now.to_be_bytes());
    fresh.extend_from_slice(&[7; 24]);
    fresh.extend_from_slice(bytes);
    let engine = Engine::new(config());
    let _ = engine.load(&mut &bytes[..]);
    // A damaged one keeps what stood before the damage.
    let _ = engine.load(&mut &fresh[..]);
    let (torrents, v4, v6, _) = engine.totals();
    assert!(torrents * 28 + (v4 + v6) * 9 <= 2 * fresh.len(), "nothing comes from nothing");
});
