//! The UDP side: a worker takes a batch of packets, answers them, and sends the answers.
//!
//! A sender that has not proven its address gets silence, or for a connect a reply as long as its request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use largesse_swarm::{Announce, Event, Shard, Tick};
use largesse_wire::udp;
use socket2::Socket;

use crate::counters::{Counters, count_many};
use crate::engine::{Engine, Refusal, Request};
use crate::http::passkey_of;
use crate::netmsg::{BATCH, Inbox, Outbox, wait};

/// How long a worker waits for packets before it looks after its shard.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// A segment is swept this often, whether packets come or not: all 4096 have their turn in 41 seconds.
const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// Most segments swept at once after a wait or a busy time, so that a sweep is never a pause.
const MOST_SEGMENTS: usize = 12;
/// Peers that fit into one packet of 1280 bytes, which every path of the internet carries whole (RFC 8200).
const MOST_V4: usize = 200;
const MOST_V6: usize = 66;

/// One worker: its sockets, one for each listen address, and the shard that it sweeps.
pub(crate) struct Worker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) shard: usize,
    pub(crate) stop: Arc<AtomicBool>,
}

/// A shard that is locked, with its number; none between announces of different shards.
type Locked<'e> = Option<(usize, MutexGuard<'e, Shard>)>;

/// The tracker's time for a batch.
#[derive(Clone, Copy)]
struct Moment {
    seconds: u64,
    tick: Tick,
}

/// What became of the packets of a batch; added to the counters all workers share once, so that they do not fight for them.
#[derive(Default)]
struct Tally {
    packets: u64,
    connects: u64,
    announces: u64,
    scrapes: u64,
    errors: u64,
    malformed: u64,
    wrong_connection: u64,
}

impl Tally {
    fn add_to(&self, counters: &Counters) {
        count_many(&counters.udp_packets, self.packets);
        count_many(&counters.udp_connects, self.connects);
        count_many(&counters.udp_announces, self.announces);
        count_many(&counters.udp_scrapes, self.scrapes);
        count_many(&counters.udp_errors, self.errors);
        count_many(&counters.udp_malformed, self.malformed);
        count_many(&counters.udp_wrong_connection, self.wrong_connection);
    }
}

