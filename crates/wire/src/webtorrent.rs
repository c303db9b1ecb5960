//! `WebTorrent` messages: JSON over WebSocket, read without a tree. Hashes and peer ids are strings of 20 characters up to U+00FF.
//!
//! Offers and answers are WebRTC's own and are relayed as they came, byte for byte; they are checked to be one JSON value each, so
//! that nobody can break the message that another peer gets.

use crate::json::{Scanner, binary, number, twenty};
use crate::query::Event;

/// Longest `offer_id`, as it stands in the message with its quotes.
const OFFER_ID_BYTES: usize = 160;

/// A message from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    /// An announce, with offers, an answer, or neither.
    Announce(Announce<'m>),
    /// The torrents whose counts are asked for.
    Scrape(Vec<[u8; 20]>),
}

/// An announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce<'m> {
    /// `info_hash`.
    pub key: [u8; 20],
    /// `peer_id`.
    pub peer_id: [u8; 20],
    /// `uploaded`, in bytes.
    pub uploaded: u64,
    /// `downloaded`, in bytes.
    pub downloaded: u64,
    /// `left`, in bytes; None where the peer does not know yet.
    pub left: Option<u64>,
    /// `event`.
    pub event: Event,
    /// `numwant`.
    pub wanted: Option<usize>,
    /// Offers for other peers.
    pub offers: Vec<Offer<'m>>,
    /// The answer to another peer's offer.
    pub answer: Option<Answer<'m>>,
}

/// An offer to be given to some other peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'m> {
    /// `offer_id`, a JSON string with its quotes.
    pub offer_id: &'m [u8],
    /// `offer`, a JSON value.
    pub offer: &'m [u8],
}

/// The answer to an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'m> {
    /// Who made the offer.
    pub to_peer_id: [u8; 20],
    /// `offer_id`, a JSON string with its quotes.
    pub offer_id: &'m [u8],
    /// `answer`, a JSON value.
    pub answer: &'m [u8],
}

/// Why a message is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It is not JSON.
    Json,
    /// It is JSON, but no announce or scrape.
    Message,
}

impl Malformed {
    /// A sentence for the peer.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Json => "This is not JSON",
            Self::Message => "action must be announce or scrape, info_hash and peer_id 20 bytes each",
        }
    }
}

/// What was found on the way; it becomes a message when all of it is there.
#[derive(Default)]
struct Found<'m> {
    action: &'m [u8],
    keys: Vec<[u8; 20]>,
    peer_id: Option<[u8; 20]>,
    to_peer_id: Option<[u8; 20]>,
    offer_id: Option<&'m [u8]>,
    answer: Option<&'m [u8]>,
    offers: Vec<Offer<'m>>,
    uploaded: u64,
    downloaded: u64,
    left: Option<u64>,
    event: Event,
    wanted: Option<usize>,
}

/// Reads a message. At most `most_offers` offers and `most_keys` hashes are kept, the rest is passed over.
///
/// # Errors
///
/// [`Malformed`], with the reason.
pub fn parse(text: &str, most_offers: usize, most_keys: usize) -> Result<Message<'_>, Malformed> {
    let mut scanner = Scanner::new(text);
    let mut found = Found::default();
    scanner.object(|scanner, name| {
        match name {
            b"\"action\"" => found.action = scanner.value()?,
            b"\"info_hash\"" => scanner.keys(most_keys, &mut found.keys)?,
            b"\"peer_id\"" => found.peer_id = twenty(scanner.value()?),
            b"\"to_peer_id\"" => found.to_peer_id = twenty(scanner.value()?),
            b"\"offer_id\"" => found.offer_id = Some(scanner.value()?),
            b"\"answer\"" => found.answer = Some(scanner.value()?),
            b"\"offers\"" => scanner.offers(most_offers, &mut found.offers)?,
            b"\"uploaded\"" => found.uploaded = number(scanner.value()?).unwrap_or(0),
            b"\"downloaded\"" => found.downloaded = number(scanner.value()?).unwrap_or(0),
            b"\"left\"" => found.left = number(scanner.value()?),
            b"\"numwant\"" => found.wanted = number(scanner.value()?).map(|wanted| wanted as usize),
            b"\"event\"" => found.event = event(scanner.value()?),
            _ => drop(scanner.value()?),
        }
        Some(())
    });
    scanner.end().ok_or(Malformed::Json)?;
    found.message().ok_or(Malformed::Message)
}

