//! Honest clients: each on its own address, announcing at its own times, with a deadline within which an answer counts.

use std::cell::{Cell, RefCell};
use std::io::Result;
use std::net::SocketAddrV4;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::client::{Client, announce};
use crate::histogram::Histogram;
use crate::peers::Population;

/// An answer counts that comes this long after its announce was due.
const DEADLINE: Duration = Duration::from_secs(2);
/// After so many announces a client comes on a new connection, as one that sleeps between two would.
const KEPT: u64 = 10;
/// Offers of an announce over WebSocket.
const OFFERS: usize = 2;
/// Torrents that they share; the first is the one that a flood aims at.
const TORRENTS: u64 = 20;

/// What honest clients do, and when.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddrV4,
    pub(crate) clients: u64,
    pub(crate) is_web: bool,
    /// Between two announces of one client.
    pub(crate) period: Duration,
    pub(crate) start: Instant,
    /// From here on it counts.
    pub(crate) measured: Instant,
    pub(crate) end: Instant,
}

/// What came of the announces that count.
pub(crate) struct Tally {
    pub(crate) due: Cell<u64>,
    pub(crate) answered: Cell<u64>,
    pub(crate) latencies: RefCell<Histogram>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { due: Cell::new(0), answered: Cell::new(0), latencies: RefCell::new(Histogram::new()) }
    }

    fn add(&self, is_answered: bool, latency: Duration) {
        self.due.set(self.due.get() + 1);
        if is_answered {
            self.answered.set(self.answered.get() + 1);
            self.latencies.borrow_mut().add(latency.as_nanos() as u64);
        }
    }
}

/// Key of a torrent that honest clients share: text, so that it needs no escaping.
pub(crate) fn key(torrent: u64) -> String {
    format!("honest-torrent-{torrent:05}")
}

/// One client, until the end. An announce that is due while the former waits comes late, and its waiting counts from when it was due.
pub(crate) async fn live(number: u64, plan: Plan, tally: &Tally) {
    let request = request(number, plan.is_web);
    let offset = plan.period * number as u32 / plan.clients as u32;
    let mut client = None;
    for turn in 0_u64.. {
        let due = plan.start + offset + plan.period * turn as u32;
        if due >= plan.end {
            return;
        }
        rest_until(&mut client, due).await;
        if turn % KEPT == number % KEPT {
            client = None;
        }
        let outcome = timeout_at(due + DEADLINE, ask(&mut client, number, plan, &request)).await;
        let is_answered = matches!(outcome, Ok(Ok(true)));
        if !is_answered {
            client = None;
        }
        if due >= plan.measured {
            tally.add(is_answered, due.elapsed());
        }
    }
}

/// Sleeps, and reads meanwhile: a browser takes offers at any time, and a connection may end.
async fn rest_until(client: &mut Option<Client>, due: Instant) {
    let Some(own) = client else { return sleep_until(due).await };
    tokio::select! {
        () = sleep_until(due) => return,
        () = own.forget_frames() => {}
    }
    *client = None;
    sleep_until(due).await;
}

/// Asks; once more on a new connection where the kept one had been closed, as every client does.
async fn ask(client: &mut Option<Client>, number: u64, plan: Plan, request: &[u8]) -> Result<bool> {
    if let Some(own) = client {
        if let Ok(is_answered) = talk(own, plan.is_web, request).await {
            return Ok(is_answered);
        }
        *client = None;
    }
    let source = Population::address(number);
    let new = Client::open(plan.target, source).await?;
    let new = if plan.is_web { new.upgraded().await? } else { new };
    talk(client.insert(new), plan.is_web, request).await
}

/// Whether the answer is one: with an interval, and no failure.
async fn talk(client: &mut Client, is_web: bool, request: &[u8]) -> Result<bool> {
    client.write(request).await?;
    loop {
        let answer = if is_web { client.message().await? } else { client.answer().await? };
        let has = |word: &[u8]| answer.windows(word.len()).any(|part| part == word);
        if has(b"failure reason") {
            return Ok(false);
        }
        // Offers of others come at any time.
        if has(b"interval") {
            return Ok(true);
        }
    }
}

fn request(number: u64, is_web: bool) -> Vec<u8> {
    let key = key(number % TORRENTS);
    if is_web {
        return announce(&key, number, OFFERS);
    }
    format!(
        "GET /announce?info_hash={key}&peer_id=-LD0001-{number:012}&port={}&uploaded=0&downloaded=0&left=1&compact=1\
         &numwant=30&key=5f3c HTTP/1.1\r\nHost: tracker\r\nUser-Agent: load\r\n\r\n",
        10_000 + number % 50_000
    )
    .into_bytes()
}
