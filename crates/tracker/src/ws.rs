//! `WebTorrent` over WebSocket: one connection, from its upgrade to its end.
//!
//! A connection reads a message, answers it, and writes what waits for it, its own answers and what others sent. While its client
//! does not read, it is not read either; what others send it meanwhile is bounded by [`crate::ws_swarms`].

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use largesse_swarm::Announce;
use largesse_wire::query::{Event, MOST_KEYS};
use largesse_wire::websocket::{Frame, FrameError, Opcode, read_frame, write_frame};
use largesse_wire::webtorrent::{
    self, Message, SwarmCounts, write_announce_reply, write_failure, write_scrape_reply,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

use crate::counters::count;
use crate::engine::{Refusal, Request};
use crate::http::{Http, event};
use crate::http_connection::write;
use crate::http_limits::Bucket;
use crate::http_scrape::too_many;
use crate::passkey::Passkey;
use crate::ws_memory::Unfinished;
use crate::ws_swarms::{Hindrance, Session, Standing};

/// Longest interval for browsers: a WebRTC peer is only found by those that announce offers again.
const LONGEST_INTERVAL_SECONDS: u32 = 120;
/// Room that a read finds.
const READ_BYTES: usize = 4096;
/// Room that a buffer keeps once it is empty.
const MOST_SPARE_BYTES: usize = 4 * READ_BYTES;
/// Bytes of a frame's head at most.
const HEAD_BYTES: usize = 14;

/// Why a connection ends, as a close frame tells it (RFC 6455, section 7.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The client closed.
    Closed = 1000,
    /// The client broke the protocol.
    Protocol = 1002,
    /// A message was not text.
    NotText = 1007,
    /// A message was too long.
    TooLong = 1009,
}

/// One connection's own state.
struct Talk<'t> {
    http: &'t Http,
    session: Session,
    passkey: Option<Passkey>,
    /// The message so far, when it comes in several frames.
    partial: Option<Vec<u8>>,
    /// How many messages were whole.
    whole: u64,
    out: Vec<u8>,
}

impl Drop for Talk<'_> {
    fn drop(&mut self) {
        self.http.hub.borrow_mut().end(&mut self.session);
    }
}

/// Speaks with one client until it ends.
pub(crate) async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    http: &Http,
    stream: &mut S,
    mut buffer: Vec<u8>,
    ip: IpAddr,
    passkey: Option<Passkey>,
) {
    let counters = &http.engine.counters;
    count(&counters.ws_connections);
    let session = http.hub.borrow_mut().begin(ip);
    let outgoing = Rc::clone(&session.out);
    let mut talk = Talk { http, session, passkey, partial: None, whole: 0, out: Vec::new() };
    let started = Instant::now();
    let mut bucket = Bucket::new(http.limits.messages_per_second, started.elapsed());
    let mut heard = started;
    let mut is_asked = false;
    let mut unfinished = Unfinished::default();
    let mut waiting = Vec::new();
    let mut admissions = http.engine.admissions.subscribe();
    loop {
        if admissions.has_changed().unwrap_or(false) {
            admissions.mark_unchanged();
            talk.turn_out();
        }
        let (pause, ending) = talk.read_all(&mut buffer, &mut bucket, started);
        if let Some(ending) = ending {
            let code = (ending as u16).to_be_bytes();
            http.hub.borrow().reply(&talk.session, Opcode::Close, &code);
            if ending != Ending::Closed {
                count(&counters.ws_connections_cut);
            }
        }
        std::mem::swap(&mut waiting, &mut outgoing.queue.borrow_mut());
        let own = talk.held() + buffer.capacity();
        if !outgoing.share.hold(own + waiting.capacity()) {
            return count(&counters.ws_connections_cut);
        }
        let is_part_there = !buffer.is_empty() || talk.partial.is_some();
        let due = unfinished.note(is_part_there, talk.whole, http.limits.request_time);
        if (!waiting.is_empty() && !write(http, stream, &mut waiting).await) || outgoing.is_cut.get() {
            return count(&counters.ws_connections_cut);
        }
        if ending.is_some() {
            return;
        }
        if waiting.capacity() > MOST_SPARE_BYTES {
            waiting = Vec::new();
        }
        // What was written is held no more.
        if !outgoing.share.hold(own + waiting.capacity() + outgoing.queue.borrow().capacity()) {
            return count(&counters.ws_connections_cut);
        }
        if !outgoing.queue.borrow().is_empty() {
            continue;
        }
        if buffer.capacity() - buffer.len() < READ_BYTES {
            buffer.reserve(READ_BYTES);
        }
        let silence = heard + http.limits.ping_time * if is_asked { 2 } else { 1 };
        tokio::select! {
            outcome = stream.read_buf(&mut buffer), if pause.is_none() => {
                if !matches!(outcome, Ok(1..)) {
                    return;
                }
                heard = Instant::now();
                is_asked = false;
            }
            () = outgoing.wake.notified() => {}
            Ok(()) = admissions.changed() => talk.turn_out(),
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = sleep_until(due.unwrap_or(silence)), if pause.is_none() && due.is_some() => {
                count(&counters.http_slow);
                return count(&counters.ws_connections_cut);
            }
            () = sleep_until(silence), if pause.is_none() => {
                if is_asked {
                    return count(&counters.ws_connections_cut);
                }
                is_asked = true;
                write_frame(Opcode::Ping, b"", &mut outgoing.queue.borrow_mut());
            }
        }
    }
}

