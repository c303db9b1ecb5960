//! Who of the `WebTorrent` peers is in which swarm, and what waits to be sent to whom. It lives on the HTTP thread, knows no socket.
//!
//! The engine holds the counts of all protocols; this holds what WebRTC needs besides: a way to hand an offer to a chosen peer and
//! an answer back. A hybrid's two keys meet here too, and each peer is told the key that it announced itself.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use largesse_swarm::{Counts, Key, Outcome, Random};
use largesse_wire::websocket::{Opcode, write_frame};
use largesse_wire::webtorrent::{Answer, Offer, write_answer, write_offer};
use tokio::sync::Notify;

use crate::counters::count;
use crate::engine::{Engine, Refusal};
use crate::http_limits::{Limits, sender};
use crate::random::random_bytes;
use crate::ws_memory::{Memory, Share};
use crate::ws_swarm::{Peer, Swarm, choose};

pub(crate) type PeerId = [u8; 20];

/// How many times the room for offers a queue may fill before its reader is given up.
const PATIENCE: usize = 4;

/// What waits for one socket.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Whole frames.
    pub(crate) queue: RefCell<Vec<u8>>,
    /// Told when something was put into the queue.
    pub(crate) wake: Notify,
    /// The reader is too slow: the connection is to be cut.
    pub(crate) is_cut: Cell<bool>,
    /// What the socket holds of the memory of all.
    pub(crate) share: Share,
}

/// One socket, with what it joined.
pub(crate) struct Session {
    pub(crate) ip: IpAddr,
    pub(crate) out: Rc<Outgoing>,
    number: u64,
    /// The announced key: the peer's own id, and the swarm that the key leads to.
    joined: HashMap<Key, (PeerId, Key)>,
}

/// Why a peer did not join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// The policy, or there are too many torrents.
    Refused(Refusal),
    /// The socket is in as many swarms as may be.
    TooManyTorrents,
    /// A peer of another address has this peer id.
    PeerIdTaken,
}

/// What a peer is in its swarm now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) key: Key,
    pub(crate) peer_id: PeerId,
    pub(crate) is_seeder: bool,
    /// It has not everything, and wants nothing more (BEP 21).
    pub(crate) is_partial: bool,
    pub(crate) is_completed: bool,
}

/// All swarms of WebRTC peers.
pub(crate) struct Hub {
    engine: Arc<Engine>,
    swarms: HashMap<Key, Swarm>,
    random: Random,
    sessions: u64,
    open: usize,
    waiting_bytes: usize,
    torrents_of_one_socket: usize,
    most_peers: usize,
    peers: usize,
    most_peers_of_one: usize,
    /// How many peers each sender has; one without any is not remembered.
    peers_of: HashMap<IpAddr, usize>,
    scratch: Vec<u8>,
    memory: Rc<Memory>,
}

impl Outgoing {
    /// Puts a message into the queue, at whatever length the reader left it; a reader far behind is given up.
    fn push(&self, opcode: Opcode, payload: &[u8], most_bytes: usize) {
        let mut queue = self.queue.borrow_mut();
        if queue.len() + payload.len() > most_bytes || !self.share.add(payload.len()) {
            self.is_cut.set(true);
        } else {
            write_frame(opcode, payload, &mut queue);
        }
        self.wake.notify_one();
    }
}

impl Session {
    /// The announced keys, each with the peer's own id.
    pub(crate) fn peers(&self) -> impl Iterator<Item = (Key, PeerId)> {
        self.joined.iter().map(|(key, (peer_id, _))| (*key, *peer_id))
    }

    /// In how many swarms the socket is.
    #[cfg(test)]
    fn joined(&self) -> usize {
        self.joined.len()
    }
}

impl Hub {
    pub(crate) fn new(engine: Arc<Engine>, limits: &Limits) -> Self {
        Self {
            engine,
            swarms: HashMap::new(),
            random: Random::new(u64::from_le_bytes(random_bytes())),
            sessions: 0,
            open: 0,
            waiting_bytes: limits.waiting_bytes,
            torrents_of_one_socket: limits.torrents_of_one_socket,
            most_peers: limits.web_peers,
            peers: 0,
            most_peers_of_one: limits.web_peers_of_one_address,
            peers_of: HashMap::new(),
            scratch: Vec::new(),
            memory: Memory::new(limits.held_bytes, limits.connections),
        }
    }

    /// How many sockets are open.
    pub(crate) fn sockets(&self) -> usize {
        self.open
    }