impl<'m> Found<'m> {
    fn message(self) -> Option<Message<'m>> {
        match self.action {
            b"\"scrape\"" => Some(Message::Scrape(self.keys)),
            b"\"announce\"" => {
                let [key] = self.keys[..] else { return None };
                let answer = match (self.answer, self.to_peer_id, self.offer_id) {
                    (Some(answer), Some(to_peer_id), Some(offer_id)) if is_offer_id(offer_id) => {
                        Some(Answer { to_peer_id, offer_id, answer })
                    }
                    _ => None,
                };
                Some(Message::Announce(Announce {
                    key,
                    peer_id: self.peer_id?,
                    uploaded: self.uploaded,
                    downloaded: self.downloaded,
                    left: self.left,
                    event: self.event,
                    wanted: self.wanted,
                    offers: self.offers,
                    answer,
                }))
            }
            _ => None,
        }
    }
}

fn is_offer_id(value: &[u8]) -> bool {
    value.first() == Some(&b'"') && value.len() <= OFFER_ID_BYTES
}

fn event(value: &[u8]) -> Event {
    match value {
        b"\"started\"" => Event::Started,
        b"\"stopped\"" => Event::Stopped,
        b"\"completed\"" => Event::Completed,
        b"\"paused\"" => Event::Paused,
        _ => Event::None,
    }
}

impl<'m> Scanner<'m> {
    /// Reads one hash or a list of them; what is no hash is passed over.
    fn keys(&mut self, most: usize, keys: &mut Vec<[u8; 20]>) -> Option<()> {
        keys.clear();
        if self.peek()? != b'[' {
            keys.extend(twenty(self.value()?));
            return Some(());
        }
        self.array(|scanner| {
            let key = twenty(scanner.value()?);
            keys.extend(key.filter(|_| keys.len() < most));
            Some(())
        })
    }

    /// Reads the list of offers; `null` is an empty one.
    fn offers(&mut self, most: usize, offers: &mut Vec<Offer<'m>>) -> Option<()> {
        if self.peek()? != b'[' {
            return self.value().map(|_| ());
        }
        self.array(|scanner| {
            let (mut offer_id, mut offer) = (None, None);
            if scanner.peek()? != b'{' {
                return scanner.value().map(|_| ());
            }
            scanner.object(|scanner, name| {
                match name {
                    b"\"offer_id\"" => offer_id = Some(scanner.value()?),
                    b"\"offer\"" => offer = Some(scanner.value()?),
                    _ => drop(scanner.value()?),
                }
                Some(())
            })?;
            if let (Some(offer_id), Some(offer), true) =
                (offer_id.filter(|id| is_offer_id(id)), offer, offers.len() < most)
            {
                offers.push(Offer { offer_id, offer });
            }
            Some(())
        })
    }
}

/// The counts of a swarm, as replies tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SwarmCounts {
    /// Peers that have everything.
    pub complete: u32,
    /// Peers that do not.
    pub incomplete: u32,
    /// How often a download was completed.
    pub downloaded: u32,
}

/// Writes the reply to an announce.
pub fn write_announce_reply(key: &[u8; 20], interval_seconds: u32, counts: SwarmCounts, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"action\":\"announce\",\"info_hash\":");
    binary(key, out);
    let SwarmCounts { complete, incomplete, .. } = counts;
    out.extend_from_slice(
        format!(",\"interval\":{interval_seconds},\"complete\":{complete},\"incomplete\":{incomplete}}}")
            .as_bytes(),
    );
}

/// Writes an offer for another peer.
pub fn write_offer(key: &[u8; 20], peer_id: &[u8; 20], offer: &Offer<'_>, out: &mut Vec<u8>) {
    relay(key, peer_id, b"offer", offer.offer_id, offer.offer, out);
}

/// Writes an answer for the peer that made the offer.
pub fn write_answer(key: &[u8; 20], peer_id: &[u8; 20], answer: &Answer<'_>, out: &mut Vec<u8>) {
    relay(key, peer_id, b"answer", answer.offer_id, answer.answer, out);
}

fn relay(key: &[u8; 20], peer_id: &[u8; 20], kind: &[u8], offer_id: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"action\":\"announce\",\"info_hash\":");
    binary(key, out);
    out.extend_from_slice(b",\"peer_id\":");
    binary(peer_id, out);
    out.extend_from_slice(b",\"offer_id\":");
    out.extend_from_slice(offer_id);
    out.extend_from_slice(b",\"");
    out.extend_from_slice(kind);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
    out.push(b'}');
}

/// Writes the reply to a scrape.
pub fn write_scrape_reply(files: &[([u8; 20], SwarmCounts)], interval_seconds: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"action\":\"scrape\",\"files\":{");
    for (place, (key, SwarmCounts { complete, incomplete, downloaded })) in files.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        binary(key, out);
        let counts =
            format!(":{{\"complete\":{complete},\"incomplete\":{incomplete},\"downloaded\":{downloaded}}}");
        out.extend_from_slice(counts.as_bytes());
    }
    out.extend_from_slice(
        format!("}},\"flags\":{{\"min_request_interval\":{interval_seconds}}}}}").as_bytes(),
    );
}

