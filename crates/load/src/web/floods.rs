//! Attacks over HTTP and WebSocket, each at a rate of its own unit: a request, a connection, a frame, a message.

use std::cell::Cell;
use std::io::Result;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::client::{Client, announce, masked};
use super::honest::key;
use crate::peers::{Population, scatter};

/// Attackers speak from the addresses after this one; honest clients from those before it.
const FIRST_ADDRESS: u64 = 50_000;
/// Requests that one write of pipelining abuse holds.
const PIPELINED: u64 = 50;
/// A side that takes nothing for so long is left as it is, and another connection goes on.
const STUCK: Duration = Duration::from_millis(100);
/// How long a connection that is left so stays open; the tracker ends it much sooner.
const HELD: Duration = Duration::from_secs(60);
/// Bytes of a head that never ends.
const HEAD_BYTES: usize = 100_000;
/// Hashes of a scrape; the tracker heeds no more.
const SCRAPED: u64 = 100;
/// Offers of an announce; the tracker heeds no more.
const OFFERS: usize = 10;

/// What attacks. The unit of its rate is a request unless told otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Honest clients alone.
    None,
    /// Connections whose request comes a byte at a time; the unit is a byte.
    Drip,
    /// Heads without end; the unit is a connection.
    GiantHead,
    /// Requests without end whose answers nobody reads.
    Pipeline,
    /// Scrapes of a hundred hashes.
    Scrape,
    /// Scrapes of all torrents.
    FullScrape,
    RandomHash,
    OneAddress,
    /// One address asks for all peers of one swarm, over and over.
    Harvest,
    /// Frames that announce a terabyte; the unit is a connection.
    FrameBomb,
    /// Messages in parts without end; the unit is a frame.
    Fragments,
    /// Announces with many offers from sockets that read nothing.
    Offers,
}

impl std::str::FromStr for Attack {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        Ok(match text {
            "none" => Self::None,
            "drip" => Self::Drip,
            "giant-head" => Self::GiantHead,
            "pipeline" => Self::Pipeline,
            "scrape" => Self::Scrape,
            "full-scrape" => Self::FullScrape,
            "random-hash" => Self::RandomHash,
            "one-address" => Self::OneAddress,
            "harvest" => Self::Harvest,
            "frame-bomb" => Self::FrameBomb,
            "fragments" => Self::Fragments,
            "offers" => Self::Offers,
            _ => return Err(()),
        })
    }
}

impl Attack {
    /// From how many addresses it comes, over how many connections at once. Few where the limit of an address is the defence, else
    /// so many that none of them reaches it.
    fn width(self) -> (u64, u64) {
        match self {
            Self::None => (1, 0),
            Self::Drip => (100, 15_000),
            Self::GiantHead | Self::FrameBomb => (300, 300),
            Self::Pipeline => (16, 16),
            Self::Scrape => (200, 200),
            Self::FullScrape | Self::RandomHash => (64, 64),
            Self::OneAddress => (1, 50),
            Self::Harvest => (1, 20),
            Self::Fragments => (100, 200),
            Self::Offers => (32, 64),
        }
    }

    /// Units of one turn of one connection.
    fn units(self) -> u64 {
        if self == Self::Pipeline { PIPELINED } else { 1 }
    }
}

/// An attack that goes on from `start`, and how much of it there was.
pub(crate) struct Flood {
    pub(crate) attack: Attack,
    pub(crate) target: SocketAddrV4,
    /// Units a second, over all connections.
    pub(crate) rate: f64,
    pub(crate) start: Instant,
    /// Units that were sent.
    pub(crate) sent: Cell<u64>,
    /// Connections that the tracker refused or ended.
    pub(crate) cut: Cell<u64>,
}

/// One connection of an attack, and the turn in which it was opened.
#[derive(Default)]
struct Open {
    client: Option<Client>,
    since: u64,
}

impl Flood {
    pub(crate) fn connections(&self) -> u64 {
        self.attack.width().1
    }

    /// One connection of it, again and again, for ever.
    #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
    pub(crate) async fn go_on(&self, number: u64) {
        let (addresses, connections) = self.attack.width();
        let source = Population::address(FIRST_ADDRESS + number % addresses);
        let period = (connections * self.attack.units()) as f64 / self.rate;
        let mut open = Open::default();
        for turn in 0_u64.. {
            let place = turn as f64 + number as f64 / connections as f64;
            sleep_until(self.start + Duration::from_secs_f64(period * place)).await;
            if self.turn(&mut open, source, number, turn).await.is_ok() {
                self.sent.set(self.sent.get() + self.attack.units());
            } else {
                self.cut.set(self.cut.get() + 1);
                open.client = None;
            }
        }
    }

