//! The query of an HTTP announce or scrape (BEP 3, 7, 21, 23, 48): percent-decoded bytes, since hashes are not text.

/// What an announce or a scrape asks for; what is not given keeps its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Every `info_hash`, 20 bytes each, at most [`MOST_KEYS`].
    pub keys: Vec<[u8; 20]>,
    /// How many there are, those beyond that included.
    pub key_count: usize,
    /// Whether an `info_hash` had another length.
    pub has_bad_key: bool,
    /// `peer_id`.
    pub peer_id: Option<[u8; 20]>,
    /// `port`.
    pub port: Option<u16>,
    /// `uploaded`, in bytes.
    pub uploaded: u64,
    /// `downloaded`, in bytes.
    pub downloaded: u64,
    /// `left`, in bytes; None where it is not given or not a number.
    pub left: Option<u64>,
    /// `event`.
    pub event: Event,
    /// `numwant`; None where it is not given, negative or not a number.
    pub wanted: Option<usize>,
    /// `compact`; compact is the default, as BEP 23 recommends.
    pub is_compact: bool,
    /// `no_peer_id`.
    pub without_peer_id: bool,
    /// `key`, the first 16 bytes of it: what a client proves itself with when its address changed.
    pub client_key: Option<[u8; 16]>,
    /// `trackerid`, as a former reply told it.
    pub tracker_id: Option<Vec<u8>>,
}

/// `event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Event {
    /// None or an unknown one.
    #[default]
    None,
    /// `started`.
    Started,
    /// `stopped`.
    Stopped,
    /// `completed`.
    Completed,
    /// `paused` (BEP 21).
    Paused,
}

/// Most hashes that one request may ask for: about as many as a head of 8 KiB holds, each written in the shortest way.
pub const MOST_KEYS: usize = 256;

/// Reads a query, without its question mark. Unknown parts are passed over.
#[must_use]
pub fn parse(query: &[u8]) -> Query {
    let mut found = Query {
        keys: Vec::new(),
        key_count: 0,
        has_bad_key: false,
        peer_id: None,
        port: None,
        uploaded: 0,
        downloaded: 0,
        left: None,
        event: Event::None,
        wanted: None,
        is_compact: true,
        without_peer_id: false,
        client_key: None,
        tracker_id: None,
    };
    let mut buffer = [0_u8; 64];
    for pair in query.split(|byte| *byte == b'&') {
        let (name, raw) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &pair[..0]),
        };
        let value = decode(raw, &mut buffer);
        match name {
            b"info_hash" => match value.and_then(|value| value.try_into().ok()) {
                Some(key) => {
                    found.key_count += 1;
                    if found.key_count <= MOST_KEYS {
                        found.keys.push(key);
                    }
                }
                None => found.has_bad_key = true,
            },
            b"peer_id" => found.peer_id = value.and_then(|value| value.try_into().ok()),
            b"port" => found.port = value.and_then(number),
            b"uploaded" => found.uploaded = value.and_then(number).unwrap_or(0),
            b"downloaded" => found.downloaded = value.and_then(number).unwrap_or(0),
            b"left" => found.left = value.and_then(number),
            b"numwant" => found.wanted = value.and_then(amount),
            b"compact" => found.is_compact = value != Some(b"0"),
            b"no_peer_id" => found.without_peer_id = value == Some(b"1"),
            b"key" => found.client_key = value.filter(|value| !value.is_empty()).map(start_of),
            b"trackerid" => found.tracker_id = value.map(<[u8]>::to_vec),
            b"event" => {
                found.event = match value {
                    Some(b"started") => Event::Started,
                    Some(b"stopped") => Event::Stopped,
                    Some(b"completed") => Event::Completed,
                    Some(b"paused") => Event::Paused,
                    _ => Event::None,
                };
            }
            _ => {}
        }
    }
    found
}

/// The first 16 bytes; what is shorter is filled up with zeros.
fn start_of(value: &[u8]) -> [u8; 16] {
    std::array::from_fn(|at| value.get(at).copied().unwrap_or(0))
}

/// Decodes `%xx`; None when it does not fit or a percent sign is not followed by two hex digits.
fn decode<'b>(raw: &[u8], buffer: &'b mut [u8; 64]) -> Option<&'b [u8]> {
    let mut length = 0;
    let mut at = 0;
    while at < raw.len() {
        let byte = if raw[at] == b'%' {
            at += 2;
            hex(*raw.get(at - 1)?)? << 4 | hex(*raw.get(at)?)?
        } else {
            raw[at]
        };
        *buffer.get_mut(length)? = byte;
        length += 1;
        at += 1;
    }
    Some(&buffer[..length])
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|digit| digit as u8)
}

fn number<N: std::str::FromStr>(value: &[u8]) -> Option<N> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A number that stands for the largest one where it is larger than that.
fn amount(value: &[u8]) -> Option<usize> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_number.then(|| number(value).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announce_is_read() {
        let query = b"info_hash=%00%ffabcdefghijklmnopqr&peer_id=-LT2000-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3\
            &event=started&numwant=7&compact=0&no_peer_id=1&key=zz&trackerid=%41b";
        let found = parse(query);
        assert_eq!(found.keys, [*b"\x00\xffabcdefghijklmnopqr"]);
        assert_eq!((found.port, found.uploaded, found.downloaded, found.left), (Some(6881), 1, 2, Some(3)));
        assert_eq!(
            (found.event, found.wanted, found.is_compact, found.without_peer_id),
            (Event::Started, Some(7), false, true)
        );
        assert_eq!(found.peer_id, Some(*b"-LT2000-abcdefghijkl"));
        assert_eq!(found.client_key, Some(*b"zz\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
        assert_eq!(found.tracker_id.as_deref(), Some(&b"Ab"[..]));
    }

    #[test]
    fn more_peers_than_a_number_can_tell_are_as_many_as_can_be() {
        let wanted = |text: &str| parse(format!("numwant={text}").as_bytes()).wanted;
        assert_eq!(wanted("18446744073709551616"), Some(usize::MAX));
        assert_eq!(wanted("007"), Some(7));
        for text in ["-1", "", "x", "9x", "-99999999999999999999999", "1.5"] {
            assert_eq!(wanted(text), None, "{text}");
        }
    }

    #[test]
    fn more_hashes_than_may_be_are_told() {
        for number in [MOST_KEYS, MOST_KEYS + 1] {
            let found = parse("info_hash=aaaaaaaaaaaaaaaaaaaa&".repeat(number).as_bytes());
            assert_eq!((found.keys.len(), found.key_count), (MOST_KEYS, number));
        }
    }

    #[test]
    fn what_is_malformed_is_left_out_and_a_bad_hash_is_told() {
        for query in ["info_hash=abc", "info_hash=%0", "info_hash=%zzaaaaaaaaaaaaaaaaaaa"] {
            let found = parse(query.as_bytes());
            assert!(found.has_bad_key && found.keys.is_empty(), "{query}");
        }
        let found = parse(b"port=99999&left=-1&numwant=x&&=&event=dance");
        assert_eq!((found.port, found.left, found.wanted, found.event), (None, None, None, Event::None));
    }
}
