//! Whatever a packet is, it is read or refused, and what is read stands where BEP 15 puts it.
#![no_main]

use largesse_wire::udp::{Announce, MOST_SCRAPED, Request, parse, url_data};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = url_data(bytes);
    assert!(path.len() <= bytes.len().min(512), "a path is no longer than its options");
    match parse(bytes) {
        None => {}
        Some(Request::Connect { transaction }) => {
            assert_eq!(bytes[..12], *b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0");
            assert_eq!(transaction.to_be_bytes(), bytes[12..16]);
        }
        Some(Request::Announce(announce)) => {
            let mut written = written(&announce);
            // The address and the key of a client are not read.
            written[84..92].copy_from_slice(&bytes[84..92]);
            assert_eq!(written, bytes);
            assert!(url_data(announce.options).len() <= announce.options.len());
        }
        Some(Request::Scrape { connection, transaction, keys }) => {
            assert!((1..=MOST_SCRAPED).contains(&keys.len()));
            assert_eq!(16 + 20 * keys.len(), bytes.len());
            assert_eq!((connection.to_be_bytes(), transaction.to_be_bytes()), (head(bytes, 0), head(bytes, 12)));
        }
    }
});

fn head<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("it was read")
}

fn written(announce: &Announce<'_>) -> Vec<u8> {
    let mut out = announce.connection.to_be_bytes().to_vec();
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.extend_from_slice(&announce.transaction.to_be_bytes());
    out.extend_from_slice(&announce.key);
    out.extend_from_slice(&announce.peer_id);
    for number in [announce.downloaded, announce.left, announce.uploaded] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(&announce.event.to_be_bytes());
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&announce.wanted.to_be_bytes());
    out.extend_from_slice(&announce.port.to_be_bytes());
    out.extend_from_slice(announce.options);
    out
}
