//! The UDP tracker protocol (BEP 15) with its extensions (BEP 41).
//!
//! ```text
//! connect   0 protocol id 0x41727101980 (8)  8 action 0 (4)  12 transaction (4)
//! announce  0 connection id (8)  8 action 1 (4)  12 transaction (4)  16 info_hash (20)  36 peer_id (20)  56 downloaded (8)
//!          64 left (8)  72 uploaded (8)  80 event (4)  84 IP (4)  88 key (4)  92 num_want (4)  96 port (2)  98 options (BEP 41)
//! scrape    0 connection id (8)  8 action 2 (4)  12 transaction (4)  16 info_hash (20) …, up to 74
//! ```

/// First bytes of a connect request.
pub const PROTOCOL_ID: u64 = 0x417_2710_1980;
/// Most hashes of one scrape (BEP 15).
pub const MOST_SCRAPED: usize = 74;
/// Longest options that are read; passkeys and queries are far shorter.
const LONGEST_OPTIONS: usize = 512;

/// A request, with the parts that a reply needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// Asks for a connection id.
    Connect {
        /// Copied into the reply.
        transaction: u32,
    },
    /// Announces a peer.
    Announce(Announce<'a>),
    /// Asks for counts.
    Scrape {
        /// Proves that the sender receives at its address.
        connection: u64,
        /// Copied into the reply.
        transaction: u32,
        /// The keys, 20 bytes each, at most 74.
        keys: &'a [[u8; 20]],
    },
}

/// An announce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announce<'a> {
    /// Proves that the sender receives at its address.
    pub connection: u64,
    /// Copied into the reply.
    pub transaction: u32,
    /// The announced key.
    pub key: [u8; 20],
    /// The client's own name.
    pub peer_id: [u8; 20],
    /// Bytes downloaded since the first announce.
    pub downloaded: u64,
    /// Bytes left; 0 is a seeder.
    pub left: u64,
    /// Bytes uploaded since the first announce.
    pub uploaded: u64,
    /// 0 none, 1 completed, 2 started, 3 stopped, 4 paused.
    pub event: u32,
    /// Peers wanted; negative is "as many as you give".
    pub wanted: i32,
    /// The port that the client listens on.
    pub port: u16,
    /// BEP 41 options, unread.
    pub options: &'a [u8],
}

/// The key of what looks like an announce, before anything else of it is read.
#[must_use]
pub fn announced_key(packet: &[u8]) -> Option<&[u8; 20]> {
    (packet.len() >= 98 && packet[8..12] == [0, 0, 0, 1]).then(|| packet[16..36].try_into().ok())?
}

/// Reads a request; None for everything that is not one, which gets no answer.
#[must_use]
pub fn parse(packet: &[u8]) -> Option<Request<'_>> {
    let action = u32::from_be_bytes(packet.get(8..12)?.try_into().ok()?);
    let transaction = u32::from_be_bytes(packet.get(12..16)?.try_into().ok()?);
    let connection = u64::from_be_bytes(packet[..8].try_into().ok()?);
    match action {
        0 => (connection == PROTOCOL_ID).then_some(Request::Connect { transaction }),
        1 => {
            let body: &[u8; 82] = packet.get(16..98)?.try_into().ok()?;
            Some(Request::Announce(Announce {
                connection,
                transaction,
                key: body[..20].try_into().ok()?,
                peer_id: body[20..40].try_into().ok()?,
                downloaded: u64::from_be_bytes(body[40..48].try_into().ok()?),
                left: u64::from_be_bytes(body[48..56].try_into().ok()?),
                uploaded: u64::from_be_bytes(body[56..64].try_into().ok()?),
                event: u32::from_be_bytes(body[64..68].try_into().ok()?),
                wanted: i32::from_be_bytes(body[76..80].try_into().ok()?),
                port: u16::from_be_bytes(body[80..82].try_into().ok()?),
                options: &packet[98..],
            }))
        }
        2 => {
            let (keys, rest) = packet[16..].as_chunks::<20>();
            let is_whole = rest.is_empty() && !keys.is_empty() && keys.len() <= MOST_SCRAPED;
            is_whole.then_some(Request::Scrape { connection, transaction, keys })
        }
        _ => None,
    }
}

