//! What our reader takes for JSON, another reader takes for JSON, and the other way round as far as ours goes deep.
#![no_main]

use largesse_wire::webtorrent::{Malformed, parse};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

/// Deeper nesting is refused by ours alone.
const DEEPEST: usize = 14;

fuzz_target!(|text: &str| {
    let is_ours = parse(text, 10, 100) != Err(Malformed::Json);
    let is_object = text.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{');
    let is_theirs = serde_json::from_str::<IgnoredAny>(text).is_ok() && is_object;
    if is_ours {
        assert!(is_theirs, "only ours reads {text:?}");
    } else if is_theirs {
        let openings = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
        assert!(openings > DEEPEST, "only the other one reads {text:?}");
    }
});
