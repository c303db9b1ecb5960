//! The UDP side: a worker takes a batch of packets, answers them, and sends the answers.
//!
//! A sender that has not proven its address gets silence, or for a connect a reply as long as its request.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use largesse_swarm::{Announce, Counts, Event, Key, KeyHash, Outcome, Shard, Tick};
use largesse_wire::udp;
use socket2::Socket;

use crate::counters::{Counters, count_many};
use crate::engine::{Engine, Request};
use crate::health::Pulse;
use crate::http::KEYS_OF_ONE_REQUEST;
use crate::http_limits::Meter;
use crate::netmsg::{BATCH, Inbox, Outbox, wait};
use crate::passkey::passkey_of;

/// How long a worker waits for packets before it looks after its shard.
pub(crate) const PATIENCE: Duration = Duration::from_millis(100);
/// A segment is swept this often, whether packets come or not: all 4096 have their turn in 41 seconds.
const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// Most segments that a sweep may be behind after a wait or a busy time.
const MOST_SEGMENTS: u32 = 12;
/// After so long a sweep lets packets in and goes on behind them, so that it is never a pause.
const MOST_SWEEP: Duration = Duration::from_millis(1);
/// After so long without a look after its shard a worker is taken to be stuck.
const HEALTHY_SECONDS: u64 = 5;
/// Peers that fit into one packet of 1280 bytes, which every path of the internet carries whole (RFC 8200).
const MOST_V4: usize = 200;
const MOST_V6: usize = 66;

/// One worker: its sockets, one for each listen address, and the shard that it sweeps.
pub(crate) struct Worker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) shard: usize,
    pub(crate) stop: Arc<AtomicBool>,
    /// What one address may ask of this worker in a second; 0: anything.
    pub(crate) requests_per_second: u32,
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
    over_limit: u64,
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
        count_many(&counters.over_limit, self.over_limit);
    }
}

impl Worker {
    /// Works until it is told to stop.
    pub(crate) fn run(&self) {
        let (mut inbox, mut outbox) = (Inbox::new(), Outbox::new());
        let mut meter = Meter::new(self.requests_per_second);
        let mut swept = Instant::now();
        let mut is_behind = false;
        let pulse = self.engine.health.part(&format!("udp-{}", self.shard), HEALTHY_SECONDS);
        while !self.stop.load(Ordering::Relaxed) {
            if let [socket] = &self.sockets[..] {
                let received = if is_behind { inbox.receive(socket) } else { inbox.receive_waiting(socket) };
                self.answer(received, socket, &mut inbox, &mut outbox, &mut meter);
            } else {
                wait(&self.sockets, if is_behind { Duration::ZERO } else { PATIENCE }, |socket| {
                    let received = inbox.receive(socket);
                    self.answer(received, socket, &mut inbox, &mut outbox, &mut meter);
                });
            }
            is_behind = self.sweep(&mut swept, &pulse);
        }
    }

    /// Sweeps as many segments as are due since `swept`, but not for long; returns whether some are left.
    fn sweep(&self, swept: &mut Instant, pulse: &Pulse) -> bool {
        let began = Instant::now();
        let due = began.duration_since(*swept).as_millis() / SWEEP_EVERY.as_millis();
        let mut left = u32::try_from(due).map_or(MOST_SEGMENTS, |due| due.min(MOST_SEGMENTS));
        if left == 0 {
            return false;
        }
        self.engine.panic_if_asked();
        let mut shard = self.engine.shard(self.shard);
        pulse.beat();
        loop {
            shard.sweep(self.engine.tick(), 1);
            left -= 1;
            if left == 0 || began.elapsed() > MOST_SWEEP {
                *swept = began.checked_sub(SWEEP_EVERY * left).unwrap_or(began);
                return left > 0;
            }
        }
    }

    fn answer(
        &self,
        received: usize,
        socket: &Socket,
        inbox: &mut Inbox,
        outbox: &mut Outbox,
        meter: &mut Meter,
    ) {
        if received == 0 {
            return;
        }
        let mut turn = Turn::new(&self.engine, meter);
        turn.tally.packets = received as u64;
        let hashes = turn.touch(inbox, received, self.shard);
        for (index, hash) in hashes.into_iter().enumerate().take(received) {
            let Some(sender) = inbox.sender(index) else { continue };
            turn.answer(inbox.packet(index), sender, hash, || outbox.reply_to(index));
        }
        turn.end();
        count_many(&self.engine.counters.udp_unsent, outbox.send(socket, inbox) as u64);
    }
}

/// A worker's turn: the answers to one batch, at one moment, with as few locks taken as can be.
struct Turn<'e> {
    engine: &'e Engine,
    seconds: u64,
    tick: Tick,
    /// The shard that is locked, with its number; never two, so that workers cannot wait for each other.
    locked: Option<(usize, MutexGuard<'e, Shard>)>,
    meter: &'e mut Meter,
    tally: Tally,
}

impl<'e> Turn<'e> {
    fn new(engine: &'e Engine, meter: &'e mut Meter) -> Self {
        let seconds = engine.seconds();
        Self { engine, seconds, tick: Tick::at(seconds), locked: None, meter, tally: Tally::default() }
    }

    fn end(self) {
        drop(self.locked);
        self.tally.add_to(&self.engine.counters);
    }

