//! Announce and scrape over HTTP/1.1 (BEP 3, 7, 21, 23, 24, 31, 48): one request head in, one answer out; no socket.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use largesse_swarm::{Announce, Counts, Event};
use largesse_wire::bencode::{integer_entry, string, string_entry};
use largesse_wire::query::{self, Query};
use largesse_wire::websocket::accept_key;

use crate::counters::count;
use crate::engine::{Engine, Request};
use crate::http_limits::{Limits, Meter, Open};
use crate::members::Passkey;
use crate::proxy::{Network, client_ip};
use crate::tls::Tls;
use crate::ws_swarms::Hub;

/// Most headers of a request.
const MOST_HEADERS: usize = 48;
/// Hashes of a scrape that cost a sender as much as one request.
const KEYS_OF_ONE_REQUEST: usize = 10;

/// What all connections share; it lives on the HTTP thread.
pub(crate) struct Http {
    pub(crate) engine: Arc<Engine>,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Tls>,
    pub(crate) open: RefCell<Open>,
    pub(crate) meter: RefCell<Meter>,
    pub(crate) hub: RefCell<Hub>,
    pub(crate) proxies: Vec<Network>,
    scratch: RefCell<Scratch>,
}

/// Buffers that are used again for every answer.
#[derive(Default)]
struct Scratch {
    body: Vec<u8>,
    v4: Vec<u8>,
    v6: Vec<u8>,
}

/// How a request ended.
pub(crate) enum Step {
    /// It is not whole yet.
    More,
    /// It had this length, and whether the connection stays open.
    Answered {
        /// Bytes of the request.
        length: usize,
        /// Whether another request may follow.
        is_kept: bool,
    },
    /// The connection speaks WebSocket from here on.
    Upgraded {
        /// Bytes of the request.
        length: usize,
        /// The client's own address.
        ip: IpAddr,
        /// Who it is, where members are counted.
        passkey: Option<Passkey>,
    },
    /// It cannot be answered, and neither can what follows it.
    Close,
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

impl Http {
    pub(crate) fn new(engine: Arc<Engine>, proxies: Vec<Network>, limits: Limits, tls: Option<Tls>) -> Self {
        Self {
            hub: RefCell::new(Hub::new(Arc::clone(&engine), &limits)),
            meter: RefCell::new(Meter::new(limits.requests_per_second)),
            engine,
            limits,
            tls,
            open: RefCell::default(),
            proxies,
            scratch: RefCell::default(),
        }
    }

    /// Answers the first request of the buffer, when it is whole.
    pub(crate) fn request(&self, buffer: &[u8], address: IpAddr, out: &mut Vec<u8>) -> Step {
        let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Step::More,
            Err(httparse::Error::TooManyHeaders) => {
                respond(431, "text/plain", b"The request has too many headers.\n", Keep::Close, out);
                return Step::Close;
            }
            Err(_) => {
                respond(400, "text/plain", b"This is not HTTP/1.1.\n", Keep::Close, out);
                return Step::Close;
            }
        };
        let head = Head::of(request.headers);
        if request.method != Some("GET") || head.has_body {
            respond(405, "text/plain", b"Only GET without a body is answered here.\n", Keep::Close, out);
            return Step::Close;
        }
        let keep = match request.version {
            Some(1) if !head.connection.eq_ignore_ascii_case(b"close") => Keep::Usual,
            Some(0) if head.connection.eq_ignore_ascii_case(b"keep-alive") => Keep::Told,
            _ => Keep::Close,
        };
        let is_kept = keep != Keep::Close;
        let ip = client_ip(address, &self.proxies, request.headers);
        let target = request.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (start, name) = path.rsplit_once('/').unwrap_or(("", path));
        if head.is_upgrade && (name == "announce" || name.is_empty()) {
            return upgrade(&head, length, ip, passkey_of(path.as_bytes()), out);
        }
        let is_announce = match name {
            "announce" => true,
            "scrape" => false,
            _ => {
                let hint = b"This is a BitTorrent tracker. Its addresses are /announce and /scrape.\n";
                respond(404, "text/plain", hint, keep, out);
                return Step::Answered { length, is_kept };
            }
        };
        let query = query::parse(query.as_bytes());
        let scratch = &mut *self.scratch.borrow_mut();
        scratch.body.clear();
        let cost = 1 + (query.keys.len() / KEYS_OF_ONE_REQUEST) as u32;
        if !self.meter.borrow_mut().take(ip, cost, self.engine.seconds()) {
            count(&self.engine.counters.over_limit);
            let interval = self.engine.config().interval_seconds;
            failure("Too many requests from this address", Retry::Minutes(1), interval, &mut scratch.body);
        } else if is_announce {
            self.announce(&query, passkey_of(start.as_bytes()), ip, scratch);
        } else {
            self.scrape(query, &mut scratch.body);
        }
        respond(200, "text/plain", &scratch.body, keep, out);
        Step::Answered { length, is_kept }
    }