/// Hears what one client sends after its upgrade, all of it at once; the answers must be whole frames.
#[cfg(fuzzing)]
pub(crate) fn hear(http: &Http, mut buffer: Vec<u8>, ip: IpAddr, passkey: Option<Passkey>) {
    let session = http.hub.borrow_mut().begin(ip);
    let outgoing = Rc::clone(&session.out);
    let mut talk = Talk { http, session, passkey, partial: None, whole: 0, out: Vec::new() };
    let started = Instant::now();
    let before = buffer.len();
    talk.read_all(&mut buffer, &mut Bucket::new(0, started.elapsed()), started);
    assert!(buffer.len() <= before);
    let queue = outgoing.queue.borrow();
    assert!(queue.len() <= http.limits.waiting_bytes * 4 + HEAD_BYTES, "what waits is bounded");
    let mut rest = &queue[..];
    while let [first, second, after @ ..] = rest {
        let (length, after) = match second {
            126 => (usize::from(u16::from_be_bytes([after[0], after[1]])), &after[2..]),
            short => (usize::from(*short), after),
        };
        assert!(first & 0x80 != 0 && *second < 127, "one frame a message");
        if first & 0x0f == 1 {
            assert!(std::str::from_utf8(&after[..length]).is_ok(), "messages are text");
        }
        rest = &after[length..];
    }
}