/// Puts BEP 41's path and query together: option 0 ends, 1 is padding, 2 is a length and that many bytes. Other options have a
/// length, too, and are passed over.
#[must_use]
pub fn url_data(options: &[u8]) -> Vec<u8> {
    let mut path = Vec::new();
    let mut rest = &options[..options.len().min(LONGEST_OPTIONS)];
    loop {
        match rest {
            [1, after @ ..] => rest = after,
            [kind @ 2..=255, length, after @ ..] if after.len() >= usize::from(*length) => {
                let (part, after) = after.split_at(usize::from(*length));
                path.extend_from_slice(if *kind == 2 { part } else { b"" });
                rest = after;
            }
            _ => return path,
        }
    }
}

/// Writes the reply to a connect: 16 bytes, as long as its request.
pub fn write_connect(transaction: u32, connection: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&0_u32.to_be_bytes());
    out.extend_from_slice(&transaction.to_be_bytes());
    out.extend_from_slice(&connection.to_be_bytes());
}

/// Writes the 20 bytes before an announce reply's peers.
pub fn write_announce(
    transaction: u32,
    interval_seconds: u32,
    leechers: u32,
    seeders: u32,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(&1_u32.to_be_bytes());
    out.extend_from_slice(&transaction.to_be_bytes());
    out.extend_from_slice(&interval_seconds.to_be_bytes());
    out.extend_from_slice(&leechers.to_be_bytes());
    out.extend_from_slice(&seeders.to_be_bytes());
}

/// Writes the head of a scrape reply.
pub fn write_scrape(transaction: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&2_u32.to_be_bytes());
    out.extend_from_slice(&transaction.to_be_bytes());
}

/// Writes one torrent of a scrape reply.
pub fn write_scraped(seeders: u32, completed: u32, leechers: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&seeders.to_be_bytes());
    out.extend_from_slice(&completed.to_be_bytes());
    out.extend_from_slice(&leechers.to_be_bytes());
}

/// Writes an error.
pub fn write_error(transaction: u32, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&3_u32.to_be_bytes());
    out.extend_from_slice(&transaction.to_be_bytes());
    out.extend_from_slice(message.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce() -> Vec<u8> {
        let mut packet = 7_u64.to_be_bytes().to_vec();
        packet.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 9]);
        packet.extend_from_slice(&[1; 20]);
        packet.extend_from_slice(&[2; 20]);
        for number in [3_u64, 4, 5] {
            packet.extend_from_slice(&number.to_be_bytes());
        }
        packet.extend_from_slice(&[0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0x1a, 0xe1]);
        packet
    }

    #[test]
    fn an_announce_is_read() {
        let packet = announce();
        assert_eq!(packet.len(), 98);
        let Some(Request::Announce(found)) = parse(&packet) else { panic!("not read") };
        assert_eq!(
            (found.connection, found.transaction, found.downloaded, found.left, found.uploaded),
            (7, 9, 3, 4, 5)
        );
        assert_eq!((found.event, found.wanted, found.port), (2, -1, 6881));
        assert_eq!(announced_key(&packet), Some(&found.key));
        for length in 0..98 {
            assert_eq!(parse(&packet[..length]), None, "{length}");
            assert_eq!(announced_key(&packet[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_scrape_has_1_to_74_hashes() {
        for (count, is_read) in [(0, false), (1, true), (74, true), (75, false)] {
            let mut packet = vec![0; 16];
            packet[11] = 2;
            packet.extend(std::iter::repeat_n(1, 20 * count));
            assert_eq!(parse(&packet).is_some(), is_read, "{count}");
            packet.push(0);
            assert_eq!(parse(&packet), None);
        }
    }

    #[test]
    fn url_data_is_joined_and_cut_at_its_end() {
        assert_eq!(url_data(b"\x02\x03/ab\x01\x02\x02cd\x00\x02\x01x"), b"/abcd");
        assert_eq!(url_data(b"\x02\x03/ab\x07\x02zz\x02\x01c"), b"/abc", "an unknown option is passed over");
        assert_eq!(url_data(b"\x02\x09/ab"), b"");
        assert_eq!(url_data(b""), b"");
    }

    #[test]
    fn a_connect_needs_the_protocol_id() {
        let mut packet = PROTOCOL_ID.to_be_bytes().to_vec();
        packet.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(parse(&packet), Some(Request::Connect { transaction: 5 }));
        packet[0] = 1;
        assert_eq!(parse(&packet), None);
    }
}
