//! Whatever a query is, it is read, and what is read keeps the promises of its fields.
#![no_main]

use largesse_wire::query::{MOST_KEYS, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let found = parse(bytes);
    assert!(found.keys.len() <= MOST_KEYS);
    // The same values, written plainly, are read as the same.
    let Some(key) = found.keys.first() else { return };
    let written: String = key.iter().map(|byte| format!("%{byte:02X}")).collect();
    let again = parse(format!("info_hash={written}&left={}", found.left.unwrap_or(0)).as_bytes());
    assert_eq!((again.keys.as_slice(), again.left), (&[*key][..], Some(found.left.unwrap_or(0))));
});