    fn announce(&self, query: &Query, passkey: Option<Passkey>, ip: IpAddr, scratch: &mut Scratch) {
        let counters = &self.engine.counters;
        let Scratch { body: out, v4, v6 } = scratch;
        v4.clear();
        v6.clear();
        let ([key], false) = (&query.keys[..], query.has_bad_key) else {
            count(&counters.http_failures);
            return failure("info_hash must be given once, as 20 bytes", Retry::Never, 0, out);
        };
        let (Some(peer_id), Some(port)) = (query.peer_id, query.port.filter(|port| *port > 0)) else {
            count(&counters.http_failures);
            let sentence = "peer_id must be 20 bytes and port a number from 1 to 65535";
            return failure(sentence, Retry::Never, 0, out);
        };
        let request = Request {
            announce: Announce {
                key: *key,
                address: SocketAddr::new(ip, port),
                event: event(query.event),
                is_seeder: query.left == Some(0),
                wanted: self.engine.wanted(query.wanted),
                both_families: true,
            },
            peer_id,
            uploaded: query.uploaded,
            downloaded: query.downloaded,
            passkey,
        };
        match self.engine.announce(&request, v4, v6) {
            Ok(reply) => {
                count(&counters.http_announces);
                write_reply(reply.counts, reply.interval_seconds, ip, query.is_compact, v4, v6, out);
            }
            Err(refusal) => {
                count(&counters.http_failures);
                let retry = refusal.retry_minutes().map_or(Retry::Never, Retry::Minutes);
                failure(refusal.sentence(), retry, self.engine.config().interval_seconds, out);
            }
        }
    }

    fn scrape(&self, query: Query, out: &mut Vec<u8>) {
        if query.keys.is_empty() {
            count(&self.engine.counters.http_failures);
            return failure("Name the torrents: a full scrape is not answered here", Retry::Never, 0, out);
        }
        count(&self.engine.counters.http_scrapes);
        let mut keys = query.keys;
        keys.sort_unstable();
        keys.dedup();
        out.push(b'd');
        string(b"files", out);
        out.push(b'd');
        for key in keys {
            let Some(counts) = self.engine.scrape(key) else { continue };
            let downloaders = counts.leechers.saturating_sub(counts.partial_seeds);
            string(&key, out);
            out.push(b'd');
            integer_entry("complete", u64::from(counts.seeders), out);
            integer_entry("downloaded", u64::from(counts.completed), out);
            integer_entry("downloaders", u64::from(downloaders), out);
            integer_entry("incomplete", u64::from(counts.leechers), out);
            out.push(b'e');
        }
        out.push(b'e');
        string(b"flags", out);
        out.push(b'd');
        integer_entry("min_request_interval", u64::from(self.engine.config().interval_seconds / 2), out);
        out.extend_from_slice(b"ee");
    }
}

/// What of the headers decides how a request is answered.
#[derive(Default)]
struct Head<'h> {
    connection: &'h [u8],
    key: Option<&'h [u8]>,
    version: &'h [u8],
    is_upgrade: bool,
    has_body: bool,
}