/// Writes a failure; `sentence` has no quotes in it. `retry_minutes` is BEP 31's, None where nothing is said about it.
pub fn write_failure(
    action: &str,
    key: Option<&[u8; 20]>,
    sentence: &str,
    retry_minutes: Option<u32>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(format!("{{\"action\":\"{action}\",\"failure reason\":\"{sentence}\"").as_bytes());
    if let Some(minutes) = retry_minutes {
        out.extend_from_slice(format!(",\"retry in\":{minutes},\"interval\":{}", minutes * 60).as_bytes());
    }
    if let Some(key) = key {
        out.extend_from_slice(b",\"info_hash\":");
        binary(key, out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(text: &str) -> Announce<'_> {
        match parse(text, 10, 100) {
            Ok(Message::Announce(announce)) => announce,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_announce_with_offers_is_read() {
        let text = r#" {"action":"announce", "info_hash":"\u0000\u00ffÿ0123456789abcdef\"","peer_id":"-WW0102-abcdefghijkl",
            "uploaded":1e3,"downloaded":7,"left":null,"event":"started","numwant":5,"offers":[
            {"offer":{"type":"offer","sdp":"v=0\r\n"},"offer_id":"abc"},{"offer_id":5,"offer":1},null],"x":[{},[],-1.5E+2,true]} "#;
        let found = announce(text);
        assert_eq!(found.key, *b"\x00\xff\xff0123456789abcdef\"");
        assert_eq!((found.uploaded, found.downloaded, found.left), (1000, 7, None));
        assert_eq!((found.event, found.wanted, found.answer), (Event::Started, Some(5), None));
        assert_eq!(
            found.offers,
            [Offer { offer_id: b"\"abc\"", offer: br#"{"type":"offer","sdp":"v=0\r\n"}"# }]
        );
    }

    #[test]
    fn what_is_relayed_can_be_read_again() {
        let key: [u8; 20] = std::array::from_fn(|index| (index * 13) as u8);
        let peer_id: [u8; 20] = std::array::from_fn(|index| 255 - index as u8);
        let mut text = Vec::new();
        let answer = Answer { to_peer_id: peer_id, offer_id: b"\"o\"", answer: b"{\"sdp\":\"\\\"\"}" };
        write_answer(&key, &peer_id, &answer, &mut text);
        let found = announce(std::str::from_utf8(&text).expect("UTF-8"));
        assert_eq!((found.key, found.peer_id), (key, peer_id));
        text.clear();
        write_failure("announce", Some(&key), "no", Some(10), &mut text);
        write_scrape_reply(
            &[(key, SwarmCounts { complete: 1, incomplete: 2, downloaded: 3 })],
            60,
            &mut text,
        );
        assert!(std::str::from_utf8(&text).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(40), "]".repeat(40));
        for text in [
            "",
            "{",
            "[]",
            "{}x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":01}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\n\"}",
            "{\"a\":tru}",
            "{\"a\":1,}",
            "{,}",
            "{\"a\":[1,]}",
            "{\"offers\":[{]}",
            &deep,
        ] {
            assert_eq!(parse(text, 10, 100), Err(Malformed::Json), "{text}");
        }
        for text in
            ["{}", r#"{"action":"announce"}"#, r#"{"action":"announce","info_hash":"short","peer_id":1}"#]
        {
            assert_eq!(parse(text, 10, 100), Err(Malformed::Message), "{text}");
        }
    }

    #[test]
    fn what_ends_a_string_or_breaks_it_is_seen_wherever_it_stands() {
        for place in 0..40 {
            let mut offer = "ü".repeat(20);
            for (part, is_json) in [
                ("\\n", true),
                ("\\\"", true),
                ("\\", false),
                ("\n", false),
                ("\u{1f}", false),
                ("\"", false),
            ] {
                let at = offer.char_indices().map(|(at, _)| at).rfind(|at| *at <= place).unwrap_or(0);
                offer.insert_str(at, part);
                let text = format!("{{\"x\":\"{offer}\",\"y\":1}}");
                let outcome = parse(&text, 10, 100);
                assert_eq!(outcome != Err(Malformed::Json), is_json, "{text}");
                offer.replace_range(at..at + part.len(), "");
            }
        }
    }

    #[test]
    fn a_scrape_may_name_many_torrents_and_no_more_than_the_limit() {
        let text = r#"{"action":"scrape","info_hash":["aaaaaaaaaaaaaaaaaaaa","x","bbbbbbbbbbbbbbbbbbbb","cccccccccccccccccccc"]}"#;
        assert_eq!(parse(text, 10, 2), Ok(Message::Scrape(vec![[b'a'; 20], [b'b'; 20]])));
    }
}
