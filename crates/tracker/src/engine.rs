//! The engine: the swarms of all protocols, with policy, members and rules. Every protocol asks it the same way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use largesse_swarm::{Announce, Counts, Key, Outcome, Seeded, Shard, Tick, Visibility};

use crate::clock::Clock;
use crate::connection::ConnectionIds;
use crate::counters::{Counters, count};
use crate::health::Health;
use crate::members::Members;
use crate::passkey::{Passkey, Passkeys};
use crate::random::random_words;
use tokio::sync::watch;

/// How the tracker answers.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many shards, one for each UDP worker.
    pub shards: usize,
    /// Whether only permitted keys are answered.
    pub is_listed_only: bool,
    /// Whether a passkey is needed.
    pub is_members_only: bool,
    /// Time between two announces, in seconds.
    pub interval_seconds: u32,
    /// To whom local peers are told.
    pub visibility: Visibility,
    /// Most peers of one reply.
    pub most_wanted: usize,
    /// Peers of a reply when the client names no number.
    pub usual_wanted: usize,
    /// Most torrents of the open policy.
    pub most_torrents: usize,
    /// Most peers of one swarm and address family.
    pub most_peers: usize,
    /// Peer-id prefixes that alone are served; empty: all.
    pub client_allow: Vec<Vec<u8>>,
    /// Peer-id prefixes that are refused.
    pub client_deny: Vec<Vec<u8>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            shards: 1,
            is_listed_only: true,
            is_members_only: false,
            interval_seconds: 1800,
            visibility: Visibility::Same,
            most_wanted: 200,
            usual_wanted: 50,
            most_torrents: 10_000_000,
            most_peers: 2_000_000,
            client_allow: Vec::new(),
            client_deny: Vec::new(),
        }
    }
}

/// A change of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// This key may be announced.
    Allow(Key),
    /// This key is a second name of the other one.
    Alias(Key, Key),
    /// This key may no longer be announced; its peers are forgotten.
    Refuse(Key),
}

/// An announce, from whichever protocol.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// The swarm's part.
    pub announce: Announce,
    /// The client's own name.
    pub peer_id: [u8; 20],
    /// Bytes given since the client's start.
    pub uploaded: u64,
    /// Bytes taken since the client's start.
    pub downloaded: u64,
    /// Who it is, where members are counted.
    pub passkey: Option<Passkey>,
}

/// The answer to an announce; the peers were written into the caller's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What the swarm holds.
    pub counts: Counts,
    /// When to announce again.
    pub interval_seconds: u32,
}

/// Why an announce is not answered with peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The key is not permitted.
    NotListed,
    /// The client is not permitted.
    Client,
    /// The passkey is missing or unknown.
    Passkey,
    /// There are as many torrents as may be.
    Full,
}

impl Refusal {
    /// A sentence for the client's user.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotListed => "This torrent is not listed here",
            Self::Client => "This BitTorrent program is not served here",
            Self::Passkey => "Unknown passkey: get the .torrent file again from the site",
            Self::Full => "This tracker is full, try again later",
        }
    }

    /// When to try again, in minutes (BEP 31); None is "never".
    #[must_use]
    pub fn retry_minutes(self) -> Option<u32> {
        match self {
            Self::Full => Some(10),
            // It may be about to be listed: who publishes often seeds first.
            Self::NotListed => Some(5),
            Self::Client | Self::Passkey => None,
        }
    }
}

/// Peer-id prefixes that are allowed (none: all), and those that are denied.
type ClientRules = (Vec<Vec<u8>>, Vec<Vec<u8>>);

/// Everything that the protocols share.
#[derive(Debug)]
pub struct Engine {
    shards: Vec<Mutex<Shard>>,
    /// Where keys stand in every shard.
    pub(crate) hashing: Seeded,
    config: Config,
    pub(crate) members: Box<[Mutex<Members>]>,
    pub(crate) passkeys: RwLock<Passkeys>,
    /// Whether there is any rule, so that nobody pays for looking when there is none.
    has_rules: AtomicBool,
    rules: RwLock<ClientRules>,
    pub(crate) clock: Clock,
    /// Told whenever somebody who was admitted may be so no more: connections that last look again then.
    pub(crate) admissions: watch::Sender<()>,
    panics_asked: AtomicUsize,
    pub(crate) health: Health,
    pub(crate) connections: ConnectionIds,
    /// What happened.
    pub counters: Counters,
}