    /// Begins a session.
    pub(crate) fn begin(&mut self, ip: IpAddr) -> Session {
        self.sessions += 1;
        self.open += 1;
        let out = Outgoing {
            queue: RefCell::default(),
            wake: Notify::new(),
            is_cut: Cell::new(false),
            share: Share::of(&self.memory),
        };
        Session { ip, out: Rc::new(out), number: self.sessions, joined: HashMap::new() }
    }

    /// Ends a session: its peers leave their swarms.
    pub(crate) fn end(&mut self, session: &mut Session) {
        self.open -= 1;
        for (_, (peer_id, home)) in session.joined.drain() {
            self.remove(home, &peer_id, session.number);
            // Nobody is left to be told that the torrent is gone.
            let _ = self.tell(home, 0, session.ip);
        }
    }

    /// Sends a message to the session itself.
    pub(crate) fn reply(&self, session: &Session, opcode: Opcode, payload: &[u8]) {
        session.out.push(opcode, payload, self.waiting_bytes * PATIENCE);
    }

    /// Puts a peer into its swarm, or changes what it is there. Returns the counts of all protocols.
    pub(crate) fn join(
        &mut self,
        session: &mut Session,
        standing: &Standing,
    ) -> Result<(Key, Counts), Hindrance> {
        let Standing { key, peer_id, is_seeder, is_partial, is_completed } = *standing;
        let home = self.home(key)?;
        match session.joined.get(&key) {
            Some((former, former_home)) if *former != peer_id || *former_home != home => {
                self.leave(session, key);
            }
            None if session.joined.len() >= self.torrents_of_one_socket => {
                return Err(Hindrance::TooManyTorrents);
            }
            _ => {}
        }
        let is_known = self.swarms.get(&home).is_some_and(|swarm| swarm.places.contains_key(&peer_id));
        let own = self.peers_of.get(&sender(session.ip)).copied().unwrap_or(0);
        if !is_known && (self.peers >= self.most_peers || own >= self.most_peers_of_one) {
            count(&self.engine.counters.refused_full);
            return Err(Hindrance::Refused(Refusal::Full));
        }
        let swarm = self.swarms.entry(home).or_default();
        let mut was_seeder = true;
        if let Some(place) = swarm.places.get(&peer_id).copied() {
            was_seeder = place < swarm.seeders;
            let peer = &mut swarm.peers[place];
            if peer.socket != session.number && peer.ip != session.ip {
                return Err(Hindrance::PeerIdTaken);
            }
            // The same peer after its connection broke: its former session no longer owns the place.
            (peer.socket, peer.ip, peer.key) = (session.number, session.ip, key);
            peer.out = Rc::clone(&session.out);
            swarm.set_partial(place, is_partial);
            swarm.set_seeder(place, is_seeder);
        } else {
            self.peers += 1;
            *self.peers_of.entry(sender(session.ip)).or_default() += 1;
            let out = Rc::clone(&session.out);
            let peer = Peer { id: peer_id, key, socket: session.number, ip: session.ip, is_partial, out };
            swarm.add(peer, is_seeder);
        }
        session.joined.insert(key, (peer_id, home));
        let completed = u32::from(is_completed && is_seeder && !was_seeder);
        match self.tell(home, completed, session.ip) {
            Ok(counts) => Ok((home, counts)),
            Err(refusal) => {
                self.leave(session, key);
                Err(Hindrance::Refused(refusal))
            }
        }
    }

    /// Takes a peer out of its swarm. Returns the counts that are left, where the torrent is known.
    pub(crate) fn leave(&mut self, session: &mut Session, key: Key) -> Option<Counts> {
        if let Some((peer_id, home)) = session.joined.remove(&key) {
            self.remove(home, &peer_id, session.number);
            return self.tell(home, 0, session.ip).ok();
        }
        self.engine.scrape(key)
    }

