//! Answers of the HTTP side, as bytes: bencoded replies and failures (BEP 3, 7, 23, 24, 31), and the HTTP around them.

use std::net::{IpAddr, SocketAddr};

use largesse_swarm::Counts;
use largesse_wire::bencode::{integer_entry, string, string_entry};

/// What an announce is answered with.
pub(crate) struct Told<'t> {
    pub(crate) counts: Counts,
    pub(crate) interval_seconds: u32,
    /// The address that the request came from.
    pub(crate) ip: IpAddr,
    pub(crate) is_compact: bool,
    /// Peers of 6 bytes each.
    pub(crate) v4: &'t [u8],
    /// Peers of 18 bytes each.
    pub(crate) v6: &'t [u8],
    /// What the client sent as `trackerid`; it is told the same again.
    pub(crate) tracker_id: Option<&'t [u8]>,
}

/// Writes an announce reply; its keys are sorted. `name_of` finds a peer's id for the long form.
pub(crate) fn write_reply(
    told: &Told<'_>,
    name_of: impl Fn(SocketAddr) -> Option<[u8; 20]>,
    out: &mut Vec<u8>,
) {
    let Told { counts, interval_seconds, ip, is_compact, v4, v6, tracker_id } = *told;
    out.push(b'd');
    integer_entry("complete", u64::from(counts.seeders), out);
    integer_entry("downloaded", u64::from(counts.completed), out);
    match ip {
        IpAddr::V4(ip) => string_entry("external ip", &ip.octets(), out),
        IpAddr::V6(ip) => string_entry("external ip", &ip.octets(), out),
    }
    integer_entry("incomplete", u64::from(counts.leechers), out);
    integer_entry("interval", u64::from(interval_seconds), out);
    integer_entry("min interval", u64::from(interval_seconds / 2), out);
    if is_compact {
        string_entry("peers", v4, out);
        if !v6.is_empty() || ip.is_ipv6() {
            string_entry("peers6", v6, out);
        }
    } else {
        string(b"peers", out);
        out.push(b'l');
        let write_peer = |address: SocketAddr, out: &mut Vec<u8>| {
            out.push(b'd');
            string_entry("ip", address.ip().to_string().as_bytes(), out);
            if let Some(name) = name_of(address) {
                string_entry("peer id", &name, out);
            }
            integer_entry("port", u64::from(address.port()), out);
            out.push(b'e');
        };
        for peer in v4.as_chunks::<6>().0 {
            let [a, b, c, d, port @ ..] = *peer;
            write_peer(SocketAddr::from(([a, b, c, d], u16::from_be_bytes(port))), out);
        }
        for peer in v6.as_chunks::<18>().0 {
            let octets: [u8; 16] = std::array::from_fn(|at| peer[at]);
            write_peer(SocketAddr::from((octets, u16::from_be_bytes([peer[16], peer[17]]))), out);
        }
        out.push(b'e');
    }
    if let Some(tracker_id) = tracker_id {
        string_entry("tracker id", tracker_id, out);
    }
    out.push(b'e');
}

/// When a failed request may come again (BEP 31).
#[derive(Clone, Copy)]
pub(crate) enum Retry {
    /// It would fail again.
    Never,
    /// After so many minutes.
    Minutes(u32),
}

/// Writes a failure, with an interval and `retry in` (BEP 31): clients heed different ones. An interval of 0 is left out.
pub(crate) fn failure(sentence: &str, retry: Retry, interval_seconds: u32, out: &mut Vec<u8>) {
    out.push(b'd');
    string_entry("failure reason", sentence.as_bytes(), out);
    if interval_seconds > 0 {
        integer_entry("interval", u64::from(interval_seconds), out);
    }
    match retry {
        Retry::Minutes(minutes) => integer_entry("retry in", u64::from(minutes), out),
        Retry::Never => string_entry("retry in", b"never", out),
    }
    out.push(b'e');
}

/// What an answer says about the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It stays open, as HTTP/1.1 does anyway.
    Usual,
    /// It stays open, which an HTTP/1.0 client is told.
    Told,
    /// It ends.
    Close,
}

/// Writes an HTTP answer.
pub(crate) fn respond(status: u16, kind: &str, body: &[u8], keep: Keep, out: &mut Vec<u8>) {
    let reason: &[u8] = match status {
        200 => b"HTTP/1.1 200 OK",
        400 => b"HTTP/1.1 400 Bad Request",
        404 => b"HTTP/1.1 404 Not Found",
        405 => b"HTTP/1.1 405 Method Not Allowed",
        431 => b"HTTP/1.1 431 Request Header Fields Too Large",
        _ => b"HTTP/1.1 503 Service Unavailable",
    };
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\nContent-Type: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\r\nContent-Length: ");
    decimal(body.len(), out);
    out.extend_from_slice(match keep {
        Keep::Usual => b"\r\n\r\n",
        Keep::Told => b"\r\nConnection: keep-alive\r\n\r\n",
        Keep::Close => b"\r\nConnection: close\r\n\r\n",
    });
    out.extend_from_slice(body);
}

fn decimal(number: usize, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
