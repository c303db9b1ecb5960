//! Announce and scrape over HTTP/1.1 (BEP 3, 7, 21, 23, 24, 31, 48): one request head in, one answer out; no socket.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use largesse_swarm::{Announce, Event};
use largesse_wire::query::{self, MOST_KEYS, Query};
use largesse_wire::websocket::accept_key;

use crate::counters::count;
use crate::engine::{Engine, Request};
use crate::http_limits::{Limits, Meter};
use crate::http_peers::{Client, Known, forget_peer};
use crate::http_places::Open;
use crate::http_reply::{Keep, Retry, Told, failure, respond, write_reply};
use crate::http_scrape::{BAD_KEY, FullScrape, scrape, too_many};
use crate::passkey::{Passkey, passkey_of};
use crate::proxy::Proxies;
use crate::tls::Tls;
use crate::ws_swarms::Hub;

/// What is answered where a trusted proxy does not say for whom it asks.
const NAMELESS: &[u8] =
    b"The proxy in front of this tracker does not say who asks; see tracker.proxy_header.\n";
/// Most headers of a request.
const MOST_HEADERS: usize = 48;
/// Hashes of a scrape that cost a sender as much as one request.
pub(crate) const KEYS_OF_ONE_REQUEST: usize = 10;
/// What a full scrape costs a sender.
const FULL_SCRAPE_COST: u32 = 500;

/// What all connections share; it lives on the HTTP thread.
pub(crate) struct Http {
    pub(crate) engine: Arc<Engine>,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<Tls>,
    pub(crate) open: RefCell<Open>,
    pub(crate) meter: RefCell<Meter>,
    pub(crate) hub: RefCell<Hub>,
    pub(crate) proxies: Proxies,
    known: RefCell<Known>,
    full_scrape: RefCell<FullScrape>,
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

impl Http {
    pub(crate) fn new(engine: Arc<Engine>, proxies: Proxies, limits: Limits, tls: Option<Tls>) -> Self {
        Self {
            hub: RefCell::new(Hub::new(Arc::clone(&engine), &limits)),
            meter: RefCell::new(Meter::new(limits.requests_per_second)),
            engine,
            limits,
            tls,
            open: RefCell::default(),
            proxies,
            known: RefCell::new(Known::new()),
            full_scrape: RefCell::default(),
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
            Some(1) if !head.connection.closes => Keep::Usual,
            Some(0) if head.connection.keeps && !head.connection.closes => Keep::Told,
            _ => Keep::Close,
        };
        let is_kept = keep != Keep::Close;
        let Some(ip) = self.proxies.client_ip(address, request.headers) else {
            respond(400, "text/plain", NAMELESS, Keep::Close, out);
            return Step::Close;
        };
        let target = request.path.unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        let passkey = passkey_of(target.as_bytes());
        if head.is_upgrade && (name == "announce" || name.is_empty()) {
            return upgrade(&head, length, ip, passkey, out);
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
        let is_full_scrape = !is_announce && query.keys.is_empty() && !query.has_bad_key;
        let cost = match (is_full_scrape, self.limits.allows_full_scrape) {
            (true, true) => FULL_SCRAPE_COST,
            _ => 1 + (query.keys.len() / KEYS_OF_ONE_REQUEST) as u32,
        };
        if !self.meter.borrow_mut().take(ip, cost, self.engine.seconds()) {
            count(&self.engine.counters.over_limit);
            let interval = self.engine.config().interval_seconds;
            failure("Too many requests from this address", Retry::Minutes(1), interval, &mut scratch.body);
        } else if is_announce {
            self.announce(&query, passkey, ip, scratch);
        } else {
            self.scrape(query, is_full_scrape, &mut scratch.body);
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
        let known = &mut *self.known.borrow_mut();
        let outcome = self.engine.admit(&request).and_then(|account| {
            // Before it is answered: the reply counts the client once, and does not tell it of itself.
            self.forget_left(&request, query, known);
            self.engine.announce_admitted(&request, account, v4, v6)
        });
        match outcome {
            Ok(reply) => {
                count(&counters.http_announces);
                if request.announce.event != Event::Stopped {
                    known.name(key, request.announce.address, peer_id);
                }
                let told = Told {
                    counts: reply.counts,
                    interval_seconds: reply.interval_seconds,
                    ip,
                    is_compact: query.is_compact,
                    v4,
                    v6,
                    tracker_id: query.tracker_id.as_deref(),
                };
                let name_of = |peer| known.name_of(key, peer).filter(|_| !query.without_peer_id);
                write_reply(&told, name_of, out);
            }
            Err(refusal) => {
                count(&counters.http_failures);
                let retry = refusal.retry_minutes().map_or(Retry::Never, Retry::Minutes);
                failure(refusal.sentence(), retry, self.engine.config().interval_seconds, out);
            }
        }
    }

    /// Takes a client that proves itself with its key out of the swarm where it is no more.
    fn forget_left(&self, request: &Request, query: &Query, known: &mut Known) {
        let Announce { key, address, event, .. } = request.announce;
        let is_stopping = event == Event::Stopped;
        let Some(proof) = &query.client_key else { return };
        let client = Client { key: &key, peer_id: &request.peer_id, proof, address, is_stopping };
        let interval_seconds = self.engine.config().interval_seconds;
        for former in known.left(client, self.engine.seconds(), interval_seconds) {
            forget_peer(&self.engine, key, former);
            count(&self.engine.counters.http_peers_moved);
        }
    }

    fn scrape(&self, query: Query, is_full: bool, out: &mut Vec<u8>) {
        if query.has_bad_key || query.key_count > MOST_KEYS {
            count(&self.engine.counters.http_failures);
            let sentence = if query.has_bad_key { BAD_KEY.into() } else { too_many() };
            return failure(&sentence, Retry::Never, 0, out);
        }
        if !query.keys.is_empty() {
            count(&self.engine.counters.http_scrapes);
            return scrape(&self.engine, query.keys, out);
        }
        let body = if is_full && self.limits.allows_full_scrape {
            self.full_scrape.borrow_mut().body(&self.engine)
        } else {
            None
        };
        if let Some(body) = body {
            count(&self.engine.counters.http_scrapes);
            return out.extend_from_slice(&body);
        }
        count(&self.engine.counters.http_failures);
        failure("Name the torrents: a full scrape is not answered here", Retry::Never, 0, out);
    }
}

/// What of the headers decides how a request is answered.
#[derive(Default)]
struct Head<'h> {
    connection: Connection,
    key: Option<&'h [u8]>,
    version: &'h [u8],
    is_upgrade: bool,
    has_body: bool,
}

/// What the `Connection` headers list, as many as there are (RFC 9110, section 7.6.1).
#[derive(Default)]
struct Connection {
    closes: bool,
    keeps: bool,
    upgrades: bool,
}

impl Connection {
    fn read(&mut self, list: &[u8]) {
        for option in list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.closes |= option.eq_ignore_ascii_case(b"close");
            self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrades |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }
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
                10 if header.name.eq_ignore_ascii_case("connection") => head.connection.read(header.value),
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
    let (true, b"13", Some(key)) =
        (head.connection.upgrades, head.version, head.key.filter(|key| key.len() == 24))
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