    /// Hashes the keys of all announces, and reads what they will need, so that they wait for memory together instead of one
    /// after the other.
    fn touch(&mut self, inbox: &Inbox, received: usize, own: usize) -> [Option<KeyHash>; BATCH] {
        let mut hashes = [None; BATCH];
        for (index, hash) in hashes.iter_mut().enumerate().take(received) {
            *hash = udp::announced_key(inbox.packet(index)).map(|key| self.engine.hashing.key(key));
        }
        if received > 2 && hashes.iter().any(Option::is_some) {
            let shard = &*self.shard(own);
            let known = hashes[..received].iter().flatten();
            black_box(known.fold(0, |sum, hash| sum ^ shard.touch(*hash)));
            let known = hashes[..received]
                .iter()
                .enumerate()
                .filter_map(|(index, hash)| Some((udp::announced_key(inbox.packet(index))?, (*hash)?)));
            black_box(known.fold(0, |sum, (key, hash)| sum ^ shard.touch_peers(hash, key)));
        }
        hashes
    }

    fn answer<'o>(
        &mut self,
        packet: &[u8],
        sender: SocketAddr,
        hash: Option<KeyHash>,
        reply: impl FnOnce() -> &'o mut Vec<u8>,
    ) {
        let connections = &self.engine.connections;
        let is_good = |connection| connections.is_good(connection, sender.ip(), self.seconds);
        match (udp::parse(packet), hash) {
            (None, _) => self.tally.malformed += 1,
            (Some(udp::Request::Connect { transaction }), _) => {
                let id = connections.make(sender.ip(), self.seconds);
                udp::write_connect(transaction, id, reply());
                self.tally.connects += 1;
            }
            (Some(udp::Request::Announce(announce)), Some(hash)) if is_good(announce.connection) => {
                if self.may_ask(sender, 1) {
                    self.announce(&announce, hash, sender, reply());
                }
            }
            (Some(udp::Request::Scrape { connection, transaction, keys }), _) if is_good(connection) => {
                if self.may_ask(sender, 1 + (keys.len() / KEYS_OF_ONE_REQUEST) as u32) {
                    self.scrape(transaction, keys, reply());
                }
            }
            (Some(_), _) => self.tally.wrong_connection += 1,
        }
    }

    /// Whether an address has not used up its allowance. One that has gets silence: clients then ask less and less often (BEP 15).
    fn may_ask(&mut self, sender: SocketAddr, cost: u32) -> bool {
        let is_within = self.meter.take(sender.ip(), cost, self.seconds);
        self.tally.over_limit += u64::from(!is_within);
        is_within
    }

    fn announce(&mut self, packet: &udp::Announce<'_>, hash: KeyHash, sender: SocketAddr, out: &mut Vec<u8>) {
        let engine = self.engine;
        let request = request_of(engine, packet, sender);
        udp::write_announce(packet.transaction, 0, 0, 0, out);
        let mut other = Vec::new();
        let (v4, v6) = if sender.is_ipv4() { (&mut *out, &mut other) } else { (&mut other, &mut *out) };
        let outcome = engine.admit(&request).and_then(|account| {
            let tick = self.tick;
            let shard = self.shard(engine.shard_of(&packet.key));
            let outcome = shard.announce_at(hash, &request.announce, tick, v4, v6);
            if matches!(outcome, Outcome::SameAs(_)) {
                self.locked = None;
            }
            engine.finish(&request, account, outcome, v4, v6)
        });
        match outcome {
            Ok(reply) => {
                out[8..12].copy_from_slice(&reply.interval_seconds.to_be_bytes());
                out[12..16].copy_from_slice(&reply.counts.leechers.to_be_bytes());
                out[16..20].copy_from_slice(&reply.counts.seeders.to_be_bytes());
                self.tally.announces += 1;
            }
            Err(refusal) => {
                out.clear();
                udp::write_error(packet.transaction, refusal.sentence(), out);
                self.tally.errors += 1;
            }
        }
    }

    fn scrape(&mut self, transaction: u32, keys: &[Key], out: &mut Vec<u8>) {
        udp::write_scrape(transaction, out);
        for key in keys {
            let counts = match self.scrape_one(key) {
                Outcome::SameAs(canonical) => self.scrape_one(&canonical),
                outcome => outcome,
            };
            let counts = if let Outcome::Done(counts) = counts { counts } else { Counts::default() };
            udp::write_scraped(counts.seeders, counts.completed, counts.leechers, out);
        }
        self.tally.scrapes += 1;
    }

    fn scrape_one(&mut self, key: &Key) -> Outcome {
        let number = self.engine.shard_of(key);
        self.shard(number).scrape(*key)
    }

    fn shard(&mut self, number: usize) -> &mut Shard {
        if self.locked.as_ref().is_none_or(|(held, _)| *held != number) {
            // The other one is given back first.
            self.locked = None;
            self.locked = Some((number, self.engine.shard(number)));
        }
        &mut self.locked.as_mut().expect("locked above").1
    }
}

/// An announce as the engine takes it.
fn request_of(engine: &Engine, packet: &udp::Announce<'_>, sender: SocketAddr) -> Request {
    let wanted = engine.wanted(usize::try_from(packet.wanted).ok());
    Request {
        announce: Announce {
            key: packet.key,
            address: SocketAddr::new(sender.ip(), packet.port),
            event: match packet.event {
                1 => Event::Completed,
                2 => Event::Started,
                3 => Event::Stopped,
                4 => Event::Paused,
                _ => Event::None,
            },
            is_seeder: packet.left == 0,
            wanted: wanted.min(if sender.is_ipv4() { MOST_V4 } else { MOST_V6 }),
            both_families: false,
        },
        peer_id: packet.peer_id,
        uploaded: packet.uploaded,
        downloaded: packet.downloaded,
        passkey: if packet.options.is_empty() { None } else { passkey_of(&udp::url_data(packet.options)) },
    }
}