    /// Gives offers to as many peers, chosen at random; a seeder's only to those that download.
    pub(crate) fn offer(&mut self, session: &Session, key: Key, offers: &[Offer<'_>]) {
        let Some((peer_id, home)) = session.joined.get(&key) else { return };
        let Some(swarm) = self.swarms.get(home) else { return };
        let Some(own) = swarm.places.get(peer_id).copied() else { return };
        let first = if own < swarm.seeders { swarm.seeders } else { 0 };
        // Without itself, which stands in the range only when it downloads.
        let others = swarm.peers.len() - first - usize::from(own >= swarm.seeders);
        let chosen = choose(&mut self.random, others, offers.len());
        for (offer, choice) in offers.iter().zip(chosen) {
            let place = first + choice;
            let peer = &swarm.peers[place + usize::from(own >= swarm.seeders && place >= own)];
            if peer.out.queue.borrow().len() > self.waiting_bytes {
                count(&self.engine.counters.ws_offers_dropped);
                continue;
            }
            self.scratch.clear();
            write_offer(&peer.key, peer_id, offer, &mut self.scratch);
            peer.out.push(Opcode::Text, &self.scratch, self.waiting_bytes * PATIENCE);
            count(&self.engine.counters.ws_offers);
        }
    }

    /// Gives an answer to the peer that made the offer; false where it is gone or the sender is not in the swarm.
    pub(crate) fn answer(&mut self, session: &Session, key: Key, answer: &Answer<'_>) -> bool {
        let Some((peer_id, home)) = session.joined.get(&key) else { return false };
        if self.home(key) != Ok(*home) {
            return false;
        }
        let Some(swarm) = self.swarms.get(home) else { return false };
        let Some(peer) = swarm.places.get(&answer.to_peer_id).map(|place| &swarm.peers[*place]) else {
            return false;
        };
        self.scratch.clear();
        write_answer(&peer.key, peer_id, answer, &mut self.scratch);
        peer.out.push(Opcode::Text, &self.scratch, self.waiting_bytes * PATIENCE);
        count(&self.engine.counters.ws_answers);
        true
    }

    /// The swarm that a key leads to, for one who asks.
    pub(crate) fn home(&self, key: Key) -> Result<Key, Hindrance> {
        self.lead(key).map_err(|refusal| {
            count(&self.engine.counters.refused_policy);
            Hindrance::Refused(refusal)
        })
    }

    /// The swarm that a key leads to.
    pub(crate) fn lead(&self, key: Key) -> Result<Key, Refusal> {
        match self.engine.shard(self.engine.shard_of(&key)).scrape(key) {
            Outcome::SameAs(home) => Ok(home),
            Outcome::Unknown if !self.engine.config().is_listed_only => Ok(key),
            Outcome::Unknown | Outcome::Refused => Err(Refusal::NotListed),
            Outcome::Done(_) | Outcome::Full => Ok(key),
        }
    }

    /// Tells the engine how many peers a swarm has here.
    fn tell(&mut self, home: Key, completed: u32, from: IpAddr) -> Result<Counts, Refusal> {
        let web = self.swarms.get(&home).map(Swarm::counts).unwrap_or_default();
        if web.leechers + web.seeders == 0 {
            self.swarms.remove(&home);
            if self.engine.scrape(home).is_none() {
                return Ok(Counts::default());
            }
        }
        let (shard, now) = (self.engine.shard_of(&home), self.engine.tick());
        let outcome = self.engine.shard(shard).set_web(home, web, completed, from, now);
        match outcome {
            Outcome::Done(counts) => Ok(counts),
            Outcome::Full => {
                count(&self.engine.counters.refused_full);
                Err(Refusal::Full)
            }
            Outcome::Unknown | Outcome::Refused | Outcome::SameAs(_) => Err(Refusal::NotListed),
        }
    }

    fn remove(&mut self, home: Key, peer_id: &PeerId, socket: u64) {
        let Some(swarm) = self.swarms.get_mut(&home) else { return };
        let Some(place) = swarm.places.get(peer_id).copied() else { return };
        if swarm.peers[place].socket == socket {
            let from = sender(swarm.peers[place].ip);
            swarm.remove(place);
            self.peers -= 1;
            if let Some(own) = self.peers_of.get_mut(&from) {
                *own -= 1;
                if *own == 0 {
                    self.peers_of.remove(&from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Permit};

    fn hub(is_listed_only: bool, limits: &Limits) -> Hub {
        Hub::new(Arc::new(Engine::new(Config { is_listed_only, shards: 2, ..Config::default() })), limits)
    }

    fn standing(key: u8, peer: u8, is_seeder: bool) -> Standing {
        Standing {
            key: [key; 20],
            peer_id: [peer; 20],
            is_seeder,
            is_partial: false,
            is_completed: is_seeder,
        }
    }

    const OFFER: Offer<'static> = Offer { offer_id: b"\"o\"", offer: b"{}" };

    #[test]
    fn peers_come_and_go_and_the_counts_follow() {
        let mut hub = hub(false, &Limits::default());
        let mut sessions: Vec<Session> =
            (0..50).map(|last| hub.begin(IpAddr::from([9, 9, 9, last]))).collect();
        for (number, session) in sessions.iter_mut().enumerate() {
            hub.join(session, &standing(1, number as u8, number % 3 == 0)).expect("open");
            hub.join(session, &standing(2, number as u8, false)).expect("open");
        }
        let counts = hub.engine.scrape([1; 20]).expect("it is there");
        assert_eq!((counts.seeders, counts.leechers, counts.completed), (17, 33, 0));
        hub.join(&mut sessions[1], &standing(1, 1, true)).expect("open");
        let counts = hub.leave(&mut sessions[0], [1; 20]).expect("it is there");
        assert_eq!((counts.seeders, counts.leechers, counts.completed), (17, 32, 1));
        for session in &mut sessions[2..] {
            hub.end(session);
        }
        let counts = hub.engine.scrape([1; 20]).expect("it is there");
        assert_eq!((counts.seeders, counts.leechers), (1, 0));
        assert_eq!((hub.sockets(), sessions[0].joined(), sessions[1].joined()), (2, 1, 2));
    }

    #[test]
    fn offers_reach_other_peers_at_random_and_a_seeders_only_downloaders() {
        let mut hub = hub(false, &Limits::default());
        let mut sessions: Vec<Session> =
            (0..20).map(|last| hub.begin(IpAddr::from([9, 9, 9, last]))).collect();
        for (number, session) in sessions.iter_mut().enumerate() {
            hub.join(session, &standing(1, number as u8, number < 10)).expect("open");
        }
        let received =
            |sessions: &[Session]| sessions.iter().filter(|one| !one.out.queue.borrow().is_empty()).count();
        for _ in 0..200 {
            hub.offer(&sessions[0], [1; 20], &[OFFER; 5]);
        }
        assert_eq!(received(&sessions[..10]), 0, "a seeder has nothing for another");
        assert_eq!(received(&sessions[10..]), 10, "every downloader is chosen at some time");
        for session in &sessions {
            session.out.queue.borrow_mut().clear();
        }
        for _ in 0..200 {
            hub.offer(&sessions[15], [1; 20], &[OFFER; 50]);
        }
        assert_eq!(received(&sessions), 19, "all but the sender");
        assert!(sessions[15].out.queue.borrow().is_empty());
    }

    #[test]
    fn a_slow_reader_loses_offers_and_then_its_connection() {
        let mut hub = hub(false, &Limits { waiting_bytes: 300, ..Limits::default() });
        let (mut slow, mut busy) = (hub.begin(IpAddr::from([1; 4])), hub.begin(IpAddr::from([2; 4])));
        hub.join(&mut slow, &standing(1, 1, false)).expect("open");
        hub.join(&mut busy, &standing(1, 2, false)).expect("open");
        for _ in 0..20 {
            hub.offer(&busy, [1; 20], &[OFFER]);
        }
        assert!(slow.out.queue.borrow().len() < 1000 && !slow.out.is_cut.get());
        let told: Vec<u64> = (hub.engine.counters.all().iter())
            .filter(|(name, _)| name.starts_with("ws_offers"))
            .map(|(_, number)| *number)
            .collect();
        assert_eq!((told.iter().sum(), told[0] > 0, told[1] > 10), (20, true, true));
        let answer = Answer { to_peer_id: [1; 20], offer_id: b"\"o\"", answer: b"{}" };
        assert!((0..20).all(|_| hub.answer(&busy, [1; 20], &answer)));
        assert!(slow.out.is_cut.get() && slow.out.queue.borrow().len() <= 1200);
    }

    #[test]
    fn a_peer_id_belongs_to_its_address() {
        let mut hub = hub(false, &Limits { torrents_of_one_socket: 2, ..Limits::default() });
        let (mut one, mut two) = (hub.begin(IpAddr::from([1; 4])), hub.begin(IpAddr::from([2; 4])));
        hub.join(&mut one, &standing(1, 1, false)).expect("open");
        assert_eq!(hub.join(&mut two, &standing(1, 1, false)).map(|_| ()), Err(Hindrance::PeerIdTaken));
        let mut again = hub.begin(IpAddr::from([1; 4]));
        hub.join(&mut again, &standing(1, 1, false)).expect("the same address");
        hub.end(&mut one);
        assert_eq!(hub.engine.scrape([1; 20]).map(|counts| counts.leechers), Some(1));
        hub.join(&mut again, &standing(2, 1, false)).expect("the second");
        assert_eq!(hub.join(&mut again, &standing(3, 1, false)).map(|_| ()), Err(Hindrance::TooManyTorrents));
    }

    #[test]
    fn a_hybrids_keys_share_a_swarm_and_a_withdrawn_torrent_is_refused() {
        let mut hub = hub(true, &Limits::default());
        let (mut one, mut two) = (hub.begin(IpAddr::from([1; 4])), hub.begin(IpAddr::from([2; 4])));
        let refused = Err(Hindrance::Refused(Refusal::NotListed));
        assert_eq!(hub.join(&mut one, &standing(1, 1, true)).map(|_| ()), refused);
        hub.engine.apply(&[Permit::Allow([1; 20]), Permit::Alias([2; 20], [1; 20])]);
        hub.join(&mut one, &standing(1, 1, true)).expect("listed");
        let (_, counts) = hub.join(&mut two, &standing(2, 2, false)).expect("listed");
        assert_eq!((counts.seeders, counts.leechers), (1, 1));
        hub.offer(&one, [1; 20], &[OFFER]);
        let told = String::from_utf8_lossy(&two.out.queue.borrow()[2..]).into_owned();
        assert!(told.contains(&"\\u0002".repeat(20)), "each is told the key that it announced: {told}");
        hub.engine.apply(&[Permit::Refuse([1; 20]), Permit::Refuse([2; 20])]);
        assert_eq!(hub.join(&mut two, &standing(2, 2, false)).map(|_| ()), refused);
        let answer = Answer { to_peer_id: [2; 20], offer_id: b"\"o\"", answer: b"{}" };
        assert!(!hub.answer(&one, [1; 20], &answer));
        hub.end(&mut one);
        hub.end(&mut two);
        assert!(hub.swarms.is_empty() && hub.peers == 0);
    }

    #[test]
    fn one_address_has_its_share_of_the_peers_and_of_the_torrents() {
        let mut hub = hub(false, &Limits { web_peers_of_one_address: 2, ..Limits::default() });
        let (mut one, mut two) = (hub.begin(IpAddr::from([1; 4])), hub.begin(IpAddr::from([2; 4])));
        let full = Err(Hindrance::Refused(Refusal::Full));
        hub.join(&mut one, &standing(1, 1, false)).expect("the first");
        hub.join(&mut one, &standing(2, 1, false)).expect("the second");
        assert_eq!(hub.join(&mut one, &standing(3, 1, false)).map(|_| ()), full);
        hub.join(&mut one, &standing(2, 1, true)).expect("what it has it keeps");
        hub.join(&mut two, &standing(3, 2, false)).expect("another address has its own share");
        hub.end(&mut one);
        hub.end(&mut two);
        assert!(hub.peers_of.is_empty() && hub.swarms.is_empty());

        let config = Config { is_listed_only: false, most_torrents: 400, ..Config::default() };
        let mut hub = Hub::new(Arc::new(Engine::new(config)), &Limits::default());
        let (mut flood, mut honest) = (hub.begin(IpAddr::from([8; 4])), hub.begin(IpAddr::from([9; 4])));
        let joined = (0..400_u16).filter(|number| {
            let mut key = [7; 20];
            key[..2].copy_from_slice(&number.to_be_bytes());
            hub.join(&mut flood, &Standing { key, ..standing(1, 1, false) }).is_ok()
        });
        assert_eq!(joined.count(), 300 + 32, "a flood of torrents leaves room for others");
        hub.join(&mut honest, &standing(200, 2, false)).expect("there is room");
    }

    #[test]
    fn there_are_no_more_peers_than_may_be() {
        let mut hub = hub(false, &Limits { web_peers: 2, ..Limits::default() });
        let mut session = hub.begin(IpAddr::from([1; 4]));
        let full = Err(Hindrance::Refused(Refusal::Full));
        hub.join(&mut session, &standing(1, 1, false)).expect("the first");
        hub.join(&mut session, &standing(2, 1, false)).expect("the second");
        assert_eq!(hub.join(&mut session, &standing(3, 1, false)).map(|_| ()), full);
        let mut other = hub.begin(IpAddr::from([2; 4]));
        assert_eq!(hub.join(&mut other, &standing(1, 2, false)).map(|_| ()), full);
        hub.leave(&mut session, [2; 20]);
        hub.join(&mut other, &standing(3, 2, false)).expect("there is room again");
    }
}
