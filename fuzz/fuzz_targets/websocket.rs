//! Whatever the bytes are, frames are read inside their buffer, never twice the same way, and never past their limit.
#![no_main]

use largesse_wire::websocket::read_frame;
use libfuzzer_sys::fuzz_target;

const MOST_BYTES: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = bytes.to_vec();
    let mut read = 0;
    while let Ok(Some(frame)) = read_frame(&mut buffer[read..], MOST_BYTES) {
        assert!(frame.payload_at < frame.length || frame.payload_at == frame.length);
        assert!(frame.length >= 6 && frame.length - frame.payload_at <= MOST_BYTES);
        read += frame.length;
        assert!(read <= buffer.len());
    }
});