    async fn turn(&self, open: &mut Open, source: Ipv4Addr, number: u64, turn: u64) -> Result<()> {
        match self.attack {
            Attack::None => Ok(()),
            Attack::GiantHead => {
                let mut client = Client::open(self.target, source).await?;
                let head = format!("GET /announce HTTP/1.1\r\nX-A: {}", "x".repeat(HEAD_BYTES));
                // Most of it is never read; what was written until the end is the attack.
                let _ = client.write(head.as_bytes()).await;
                client.forget_all().await;
                Ok(())
            }
            Attack::FrameBomb => {
                let mut client = Client::open(self.target, source).await?.upgraded().await?;
                client.write(&[0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
                client.forget_all().await;
                Ok(())
            }
            Attack::Drip => self.drip(open, source, turn).await,
            Attack::Fragments => self.fragment(open, source, turn).await,
            Attack::Pipeline | Attack::Offers => self.deaf(open, source, number, turn).await,
            _ => self.request(open, source, number, turn).await,
        }
    }

    async fn drip(&self, open: &mut Open, source: Ipv4Addr, turn: u64) -> Result<()> {
        if open.client.is_none() {
            *open = Open { client: Some(Client::open(self.target, source).await?), since: turn };
        }
        let Some(client) = &mut open.client else { return Ok(()) };
        client.write(if open.since == turn { b"GET /" } else { b"x" }).await
    }

    async fn fragment(&self, open: &mut Open, source: Ipv4Addr, turn: u64) -> Result<()> {
        if open.client.is_none() {
            let client = Client::open(self.target, source).await?.upgraded().await?;
            *open = Open { client: Some(client), since: turn };
        }
        let Some(client) = &mut open.client else { return Ok(()) };
        client.write(&masked(u8::from(open.since == turn), &[b'x'; 1000])).await
    }

    /// Sends and reads nothing; a connection that is stuck stays open and is left behind.
    async fn deaf(&self, open: &mut Open, source: Ipv4Addr, number: u64, turn: u64) -> Result<()> {
        if open.client.is_none() {
            let client = Client::deaf(self.target, source).await?;
            let client = if self.attack == Attack::Offers { client.upgraded().await? } else { client };
            *open = Open { client: Some(client), since: turn };
        }
        let Some(client) = &mut open.client else { return Ok(()) };
        let bytes = if self.attack == Attack::Offers {
            announce(&key(0), 1_000_000 + number + open.since * self.connections(), OFFERS)
        } else {
            // The long form of a reply is the longest.
            let request = get(&key(0), 10_000 + number % 50_000, "200&compact=0");
            request.repeat(PIPELINED as usize)
        };
        if !client.push(&bytes, STUCK).await? {
            let held = open.client.take();
            tokio::task::spawn_local(async move {
                sleep(HELD).await;
                drop(held);
            });
        }
        Ok(())
    }

    async fn request(&self, open: &mut Open, source: Ipv4Addr, number: u64, turn: u64) -> Result<()> {
        if open.client.is_none() {
            open.client = Some(Client::open(self.target, source).await?);
        }
        let Some(client) = &mut open.client else { return Ok(()) };
        let bytes = match self.attack {
            Attack::Scrape => scrape(),
            Attack::FullScrape => b"GET /scrape HTTP/1.1\r\nHost: tracker\r\n\r\n".to_vec(),
            Attack::RandomHash => {
                get(&format!("{:020x}", scatter(number << 40 | turn)), 10_000 + number % 50_000, "30")
            }
            Attack::Harvest => get(&key(0), 6881, "1000000"),
            _ => get(&key(0), 10_000 + scatter(number << 40 | turn) % 50_000, "30"),
        };
        client.write(&bytes).await?;
        client.answer().await.map(|_| ())
    }
}

fn get(key: &str, port: u64, wanted: &str) -> Vec<u8> {
    format!(
        "GET /announce?info_hash={key}&peer_id=-XX0001-abcdefghijkl&port={port}&uploaded=0&downloaded=0&left=1\
         &numwant={wanted} HTTP/1.1\r\nHost: tracker\r\n\r\n"
    )
    .into_bytes()
}

fn scrape() -> Vec<u8> {
    let keys: Vec<String> = (0..SCRAPED).map(|torrent| format!("info_hash={}", key(torrent))).collect();
    format!("GET /scrape?{} HTTP/1.1\r\nHost: tracker\r\n\r\n", keys.join("&")).into_bytes()
}