impl<'h> Head<'h> {
    fn of(headers: &[httparse::Header<'h>]) -> Self {
        let mut head = Self::default();
        for header in headers {
            // The length tells most headers apart before their names are compared.
            match header.name.len() {
                7 if header.name.eq_ignore_ascii_case("upgrade") => {
                    head.is_upgrade = header.value.eq_ignore_ascii_case(b"websocket");
                }
                10 if header.name.eq_ignore_ascii_case("connection") => head.connection = header.value,
                14 if header.name.eq_ignore_ascii_case("content-length") => {
                    head.has_body |= header.value != b"0";
                }
                17 if header.name.eq_ignore_ascii_case("transfer-encoding") => head.has_body = true,
                17 if header.name.eq_ignore_ascii_case("sec-websocket-key") => head.key = Some(header.value),
                21 if header.name.eq_ignore_ascii_case("sec-websocket-version") => {
                    head.version = header.value;
                }
                _ => {}
            }
        }
        head
    }
}

/// Begins WebSocket (RFC 6455, section 4.2).
fn upgrade(head: &Head<'_>, length: usize, ip: IpAddr, passkey: Option<Passkey>, out: &mut Vec<u8>) -> Step {
    let is_asked_for = head
        .connection
        .split(|byte| *byte == b',')
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    let (true, b"13", Some(key)) = (is_asked_for, head.version, head.key.filter(|key| key.len() == 24))
    else {
        let hint = b"WebSocket version 13 with a key of 16 bytes is spoken here.\n";
        respond(400, "text/plain", hint, Keep::Close, out);
        return Step::Close;
    };
    out.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    );
    out.extend_from_slice(format!("Sec-WebSocket-Accept: {}\r\n\r\n", accept_key(key)).as_bytes());
    Step::Upgraded { length, ip, passkey }
}

/// The swarm's word for an event of the wire.
pub(crate) fn event(event: query::Event) -> Event {
    match event {
        query::Event::None => Event::None,
        query::Event::Started => Event::Started,
        query::Event::Stopped => Event::Stopped,
        query::Event::Completed => Event::Completed,
        query::Event::Paused => Event::Paused,
    }
}

/// The passkey of a path such as `/0123…/announce`: 32 hex digits between slashes, or of a query, after `passkey=`.
pub(crate) fn passkey_of(path: &[u8]) -> Option<Passkey> {
    let part = path
        .split(|byte| matches!(byte, b'/' | b'?' | b'&'))
        .map(|part| part.strip_prefix(b"passkey=").unwrap_or(part))
        .find(|part| part.len() == 32)?;
    let mut passkey = [0; 16];
    for (byte, digits) in passkey.iter_mut().zip(part.as_chunks::<2>().0) {
        let digit = |digit: u8| (digit as char).to_digit(16);
        *byte = (digit(digits[0])? << 4 | digit(digits[1])?) as u8;
    }
    Some(passkey)
}

/// Writes an announce reply; its keys are sorted.
fn write_reply(
    counts: Counts,
    interval_seconds: u32,
    ip: IpAddr,
    is_compact: bool,
    v4: &[u8],
    v6: &[u8],
    out: &mut Vec<u8>,
) {
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
        for peer in v4.as_chunks::<6>().0 {
            write_peer(IpAddr::from([peer[0], peer[1], peer[2], peer[3]]), [peer[4], peer[5]], out);
        }
        for peer in v6.as_chunks::<18>().0 {
            let mut octets = [0; 16];
            octets.copy_from_slice(&peer[..16]);
            write_peer(IpAddr::from(octets), [peer[16], peer[17]], out);
        }
        out.push(b'e');
    }
    out.push(b'e');
}

/// Writes a peer of the long form. Peer ids are not kept: BEP 23 clients never see them, and others do without.
fn write_peer(ip: IpAddr, port: [u8; 2], out: &mut Vec<u8>) {
    out.push(b'd');
    string_entry("ip", ip.to_string().as_bytes(), out);
    integer_entry("port", u64::from(u16::from_be_bytes(port)), out);
    out.push(b'e');
}

/// When a failed request may come again (BEP 31).
#[derive(Clone, Copy)]
enum Retry {
    /// It would fail again.
    Never,
    /// After so many minutes.
    Minutes(u32),
}

/// Writes a failure, with an interval and `retry in` (BEP 31): clients heed different ones. An interval of 0 is left out.
fn failure(sentence: &str, retry: Retry, interval_seconds: u32, out: &mut Vec<u8>) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passkey_stands_between_slashes() {
        assert_eq!(
            passkey_of(b"/000102030405060708090a0b0c0d0e0f/announce"),
            Some(std::array::from_fn(|byte| byte as u8))
        );
        assert_eq!(
            passkey_of(b"/000102030405060708090a0b0c0d0e0f"),
            Some(std::array::from_fn(|byte| byte as u8))
        );
        assert_eq!(
            passkey_of(b"/announce?a=b&passkey=000102030405060708090a0b0c0d0e0f&c"),
            Some(std::array::from_fn(|byte| byte as u8))
        );
        for path in [&b"/announce"[..], b"/zz0102030405060708090a0b0c0d0e0f/announce", b"/00/announce", b""] {
            assert_eq!(passkey_of(path), None);
        }
    }
}
