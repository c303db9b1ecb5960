//! Whatever a message is, it is read or refused, and what is relayed of it can be read by the next peer.
#![no_main]

use largesse_wire::webtorrent::{Message, Offer, parse, write_answer, write_offer};
use libfuzzer_sys::fuzz_target;

const OFFERS: usize = 10;
const KEYS: usize = 100;

fuzz_target!(|text: &str| {
    let announce = match parse(text, OFFERS, KEYS) {
        Err(_) => return,
        Ok(Message::Scrape(keys)) => return assert!(keys.len() <= KEYS),
        Ok(Message::Announce(announce)) => announce,
    };
    assert!(announce.offers.len() <= OFFERS);
    let mut out = Vec::new();
    for Offer { offer_id, offer } in &announce.offers {
        out.clear();
        write_offer(&announce.key, &announce.peer_id, &Offer { offer_id, offer }, &mut out);
        let relayed = std::str::from_utf8(&out).expect("what is relayed is text");
        let Ok(Message::Announce(read)) = parse(relayed, OFFERS, KEYS) else { panic!("unreadable: {relayed}") };
        assert_eq!((read.key, read.peer_id), (announce.key, announce.peer_id));
    }
    if let Some(answer) = &announce.answer {
        out.clear();
        write_answer(&announce.key, &announce.peer_id, answer, &mut out);
        let relayed = std::str::from_utf8(&out).expect("what is relayed is text");
        assert!(parse(relayed, OFFERS, KEYS).is_ok(), "unreadable: {relayed}");
    }
});