impl Worker {
    /// Works until it is told to stop.
    pub(crate) fn run(&self) {
        let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
        let mut swept = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            if let [socket] = &self.sockets[..] {
                let received = inbox.receive_waiting(socket);
                self.answer(received, socket, &mut inbox, &mut outbox);
            } else {
                wait(&self.sockets, PATIENCE, |socket| {
                    let received = inbox.receive(socket);
                    self.answer(received, socket, &mut inbox, &mut outbox);
                });
            }
            let due = swept.elapsed().as_nanos() / SWEEP_EVERY.as_nanos();
            if due > 0 {
                swept = Instant::now();
                self.engine.panic_if_asked();
                let segments = (due as usize).min(MOST_SEGMENTS);
                self.engine.shard(self.shard).sweep(self.engine.tick(), segments);
            }
        }
    }

    fn answer(&self, received: usize, socket: &Socket, inbox: &mut Inbox, outbox: &mut Outbox) {
        if received == 0 {
            return;
        }
        let mut tally = Tally { packets: received as u64, ..Tally::default() };
        let seconds = self.engine.seconds();
        let now = Moment { seconds, tick: Tick::at(seconds) };
        let mut locked: Locked<'_> = None;
        if received > 2 && self.engine.shards() == 1 {
            // Look-ups of a whole batch wait for memory together instead of one after the other.
            let shard = self.engine.shard(0);
            let touched = (0..received).filter_map(|index| inbox.packet(index).get(16..36)?.try_into().ok());
            std::hint::black_box(touched.fold(0_u8, |sum, key: [u8; 20]| sum ^ shard.touch(&key)));
            locked = Some((0, shard));
        }
        for index in 0..received.min(BATCH) {
            let Some(sender) = inbox.sender(index) else { continue };
            self.answer_one(inbox.packet(index), sender, now, &mut locked, &mut tally, || {
                outbox.reply_to(index)
            });
        }
        drop(locked);
        tally.add_to(&self.engine.counters);
        count_many(&self.engine.counters.udp_unsent, outbox.send(socket, inbox) as u64);
    }

    fn answer_one<'e, 'o>(
        &'e self,
        packet: &[u8],
        sender: SocketAddr,
        now: Moment,
        locked: &mut Locked<'e>,
        tally: &mut Tally,
        reply: impl FnOnce() -> &'o mut Vec<u8>,
    ) {
        let is_good = |connection| self.engine.connections.is_good(connection, sender.ip(), now.seconds);
        match udp::parse(packet) {
            None => tally.malformed += 1,
            Some(udp::Request::Connect { transaction }) => {
                let id = self.engine.connections.make(sender.ip(), now.seconds);
                udp::write_connect(transaction, id, reply());
                tally.connects += 1;
            }
            Some(udp::Request::Announce(announce)) if is_good(announce.connection) => {
                if self.announce(&announce, sender, now.tick, reply(), locked) {
                    tally.announces += 1;
                } else {
                    tally.errors += 1;
                }
            }
            Some(udp::Request::Scrape { connection, transaction, keys }) if is_good(connection) => {
                *locked = None;
                self.scrape(transaction, keys, reply());
                tally.scrapes += 1;
            }
            Some(_) => tally.wrong_connection += 1,
        }
    }

    /// Answers an announce; whether with peers rather than an error.
    fn announce<'e>(
        &'e self,
        packet: &udp::Announce<'_>,
        sender: SocketAddr,
        now: Tick,
        out: &mut Vec<u8>,
        locked: &mut Locked<'e>,
    ) -> bool {
        let engine = &self.engine;
        let wanted = engine.wanted(usize::try_from(packet.wanted).ok());
        let event = match packet.event {
            1 => Event::Completed,
            2 => Event::Started,
            3 => Event::Stopped,
            4 => Event::Paused,
            _ => Event::None,
        };
        let request = Request {
            announce: Announce {
                key: packet.key,
                address: SocketAddr::new(sender.ip(), packet.port),
                event,
                is_seeder: packet.left == 0,
                wanted: wanted.min(if sender.is_ipv4() { MOST_V4 } else { MOST_V6 }),
                both_families: false,
            },
            peer_id: packet.peer_id,
            uploaded: packet.uploaded,
            downloaded: packet.downloaded,
            passkey: if packet.options.is_empty() {
                None
            } else {
                passkey_of(&udp::url_data(packet.options))
            },
        };
        udp::write_announce(packet.transaction, 0, 0, 0, out);
        let mut other = Vec::new();
        let outcome = engine.admit(&request).and_then(|account| {
            let number = engine.shard_of(&packet.key);
            if locked.as_ref().is_none_or(|(held, _)| *held != number) {
                drop(locked.take());
                *locked = Some((number, engine.shard(number)));
            }
            let (v4, v6) = if sender.is_ipv4() { (&mut *out, &mut other) } else { (&mut other, &mut *out) };
            let Some((_, shard)) = locked.as_mut() else { return Err(Refusal::Full) };
            let outcome = shard.announce(&request.announce, now, v4, v6);
            if matches!(outcome, largesse_swarm::Outcome::SameAs(_)) {
                drop(locked.take());
            }
            engine.finish(&request, account, outcome, v4, v6)
        });
        match outcome {
            Ok(reply) => {
                out[8..12].copy_from_slice(&reply.interval_seconds.to_be_bytes());
                out[12..16].copy_from_slice(&reply.counts.leechers.to_be_bytes());
                out[16..20].copy_from_slice(&reply.counts.seeders.to_be_bytes());
                true
            }
            Err(refusal) => {
                out.clear();
                udp::write_error(packet.transaction, refusal.sentence(), out);
                false
            }
        }
    }

    fn scrape(&self, transaction: u32, keys: &[[u8; 20]], out: &mut Vec<u8>) {
        udp::write_scrape(transaction, out);
        for key in keys {
            let counts = self.engine.scrape(*key).unwrap_or_default();
            udp::write_scraped(counts.seeders, counts.completed, counts.leechers, out);
        }
    }
}
