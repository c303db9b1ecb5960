//! A stream of UDP requests from one socket and many addresses, and the check of what comes back.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::batch::{BATCH, Batch, open};
use crate::histogram::Histogram;
use crate::peers::{ANNOUNCE, CONNECT, Population, scatter, write_connect, write_scrape};

/// Requests that may be on their way, a power of two so that a transaction id finds its slot.
pub(crate) const SLOTS: usize = 1 << 14;
/// After this long without any reply, what is on its way counts as lost.
const LOST_AFTER: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Announce,
    Scrape,
    /// 45 connects, 50 announces, 5 scrapes of a hundred requests.
    Mix,
    /// Announces, a tenth of them of peers that leave or come.
    Churn,
    WrongConnection,
    RandomHash,
    PeerFlood,
    OneAddress,
    /// One address asks for all peers of one swarm, over and over.
    Harvest,
}

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "connect" => Self::Connect,
            "announce" => Self::Announce,
            "scrape" => Self::Scrape,
            "mix" => Self::Mix,
            "churn" => Self::Churn,
            "wrong-connection" => Self::WrongConnection,
            "random-hash" => Self::RandomHash,
            "peer-flood" => Self::PeerFlood,
            "one-address" => Self::OneAddress,
            "harvest" => Self::Harvest,
            _ => return Err(()),
        })
    }
}

/// A stream of requests from one socket, and what came back.
pub(crate) struct Stream {
    socket: Socket,
    target: SocketAddrV4,
    pub(crate) population: Population,
    kind: Kind,
    pub(crate) least_bytes: usize,
    pub(crate) connections: Vec<u64>,
    batch: Batch,
    sent_at: Vec<(u32, Instant)>,
    next: u32,
    /// The first transaction that counts.
    first: u32,
    counter: u64,
    pub(crate) on_the_way: usize,
    last_reply: Instant,
    pub(crate) sent: u64,
    pub(crate) replies: u64,
    pub(crate) bytes: u64,
    pub(crate) errors: u64,
    pub(crate) lost: u64,
    pub(crate) latencies: Histogram,
}

impl Stream {
    pub(crate) fn new(target: SocketAddrV4, population: Population, kind: Kind) -> Result<Self, String> {
        let now = Instant::now();
        Ok(Self {
            socket: open(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).map_err(|error| error.to_string())?,
            target,
            population,
            kind,
            least_bytes: 0,
            connections: vec![0; population.sources as usize],
            batch: Batch::new(),
            sent_at: vec![(u32::MAX, now); SLOTS],
            next: 0,
            first: 0,
            counter: 0,
            on_the_way: 0,
            last_reply: now,
            sent: 0,
            replies: 0,
            bytes: 0,
            errors: 0,
            lost: 0,
            latencies: Histogram::new(),
        })
    }

