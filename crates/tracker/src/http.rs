//! The HTTP side: announce and scrape over HTTP/1.1 with keep-alive and pipelining (BEP 3, 7, 21, 23, 24, 31, 48).
//!
//! One thread serves all connections. A connection has a deadline for its next request and a bounded buffer, so a slow or a large
//! one costs little and no one else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use largesse_swarm::{Announce, Counts, Event};
use largesse_wire::bencode::{integer_entry, string, string_entry};
use largesse_wire::query::{self, Query};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::counters::count;
use crate::engine::{Engine, Refusal, Request};
use crate::members::Passkey;

/// Largest request head.
const REQUEST_BYTES: usize = 8192;
/// Most answers that are gathered before they are written.
const ANSWER_BYTES: usize = 65_536;
/// How long a connection may take for a request, or stay silent between two.
const PATIENCE: Duration = Duration::from_secs(20);
/// Most connections in all.
const MOST_CONNECTIONS: usize = 20_000;
/// Most connections of one address that is not a trusted proxy.
const MOST_OF_ONE_ADDRESS: usize = 200;

/// What every connection needs.
pub(crate) struct Http {
    pub(crate) engine: Arc<Engine>,
    pub(crate) trusted_proxies: Vec<Network>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A network of trusted proxies: an address with the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/PREFIX`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    fn holds(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(one), IpAddr::V4(two)) => {
                (u32::from(one) ^ u32::from(two)).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(one), IpAddr::V6(two)) => {
                (u128::from(one) ^ u128::from(two)).leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

impl Http {
    pub(crate) fn new(engine: Arc<Engine>, trusted_proxies: Vec<Network>) -> Self {
        Self { engine, trusted_proxies, open: Mutex::default() }
    }

    /// Accepts connections for ever.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, address)) = listener.accept().await else {
                // Out of file descriptors, most likely: wait for connections to end.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let ip = address.ip().to_canonical();
            if !self.enter(ip).await {
                count(&self.engine.counters.http_connections_cut);
                continue;
            }
            count(&self.engine.counters.http_connections);
            let http = Arc::clone(&self);
            tokio::task::spawn_local(async move {
                http.connection(stream, SocketAddr::new(ip, address.port())).await;
                http.leave(ip).await;
            });
        }
    }

    async fn enter(&self, ip: IpAddr) -> bool {
        let mut open = self.open.lock().await;
        let total: usize = open.len();
        let own = open.entry(ip).or_insert(0);
        let is_proxy = self.trusted_proxies.iter().any(|network| network.holds(ip));
        if total >= MOST_CONNECTIONS || (*own >= MOST_OF_ONE_ADDRESS && !is_proxy) {
            return false;
        }
        *own += 1;
        true
    }

    async fn leave(&self, ip: IpAddr) {
        let mut open = self.open.lock().await;
        if let Some(own) = open.get_mut(&ip) {
            *own -= 1;
            if *own == 0 {
                open.remove(&ip);
            }
        }
    }

    async fn connection(&self, mut stream: TcpStream, address: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let mut buffer = Vec::with_capacity(1024);
        let mut out = Vec::with_capacity(1024);
        loop {
            match timeout(PATIENCE, stream.read_buf(&mut buffer)).await {
                Ok(Ok(length)) if length > 0 => {}
                Ok(_) => return,
                Err(_) => {
                    count(&self.engine.counters.http_connections_cut);
                    return;
                }
            }
            let mut is_open = true;
            let mut read = 0;
            while is_open && out.len() < ANSWER_BYTES {
                match self.request(&buffer[read..], address, &mut out) {
                    Step::More => break,
                    Step::Answered { length, is_kept } => {
                        read += length;
                        is_open = is_kept;
                    }
                    Step::Close => {
                        count(&self.engine.counters.http_connections_cut);
                        is_open = false;
                    }
                }
            }
            buffer.drain(..read);
            if buffer.len() > REQUEST_BYTES {
                respond(431, "text/plain", b"The request is too large.\n", false, &mut out);
                count(&self.engine.counters.http_connections_cut);
                is_open = false;
            }
            if !matches!(timeout(PATIENCE, stream.write_all(&out)).await, Ok(Ok(()))) || !is_open {
                let _ = stream.shutdown().await;
                return;
            }
            out.clear();
        }
    }

    /// Answers the first request of the buffer, when it is whole.
    fn request(&self, buffer: &[u8], address: SocketAddr, out: &mut Vec<u8>) -> Step {
        let mut headers = [httparse::EMPTY_HEADER; 48];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(buffer) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Step::More,
            Err(_) => {
                respond(400, "text/plain", b"This is not HTTP/1.1.\n", false, out);
                return Step::Close;
            }
        };
        let header = |name: &str| {
            request
                .headers
                .iter()
                .rev()
                .find(|header| header.name.eq_ignore_ascii_case(name))
                .map(|header| header.value)
        };
        if request.method != Some("GET")
            || header("transfer-encoding").is_some()
            || header("content-length").is_some_and(|v| v != b"0")
        {
            respond(405, "text/plain", b"Only GET is answered here.\n", false, out);
            return Step::Close;
        }
        let connection = header("connection").unwrap_or_default();
        let is_kept = if request.version == Some(1) {
            !connection.eq_ignore_ascii_case(b"close")
        } else {
            connection.eq_ignore_ascii_case(b"keep-alive")
        };
        let ip = self.client_ip(address.ip(), &request);
        let target = request.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (start, name) = path.rsplit_once('/').unwrap_or(("", path));
        match name {
            "announce" => {
                let mut body = Vec::with_capacity(512);
                self.announce(&query::parse(query.as_bytes()), passkey_of(start.as_bytes()), ip, &mut body);
                respond(200, "text/plain", &body, is_kept, out);
            }
            "scrape" => {
                let mut body = Vec::with_capacity(512);
                self.scrape(&query::parse(query.as_bytes()), &mut body);
                respond(200, "text/plain", &body, is_kept, out);
            }
            _ => respond(
                404,
                "text/plain",
                b"This is a BitTorrent tracker. Its addresses are /announce and /scrape.\n",
                is_kept,
                out,
            ),
        }
        Step::Answered { length, is_kept }
    }

    /// The client's address: behind trusted proxies, the rightmost hop that is not one of them.
    fn client_ip(&self, ip: IpAddr, request: &httparse::Request<'_, '_>) -> IpAddr {
        let is_trusted = |ip: IpAddr| self.trusted_proxies.iter().any(|network| network.holds(ip));
        if !is_trusted(ip) {
            return ip;
        }
        let forwarded =
            request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("x-forwarded-for"));
        let hops: Vec<&str> = forwarded
            .filter_map(|header| std::str::from_utf8(header.value).ok())
            .flat_map(|value| value.split(','))
            .collect();
        for hop in hops.iter().rev() {
            match hop.trim().parse::<IpAddr>() {
                Ok(hop) if is_trusted(hop.to_canonical()) => {}
                Ok(hop) => return hop.to_canonical(),
                Err(_) => return ip,
            }
        }
        ip
    }

    fn announce(&self, query: &Query, passkey: Option<Passkey>, ip: IpAddr, out: &mut Vec<u8>) {
        let counters = &self.engine.counters;
        let ([key], false) = (&query.keys[..], query.has_bad_key) else {
            count(&counters.http_failures);
            return failure("info_hash must be given once, as 20 bytes", None, 0, out);
        };
        let (Some(peer_id), Some(port)) = (query.peer_id, query.port.filter(|port| *port > 0)) else {
            count(&counters.http_failures);
            return failure("peer_id must be 20 bytes and port a number from 1 to 65535", None, 0, out);
        };
        let event = match query.event {
            query::Event::None => Event::None,
            query::Event::Started => Event::Started,
            query::Event::Stopped => Event::Stopped,
            query::Event::Completed => Event::Completed,
            query::Event::Paused => Event::Paused,
        };
        let request = Request {
            announce: Announce {
                key: *key,
                address: SocketAddr::new(ip, port),
                event,
                is_seeder: query.left == Some(0),
                wanted: self.engine.wanted(query.wanted),
                both_families: true,
            },
            peer_id,
            uploaded: query.uploaded,
            downloaded: query.downloaded,
            passkey,
        };
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        match self.engine.announce(&request, &mut v4, &mut v6) {
            Ok(reply) => {
                count(&counters.http_announces);
                write_reply(reply.counts, reply.interval_seconds, ip, query.is_compact, &v4, &v6, out);
            }
            Err(refusal) => {
                count(&counters.http_failures);
                let usual = self.engine.config().interval_seconds;
                failure(refusal.sentence(), Some(refusal), usual, out);
            }
        }
    }

    fn scrape(&self, query: &Query, out: &mut Vec<u8>) {
        if query.keys.is_empty() {
            count(&self.engine.counters.http_failures);
            return failure("Name the torrents: a full scrape is not answered here", None, 0, out);
        }
        count(&self.engine.counters.http_scrapes);
        let mut keys = query.keys.clone();
        keys.sort_unstable();
        keys.dedup();
        out.push(b'd');
        string(b"files", out);
        out.push(b'd');
        for key in keys {
            let Some(counts) = self.engine.scrape(key) else { continue };
            string(&key, out);
            out.push(b'd');
            integer_entry("complete", u64::from(counts.seeders), out);
            integer_entry("downloaded", u64::from(counts.completed), out);
            integer_entry(
                "downloaders",
                u64::from(counts.leechers - counts.partial_seeds.min(counts.leechers)),
                out,
            );
            integer_entry("incomplete", u64::from(counts.leechers), out);
            out.push(b'e');
        }
        out.extend_from_slice(b"ee");
    }
}

/// How a request ended.
enum Step {
    /// It is not whole yet.
    More,
    /// It had this length, and whether the connection stays open.
    Answered {
        /// Bytes of the request.
        length: usize,
        /// Whether another request may follow.
        is_kept: bool,
    },
    /// It cannot be answered, and neither can what follows it.
    Close,
}

/// The passkey of a path such as `/0123…/announce`: 32 hex digits between slashes.
pub(crate) fn passkey_of(path: &[u8]) -> Option<Passkey> {
    let part = path.split(|byte| *byte == b'/' || *byte == b'?').find(|part| part.len() == 32)?;
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

/// Writes a failure, with an interval and `retry in` (BEP 31): clients heed different ones.
fn failure(sentence: &str, refusal: Option<Refusal>, interval_seconds: u32, out: &mut Vec<u8>) {
    out.push(b'd');
    string_entry("failure reason", sentence.as_bytes(), out);
    if let Some(refusal) = refusal {
        integer_entry("interval", u64::from(interval_seconds), out);
        match refusal.retry_minutes() {
            Some(minutes) => integer_entry("retry in", u64::from(minutes), out),
            None => string_entry("retry in", b"never", out),
        }
    }
    out.push(b'e');
}

/// Writes an HTTP answer.
pub(crate) fn respond(status: u16, kind: &str, body: &[u8], is_kept: bool, out: &mut Vec<u8>) {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    };
    let connection = if is_kept { "" } else { "Connection: close\r\n" };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{connection}\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(body);
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
        for path in [&b"/announce"[..], b"/zz0102030405060708090a0b0c0d0e0f/announce", b"/00/announce", b""] {
            assert_eq!(passkey_of(path), None);
        }
    }

    #[test]
    fn a_network_holds_its_addresses() {
        let holds = |network: &str, ip: &str| {
            Network::parse(network).expect("a network").holds(ip.parse().expect("an address"))
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(
            holds("::1", "::1")
                && !holds("::1", "::2")
                && holds("0.0.0.0/0", "1.2.3.4")
                && !holds("0.0.0.0/0", "::1")
        );
        for text in ["10.0.0.0/33", "x", "10.0.0.0/", "::/129"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