impl Engine {
    /// An engine without torrents.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let [one, two, _] = random_words();
        let shards = (0..config.shards.max(1))
            .map(|_| {
                let mut shard = Shard::new([one, two, random_words()[2]]);
                shard.is_listed_only = config.is_listed_only;
                shard.visibility = config.visibility;
                shard.most_torrents = config.most_torrents / config.shards.max(1);
                shard.most_peers = config.most_peers;
                // Two intervals and a half of silence, but never more than the clock of peers can tell.
                shard.life = (u64::from(config.interval_seconds) * 5 / 2 / largesse_swarm::TICK_SECONDS)
                    .clamp(15, 15_000) as u16;
                Mutex::new(shard)
            })
            .collect();
        Self {
            shards,
            hashing: Seeded::new([one, two]),
            members: Members::parts(),
            passkeys: RwLock::default(),
            has_rules: AtomicBool::new(!(config.client_allow.is_empty() && config.client_deny.is_empty())),
            rules: RwLock::new((config.client_allow.clone(), config.client_deny.clone())),
            config,
            clock: Clock::running(),
            admissions: watch::Sender::new(()),
            panics_asked: AtomicUsize::new(0),
            health: Health::new(),
            connections: ConnectionIds::new(),
            counters: Counters::default(),
        }
    }

    /// Seconds of the tracker's own clock; it starts at an hour, so that snapshots have a past.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.clock.seconds()
    }

    /// An engine whose clock stands still but for [`Engine::advance`].
    #[must_use]
    pub fn with_clock_by_hand(config: Config) -> Self {
        Self { clock: Clock::by_hand(), ..Self::new(config) }
    }

    /// Moves a clock that stands still, and sweeps everything that has been silent for too long.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
        for number in 0..self.shards() {
            self.shard(number).sweep_all(self.tick());
        }
    }

    /// Makes a worker panic at its next look after its shard, so that its restart can be seen.
    pub fn ask_for_panic(&self) {
        self.panics_asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panic_if_asked(&self) {
        let fewer = |asked: usize| asked.checked_sub(1);
        let is_asked = self.panics_asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok();
        assert!(!is_asked, "a worker was asked to panic");
    }

    /// How the tracker answers.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Which shard owns a key: the kernel steers packets by the same rule.
    #[must_use]
    pub fn shard_of(&self, key: &Key) -> usize {
        let word = u32::from_be_bytes([key[0], key[1], key[2], key[3]]);
        word as usize % self.shards.len()
    }

    /// Locks a shard. A worker that panicked left it consistent enough: peers are facts of their own.
    pub fn shard(&self, number: usize) -> MutexGuard<'_, Shard> {
        self.shards[number].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks what needs no swarm: the client and the passkey. Returns the member's account.
    ///
    /// # Errors
    ///
    /// [`Refusal::Client`] and [`Refusal::Passkey`].
    pub fn admit(&self, request: &Request) -> Result<Option<u64>, Refusal> {
        self.admit_peer(&request.peer_id, request.passkey.as_ref())
    }

    /// The same, for one who is known by these two.
    pub(crate) fn admit_peer(
        &self,
        peer_id: &[u8; 20],
        passkey: Option<&Passkey>,
    ) -> Result<Option<u64>, Refusal> {
        if self.has_rules.load(Ordering::Relaxed) {
            let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
            let is_denied = rules.1.iter().any(|prefix| peer_id.starts_with(prefix));
            let is_allowed = rules.0.is_empty() || rules.0.iter().any(|prefix| peer_id.starts_with(prefix));
            if is_denied || !is_allowed {
                count(&self.counters.refused_client);
                return Err(Refusal::Client);
            }
        }
        if !self.config.is_members_only {
            return Ok(None);
        }
        let passkeys = self.passkeys.read().unwrap_or_else(PoisonError::into_inner);
        let account = passkey.and_then(|passkey| passkeys.account(passkey));
        if account.is_none() {
            count(&self.counters.refused_passkey);
            return Err(Refusal::Passkey);
        }
        Ok(account)
    }

    /// Handles an announce; a hybrid's second key leads to the swarm of its first.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing was changed then.
    pub fn announce(&self, request: &Request, v4: &mut Vec<u8>, v6: &mut Vec<u8>) -> Result<Reply, Refusal> {
        let account = self.admit(request)?;
        self.announce_admitted(request, account, v4, v6)
    }

    /// The same, for one who was admitted as this account.
    pub(crate) fn announce_admitted(
        &self,
        request: &Request,
        account: Option<u64>,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Result<Reply, Refusal> {
        let number = self.shard_of(&request.announce.key);
        let outcome = self.shard(number).announce(&request.announce, self.tick(), v4, v6);
        self.finish(request, account, outcome, v4, v6)
    }

    /// Ends an announce whose first outcome is known: follows a second key to its swarm, counts for members.
    pub(crate) fn finish(
        &self,
        request: &Request,
        account: Option<u64>,
        outcome: Outcome,
        v4: &mut Vec<u8>,
        v6: &mut Vec<u8>,
    ) -> Result<Reply, Refusal> {
        let mut key = request.announce.key;
        let mut outcome = outcome;
        if let Outcome::SameAs(canonical) = outcome {
            key = canonical;
            let announce = Announce { key, ..request.announce };
            outcome = self.shard(self.shard_of(&key)).announce_second(&announce, self.tick(), v4, v6);
        }
        match outcome {
            Outcome::Done(counts) => {
                if let Some(account) = account {
                    self.report(request, account, key);
                }
                Ok(Reply { counts, interval_seconds: self.interval(counts) })
            }
            Outcome::Full => {
                count(&self.counters.refused_full);
                Err(Refusal::Full)
            }
            Outcome::Unknown | Outcome::Refused | Outcome::SameAs(_) => {
                count(&self.counters.refused_policy);
                Err(Refusal::NotListed)
            }
        }
    }

    /// Answers a scrape; None where the key is not there.
    #[must_use]
    pub fn scrape(&self, key: Key) -> Option<Counts> {
        // The lock must be free again before a hybrid's first key is looked for: it may be in the same shard.
        let mut outcome = self.shard(self.shard_of(&key)).scrape(key);
        if let Outcome::SameAs(canonical) = outcome {
            outcome = self.shard(self.shard_of(&canonical)).scrape(canonical);
        }
        if let Outcome::Done(counts) = outcome { Some(counts) } else { None }
    }

    /// Applies changes of the policy, in their order; they hold when this returns.
    pub fn apply(&self, changes: &[Permit]) {
        let mut has_browsers = false;
        for change in changes {
            match *change {
                Permit::Allow(key) => self.shard(self.shard_of(&key)).permit(key),
                Permit::Alias(key, canonical) => self.shard(self.shard_of(&key)).alias(key, canonical),
                Permit::Refuse(key) => has_browsers |= self.shard(self.shard_of(&key)).forbid(key),
            }
        }
        if has_browsers {
            self.admissions.send_replace(());
        }
    }

    /// Sets which clients are served, by prefixes of their peer ids.
    pub fn set_client_rules(&self, allow: Vec<Vec<u8>>, deny: Vec<Vec<u8>>) {
        let has_rules = !(allow.is_empty() && deny.is_empty());
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = (allow, deny);
        self.has_rules.store(has_rules, Ordering::Relaxed);
        self.admissions.send_replace(());
    }

    /// Hands over the swarms whose counts changed, at most `limit` of each shard.
    #[must_use]
    pub fn drain_counts(&self, limit: usize) -> Vec<(Key, Counts)> {
        (0..self.shards.len()).flat_map(|number| self.shard(number).drain_changed(limit)).collect()
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick::at(self.seconds())
    }

    /// How many peers a reply holds, from what the client wants.
    #[must_use]
    pub fn wanted(&self, wanted: Option<usize>) -> usize {
        wanted.unwrap_or(self.config.usual_wanted).min(self.config.most_wanted)
    }

    /// A small swarm is worth asking about sooner: its first peers find each other faster.
    fn interval(&self, counts: Counts) -> u32 {
        let usual = self.config.interval_seconds;
        if counts.seeders + counts.leechers < 3 { usual.min((usual / 4).max(60)) } else { usual }
    }
}
