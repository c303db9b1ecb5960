//! The UDP side: a worker takes a batch of packets, answers them, and sends the answers.
//!
//! A sender that has not proven its address gets silence, or for a connect a reply as long as its request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use largesse_swarm::{Announce, Event, Shard};
use largesse_wire::udp;
use socket2::Socket;

use crate::counters::{count, count_many};
use crate::engine::{Engine, Refusal, Request};
use crate::http::passkey_of;
use crate::netmsg::{BATCH, Batch, wait};

/// How long a worker waits for packets before it looks after its shard, in milliseconds.
const PATIENCE_MILLISECONDS: i32 = 100;
/// How many segments are swept for each look; all 4096 have their turn in about a minute at ten looks a second.
const SEGMENTS_A_LOOK: usize = 8;
/// Peers that fit into one packet of 1472 bytes.
const MOST_V4: usize = 240;
const MOST_V6: usize = 80;

/// One worker: its sockets, one for each listen address, and the shard that it sweeps.
pub(crate) struct Worker {
    pub(crate) engine: Arc<Engine>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) shard: usize,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Works until it is told to stop.
    pub(crate) fn run(&self) {
        let mut batch = Batch::new();
        let mut looked_at = 0;
        while !self.stop.load(Ordering::Relaxed) {
            let mut taken = 0;
            for socket in &self.sockets {
                // An error of one packet (a port unreachable, for example) is told here once and means nothing to us.
                let received = batch.receive(socket).unwrap_or(0);
                if received > 0 {
                    self.answer(&mut batch, received);
                    count_many(&self.engine.counters.udp_unsent, batch.send(socket) as u64);
                }
                taken += received;
            }
            let look = self.engine.seconds() * 10;
            if taken == 0 || look != looked_at {
                looked_at = look;
                let now = self.engine.tick();
                self.engine.shard(self.shard).sweep(now, SEGMENTS_A_LOOK);
            }
            if taken == 0 {
                wait(&self.sockets, PATIENCE_MILLISECONDS);
            }
        }
    }

    fn answer(&self, batch: &mut Batch, received: usize) {
        let counters = &self.engine.counters;
        count_many(&counters.udp_packets, received as u64);
        let seconds = self.engine.seconds();
        let mut locked: Option<(usize, MutexGuard<'_, Shard>)> = None;
        if received > 2 && self.engine.shards() == 1 {
            // Look-ups of a whole batch wait for memory together instead of one after the other.
            let shard = self.engine.shard(0);
            let touched = (0..received).filter_map(|index| batch.packet(index).get(16..36)?.try_into().ok());
            std::hint::black_box(touched.fold(0_u8, |sum, key: [u8; 20]| sum ^ shard.touch(&key)));
            locked = Some((0, shard));
        }
        for index in 0..received.min(BATCH) {
            let Some(sender) = batch.sender(index) else { continue };
            // The request is copied out, since the reply is written into the same batch.
            let mut packet = [0_u8; 2048];
            let length = batch.packet(index).len();
            packet[..length].copy_from_slice(batch.packet(index));
            let Some(request) = udp::parse(&packet[..length]) else {
                count(&counters.udp_malformed);
                continue;
            };
            match request {
                udp::Request::Connect { transaction } => {
                    let id = self.engine.connections.make(sender.ip(), seconds);
                    udp::write_connect(transaction, id, batch.reply_to(index));
                    count(&counters.udp_connects);
                }
                udp::Request::Announce(announce) => {
                    if self.engine.connections.is_good(announce.connection, sender.ip(), seconds) {
                        self.announce(&announce, sender, batch.reply_to(index), &mut locked);
                    } else {
                        count(&counters.udp_wrong_connection);
                    }
                }
                udp::Request::Scrape { connection, transaction, keys } => {
                    if self.engine.connections.is_good(connection, sender.ip(), seconds) {
                        locked = None;
                        self.scrape(transaction, keys, batch.reply_to(index));
                    } else {
                        count(&counters.udp_wrong_connection);
                    }
                }
            }
        }
    }

    fn announce<'e>(
        &'e self,
        packet: &udp::Announce<'_>,
        sender: SocketAddr,
        out: &mut Vec<u8>,
        locked: &mut Option<(usize, MutexGuard<'e, Shard>)>,
    ) {
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
            let outcome = shard.announce(&request.announce, engine.tick(), v4, v6);
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
                count(&engine.counters.udp_announces);
            }
            Err(refusal) => {
                out.clear();
                udp::write_error(packet.transaction, refusal.sentence(), out);
                count(&engine.counters.udp_errors);
            }
        }
    }

    fn scrape(&self, transaction: u32, keys: &[[u8; 20]], out: &mut Vec<u8>) {
        udp::write_scrape(transaction, out);
        for key in keys {
            let counts = self.engine.scrape(*key).unwrap_or_default();
            udp::write_scraped(counts.seeders, counts.completed, counts.leechers, out);
        }
        count(&self.engine.counters.udp_scrapes);
    }
}