    /// Gets a connection id for every address.
    pub(crate) fn connect(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut next = 0;
        let mut open = self.connections.len();
        while open > 0 {
            if Instant::now() > deadline {
                return Err(format!("{open} connects got no answer"));
            }
            let mut count = 0;
            for _ in 0..self.connections.len() {
                if count == BATCH {
                    break;
                }
                next = (next + 1) % self.connections.len();
                if self.connections[next] == 0 {
                    write_connect(next as u32, self.batch.room(count));
                    let source = Population::address(self.population.first_source + next as u64);
                    self.batch.address(count, source, self.target, CONNECT);
                    count += 1;
                }
            }
            self.batch.send(&self.socket, count);
            let until = Instant::now() + Duration::from_millis(20);
            let mut got = 0;
            while got < count && Instant::now() < until {
                let taken = self.batch.receive(&self.socket);
                got += taken;
                for index in 0..taken {
                    let packet = self.batch.packet(index);
                    if packet.len() < 16 || word(packet, 0) != 0 {
                        continue;
                    }
                    let source = word(packet, 4) as usize;
                    if source < self.connections.len() && self.connections[source] == 0 {
                        let id = (u64::from(word(packet, 8)) << 32) | u64::from(word(packet, 12));
                        self.connections[source] = id.max(1);
                        open -= 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Announces every peer once, with the event `started`; returns the longest wait for an answer, in microseconds.
    pub(crate) fn fill(&mut self) -> Result<f64, String> {
        let kind = std::mem::replace(&mut self.kind, Kind::Announce);
        let population = self.population;
        self.population.wanted = 0;
        let mut given = 0;
        let started = Instant::now();
        while given < population.peers || self.on_the_way > 0 {
            if started.elapsed() > Duration::from_secs(1200) {
                return Err("the tracker was not full after twenty minutes".into());
            }
            let room =
                512_usize.saturating_sub(self.on_the_way).min(BATCH).min((population.peers - given) as usize);
            if room > 0 && (room == BATCH || population.peers - given < BATCH as u64) {
                self.send_with(room, |_| (0, 2));
                given += room as u64;
            }
            self.receive();
        }
        self.kind = kind;
        self.population = population;
        let longest = self.latencies.longest();
        self.reset();
        Ok(longest)
    }

    /// Begins to count. What was sent before is no longer on its way, and its answers, however late, are none.
    pub(crate) fn reset(&mut self) {
        self.first = self.next;
        self.on_the_way = 0;
        (self.sent, self.replies, self.bytes, self.errors, self.lost) = (0, 0, 0, 0, 0);
        self.latencies = Histogram::new();
        self.counter = 0;
    }

    pub(crate) fn send(&mut self, count: usize) {
        self.send_with(count, |counter| (scatter(counter), 0));
    }

    /// Sends `count` requests; `choose` turns the running number into a random one (or keeps the order, at 0) and an event.
    fn send_with(&mut self, count: usize, choose: impl Fn(u64) -> (u64, u32)) {
        let now = Instant::now();
        for index in 0..count {
            let transaction = self.next;
            self.next = self.next.wrapping_add(1);
            let (random, event) = choose(self.counter);
            let number = if random == 0 { self.counter } else { random };
            self.counter += 1;
            let (source, length) = self.write(index, transaction, number, event);
            let source = Population::address(self.population.first_source + source);
            self.batch.address(index, source, self.target, length);
            self.sent_at[transaction as usize % SLOTS] = (transaction, now);
        }
        let taken = self.batch.send(&self.socket, count);
        self.sent += taken as u64;
        self.on_the_way += taken;
    }

    /// Writes one request; from which address, and how long it is.
    fn write(&mut self, index: usize, transaction: u32, number: u64, event: u32) -> (u64, usize) {
        let population = self.population;
        let peer = number % population.peers;
        let room = self.batch.room(index);
        let kind = match (self.kind, (number >> 40) % 100) {
            (Kind::Mix, 0..45) => Kind::Connect,
            (Kind::Mix, 45..95) => Kind::Announce,
            (Kind::Mix, _) => Kind::Scrape,
            (kind, _) => kind,
        };
        let mut source = population.source_of(peer);
        match kind {
            Kind::Connect => {
                write_connect(transaction, room);
                (source, CONNECT)
            }
            Kind::Scrape => {
                let id = self.connections[source as usize];
                let count = if self.kind == Kind::Mix { 1 } else { 74 };
                (source, write_scrape(id, transaction, peer, population.torrents, count, room))
            }
            _ => {
                let mut event = event;
                if kind == Kind::Churn && (number >> 48).is_multiple_of(10) {
                    event = if (number >> 56) & 1 == 0 { 3 } else { 2 };
                }
                if matches!(kind, Kind::OneAddress | Kind::Harvest) {
                    source = 0;
                }
                let id = if kind == Kind::WrongConnection {
                    number | 1
                } else {
                    self.connections[source as usize]
                };
                population.write_announce(peer, id, transaction, event, room);
                match kind {
                    Kind::RandomHash => room[16..24].copy_from_slice(&number.to_be_bytes()),
                    Kind::PeerFlood => {
                        room[16..36].copy_from_slice(&Population::key(0));
                        room[96..98].copy_from_slice(&((number >> 20) as u16 | 1024).to_be_bytes());
                    }
                    Kind::OneAddress => {
                        room[96..98].copy_from_slice(&((number >> 20) as u16 | 1024).to_be_bytes());
                    }
                    Kind::Harvest => {
                        room[16..36].copy_from_slice(&Population::key(0));
                        room[92..96].copy_from_slice(&i32::MAX.to_be_bytes());
                        room[96..98].copy_from_slice(&6881_u16.to_be_bytes());
                    }
                    _ => {}
                }
                (source, ANNOUNCE)
            }
        }
    }

    /// Takes what came back and checks it: the transaction is one on its way, the action fits, the peers are all there.
    pub(crate) fn receive(&mut self) -> usize {
        let taken = self.batch.receive(&self.socket);
        let now = Instant::now();
        if taken == 0 {
            if self.on_the_way > 0 && now - self.last_reply > LOST_AFTER {
                self.lost += self.on_the_way as u64;
                self.on_the_way = 0;
                self.last_reply = now;
            }
            return 0;
        }
        self.last_reply = now;
        for index in 0..taken {
            let packet = self.batch.packet(index);
            let (action, transaction) = (word(packet, 0), word(packet, 4));
            if packet.len() >= 8 && transaction.wrapping_sub(self.first) > u32::MAX / 2 {
                continue;
            }
            self.on_the_way = self.on_the_way.saturating_sub(1);
            if packet.len() < 8 {
                self.errors += 1;
                continue;
            }
            if action == 0 && !matches!(self.kind, Kind::Connect | Kind::Mix) {
                // The second answer to a connect that was asked twice.
                continue;
            }
            let slot = &mut self.sent_at[transaction as usize % SLOTS];
            let is_short = action == 1 && packet.len() < self.least_bytes;
            if slot.0 != transaction || action > 2 || is_short {
                self.errors += 1;
            } else {
                self.replies += 1;
                self.bytes += packet.len() as u64;
                self.latencies.add((now - slot.1).as_nanos() as u64);
            }
            slot.0 = u32::MAX;
        }
        taken
    }

    /// Waits for what is still on its way, at most as long as counts as lost.
    pub(crate) fn settle(&mut self) {
        let until = Instant::now() + LOST_AFTER;
        while self.on_the_way > 0 && Instant::now() < until {
            self.receive();
        }
        self.lost += self.on_the_way as u64;
        self.on_the_way = 0;
    }
}

fn word(packet: &[u8], at: usize) -> u32 {
    packet.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, UdpSocket};

    use super::*;

    #[test]
    fn an_answer_to_what_was_sent_before_is_none_to_what_is_measured() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let Ok(SocketAddr::V4(target)) = server.local_addr() else { panic!("an IPv4 socket") };
        let population = Population { peers: 10, torrents: 1, sources: 1, first_source: 0, wanted: 0 };
        let mut stream = Stream::new(target, population, Kind::Announce).expect("a socket");
        let mut packet = [0; 2048];
        let mut answer = |stream: &mut Stream| {
            let (_, from) = server.recv_from(&mut packet).expect("a request");
            let reply = [&packet[8..16], &[0; 12]].concat();
            server.send_to(&reply, from).expect("it is on the loopback");
            while stream.receive() == 0 {}
        };
        stream.send(1);
        stream.reset();
        stream.send(1);
        answer(&mut stream);
        assert_eq!((stream.sent, stream.replies, stream.errors), (1, 0, 0), "the answer came late");
        answer(&mut stream);
        assert_eq!((stream.sent, stream.replies, stream.errors), (1, 1, 0));
    }
}