impl Talk<'_> {
    /// Bytes of its buffers.
    fn held(&self) -> usize {
        self.out.capacity() + self.partial.as_ref().map_or(0, Vec::capacity)
    }

    /// Takes the peers out of their swarms that are admitted no more, or whose torrent is not, and tells them why.
    fn turn_out(&mut self) {
        let engine = &self.http.engine;
        let hub = &mut *self.http.hub.borrow_mut();
        let refusal = |(key, peer_id)| {
            let admitted = engine.admit_peer(&peer_id, self.passkey.as_ref());
            let refusal = admitted.map(|_| ()).and_then(|()| hub.lead(key).map(|_| ())).err()?;
            Some((key, refusal))
        };
        let refused: Vec<([u8; 20], Refusal)> = self.session.peers().filter_map(refusal).collect();
        for (key, refusal) in refused {
            hub.leave(&mut self.session, key);
            self.out.clear();
            write_failure("announce", Some(&key), refusal.sentence(), refusal.retry_minutes(), &mut self.out);
            hub.reply(&self.session, Opcode::Text, &self.out);
        }
    }

    /// Answers every whole frame of the buffer. Returns how long to wait where there were too many, and why it ends.
    fn read_all(
        &mut self,
        buffer: &mut Vec<u8>,
        bucket: &mut Bucket,
        started: Instant,
    ) -> (Option<std::time::Duration>, Option<Ending>) {
        let most_bytes = self.http.limits.message_bytes;
        let mut read = 0;
        let mut outcome = (None, None);
        while buffer.len() - read >= 2 {
            if let Err(wait) = bucket.take(started.elapsed()) {
                count(&self.http.engine.counters.ws_throttled);
                outcome.0 = Some(wait);
                break;
            }
            let frame = match read_frame(&mut buffer[read..], most_bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    bucket.give_back();
                    break;
                }
                Err(FrameError::TooLong) => {
                    outcome.1 = Some(Ending::TooLong);
                    break;
                }
                Err(FrameError::Protocol) => {
                    outcome.1 = Some(Ending::Protocol);
                    break;
                }
            };
            let payload = &buffer[read + frame.payload_at..read + frame.length];
            outcome.1 = self.frame(frame, payload);
            read += frame.length;
            if outcome.1.is_some() {
                break;
            }
        }
        buffer.drain(..read);
        if buffer.is_empty() && buffer.capacity() > most_bytes.min(MOST_SPARE_BYTES) {
            // A long message has passed; its room goes back.
            *buffer = Vec::new();
        }
        outcome
    }

    fn frame(&mut self, frame: Frame, payload: &[u8]) -> Option<Ending> {
        match (frame.opcode, self.partial.take()) {
            (Opcode::Close, _) => return Some(Ending::Closed),
            (Opcode::Ping, partial) => {
                self.partial = partial;
                self.http.hub.borrow().reply(&self.session, Opcode::Pong, payload);
            }
            (Opcode::Pong, partial) => self.partial = partial,
            (Opcode::Text | Opcode::Binary, None) if frame.is_final => return self.message(payload),
            (Opcode::Text | Opcode::Binary, None) => self.partial = Some(payload.to_vec()),
            (Opcode::Continuation, Some(mut partial)) => {
                if partial.len() + payload.len() > self.http.limits.message_bytes - HEAD_BYTES {
                    return Some(Ending::TooLong);
                }
                partial.extend_from_slice(payload);
                if frame.is_final {
                    return self.message(&partial);
                }
                self.partial = Some(partial);
            }
            (Opcode::Text | Opcode::Binary, Some(_)) | (Opcode::Continuation, None) => {
                return Some(Ending::Protocol);
            }
        }
        None
    }

    fn message(&mut self, payload: &[u8]) -> Option<Ending> {
        self.whole += 1;
        let Ok(text) = std::str::from_utf8(payload) else { return Some(Ending::NotText) };
        let engine = &self.http.engine;
        self.out.clear();
        let message = webtorrent::parse(text, self.http.limits.offers, MOST_KEYS + 1);
        let cost = match &message {
            Ok(Message::Scrape(keys)) => 1 + (keys.len() / 10) as u32,
            _ => 1,
        };
        let is_within = self.http.meter.borrow_mut().take(self.session.ip, cost, engine.seconds());
        match message {
            Ok(message) if !is_within => {
                count(&engine.counters.over_limit);
                let (action, key) = match &message {
                    Message::Announce(announce) => ("announce", Some(&announce.key)),
                    Message::Scrape(_) => ("scrape", None),
                };
                write_failure(action, key, "Too many requests from this address", Some(1), &mut self.out);
            }
            Ok(Message::Announce(announce)) => self.announce(&announce),
            Ok(Message::Scrape(keys)) => self.scrape(&keys),
            Err(malformed) => {
                count(&engine.counters.ws_failures);
                write_failure("announce", None, malformed.sentence(), None, &mut self.out);
            }
        }
        if !self.out.is_empty() {
            self.http.hub.borrow().reply(&self.session, Opcode::Text, &self.out);
        }
        None
    }

    fn announce(&mut self, announce: &webtorrent::Announce<'_>) {
        let engine = &self.http.engine;
        let hub = &mut *self.http.hub.borrow_mut();
        if let Some(answer) = &announce.answer {
            // An answer is passed on, and is no announce: it has no reply, as clients expect.
            if !hub.answer(&self.session, announce.key, answer) {
                count(&engine.counters.ws_failures);
            }
            return;
        }
        let is_seeder = announce.left == Some(0);
        let request = Request {
            announce: Announce {
                key: announce.key,
                address: SocketAddr::new(self.session.ip, 0),
                event: event(announce.event),
                is_seeder,
                wanted: 0,
                both_families: false,
            },
            peer_id: announce.peer_id,
            uploaded: announce.uploaded,
            downloaded: announce.downloaded,
            passkey: self.passkey,
        };
        let joined = engine.admit(&request).map_err(Hindrance::Refused).and_then(|account| {
            let standing = Standing {
                key: announce.key,
                peer_id: announce.peer_id,
                is_seeder,
                is_partial: announce.event == Event::Paused && !is_seeder,
                is_completed: announce.event == Event::Completed,
            };
            let (home, counts) = if announce.event == Event::Stopped {
                let left = hub.leave(&mut self.session, announce.key);
                (hub.home(announce.key)?, left.unwrap_or_default())
            } else {
                hub.join(&mut self.session, &standing)?
            };
            if let Some(account) = account {
                engine.report(&request, account, home);
            }
            Ok(counts)
        });
        let counts = match joined {
            Ok(counts) => counts,
            Err(hindrance) => {
                count(&engine.counters.ws_failures);
                let (sentence, retry) = told(hindrance);
                return write_failure("announce", Some(&announce.key), sentence, retry, &mut self.out);
            }
        };
        count(&engine.counters.ws_announces);
        let counts = SwarmCounts {
            complete: counts.seeders,
            incomplete: counts.leechers,
            downloaded: counts.completed,
        };
        let interval_seconds = engine.config().interval_seconds.min(LONGEST_INTERVAL_SECONDS);
        write_announce_reply(&announce.key, interval_seconds, counts, &mut self.out);
        // A browser prepares as many offers as it wants peers; `numwant` only ever asks for fewer.
        let offers = announce.wanted.unwrap_or(usize::MAX).min(announce.offers.len());
        hub.offer(&self.session, announce.key, &announce.offers[..offers]);
    }

    fn scrape(&mut self, keys: &[[u8; 20]]) {
        let engine = &self.http.engine;
        if keys.is_empty() {
            count(&engine.counters.ws_failures);
            let sentence = "Name the torrents, 20 bytes each: a full scrape is not answered here";
            return write_failure("scrape", None, sentence, None, &mut self.out);
        }
        if keys.len() > MOST_KEYS {
            count(&engine.counters.ws_failures);
            return write_failure("scrape", None, &too_many(), None, &mut self.out);
        }
        count(&engine.counters.ws_scrapes);
        let files: Vec<([u8; 20], SwarmCounts)> = keys
            .iter()
            .filter_map(|key| {
                let counts = engine.scrape(*key)?;
                let (complete, incomplete) = (counts.seeders, counts.leechers);
                Some((*key, SwarmCounts { complete, incomplete, downloaded: counts.completed }))
            })
            .collect();
        write_scrape_reply(&files, LONGEST_INTERVAL_SECONDS, &mut self.out);
    }
}

/// What a peer that could not join is told, and in how many minutes it may try again.
fn told(hindrance: Hindrance) -> (&'static str, Option<u32>) {
    match hindrance {
        Hindrance::Refused(refusal) => (refusal.sentence(), refusal.retry_minutes()),
        Hindrance::TooManyTorrents => {
            ("This connection shares as many torrents as may be", Refusal::Full.retry_minutes())
        }
        Hindrance::PeerIdTaken => ("Another peer has this peer_id", None),
    }
}
