//! Members: what each account gave and took.
//!
//! Clients report totals since they started; [`crate::member_report`] says what counts of them. That is gathered for each account and
//! torrent until it is fetched, together with the reports that changed: whoever keeps both in one step and gives the reports back to
//! a new tracker loses nothing and counts nothing twice.
//!
//! Accounts are spread over parts, each under a lock of its own, so that neither a part that grows nor one that is handed over keeps
//! the workers waiting.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use largesse_swarm::{Event, Key};

use crate::counters::count_many;
use crate::engine::{Engine, Request};
use crate::member_report::{KEEP_SECONDS, Known, LATE_SECONDS, Report};

/// How many parts there are: at a million reports each has some sixteen thousand, which move within a millisecond when it grows.
const PARTS: usize = 64;
/// Most peers whose last report is remembered in all parts, some 250 bytes each.
const MOST_REPORTS: usize = 1_000_000;
/// How many reports each announce looks at, to forget those of silent peers: more than it can add, so the looks keep ahead.
const LOOKS: usize = 2;

/// What an account did on a torrent since the last fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Bytes given.
    pub uploaded: u64,
    /// Bytes taken.
    pub downloaded: u64,
    /// Seconds spent as a seeder.
    pub seed_seconds: u64,
    /// Downloads completed.
    pub completed: u32,
}

impl Delta {
    fn add(&mut self, other: &Self) {
        self.uploaded = self.uploaded.saturating_add(other.uploaded);
        self.downloaded = self.downloaded.saturating_add(other.downloaded);
        self.seed_seconds = self.seed_seconds.saturating_add(other.seed_seconds);
        self.completed = self.completed.saturating_add(other.completed);
    }
}

/// An account, a torrent, and the client's own name.
pub type Peer = (u64, Key, [u8; 20]);

/// What members did since the last time, and the reports that this was counted from; both are kept, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// What each account did on each torrent.
    pub deltas: Vec<(u64, Key, Delta)>,
    /// Peers that were heard of, with what they said last; None where they are gone.
    pub reports: Vec<(Peer, Option<Report>)>,
}

/// What the accounts of one part did.
#[derive(Debug)]
pub(crate) struct Members {
    /// How many reports all parts have.
    all: Arc<AtomicUsize>,
    reports: HashMap<Peer, Known>,
    /// Each peer of `reports` once: the order in which they are looked at.
    turns: VecDeque<Peer>,
    /// How many reports an account has.
    held: HashMap<u64, usize>,
    most_reports: usize,
    heard: HashSet<Peer>,
    deltas: HashMap<(u64, Key), Delta>,
    /// Announces that were not counted since nothing more could be remembered.
    refused: u64,
    /// Reports that were forgotten.
    forgotten: u64,
}

#[cfg(test)]
impl Default for Members {
    fn default() -> Self {
        Self::part_of(&Arc::default(), MOST_REPORTS)
    }
}

/// One announce of a member.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberAnnounce {
    pub(crate) account: u64,
    pub(crate) key: Key,
    pub(crate) peer_id: [u8; 20],
    pub(crate) uploaded: u64,
    pub(crate) downloaded: u64,
    pub(crate) is_seeder: bool,
    pub(crate) event: Event,
    /// The longest time between two announces that counts as seeding.
    pub(crate) most_seconds: u64,
}

impl Members {
    /// All parts, which share their room.
    pub(crate) fn parts() -> Box<[Mutex<Self>]> {
        let all = Arc::default();
        (0..PARTS).map(|_| Mutex::new(Self::part_of(&all, MOST_REPORTS))).collect()
    }

    fn part_of(all: &Arc<AtomicUsize>, most_reports: usize) -> Self {
        Self {
            all: Arc::clone(all),
            reports: HashMap::new(),
            turns: VecDeque::new(),
            held: HashMap::new(),
            most_reports,
            heard: HashSet::new(),
            deltas: HashMap::new(),
            refused: 0,
            forgotten: 0,
        }
    }

    /// Takes a report that a former tracker kept, so that the next announce is compared with it.
    fn restore(&mut self, peer: Peer, report: Report) {
        if self.reports.contains_key(&peer) || self.has_room(peer.0) {
            self.remember(peer, report.into());
        }
    }

    /// Counts an announce and remembers what it said, in a time that does not grow with what is remembered.
    pub(crate) fn report(&mut self, announce: &MemberAnnounce, seconds: i64) {
        self.forget_silent(announce.most_seconds, seconds);
        let peer = (announce.account, announce.key, announce.peer_id);
        let new = if let Some(known) = self.reports.get_mut(&peer) {
            known.hear(announce, seconds)
        } else if self.has_room(announce.account) {
            let Some((known, new)) = Known::begin(announce, seconds) else { return };
            self.remember(peer, known);
            new
        } else {
            self.refused += 1;
            return;
        };
        self.heard.insert(peer);
        if new != Delta::default() {
            self.deltas.entry((announce.account, announce.key)).or_default().add(&new);
        }
    }

    /// Whether one more peer of an account can be remembered.
    ///
    /// An account has at most as many as are free. So one that invents peers leaves half of all to the others, ten that do leave an
    /// eleventh, and one that honestly seeds fifty thousand torrents is never near it.
    fn has_room(&self, account: u64) -> bool {
        let free = self.most_reports.saturating_sub(self.all.load(Ordering::Relaxed));
        self.held.get(&account).copied().unwrap_or(0) < free
    }

    fn remember(&mut self, peer: Peer, known: Known) {
        if self.reports.insert(peer, known).is_none() {
            self.all.fetch_add(1, Ordering::Relaxed);
            self.turns.push_back(peer);
            *self.held.entry(peer.0).or_default() += 1;
        }
    }

    /// Looks at the reports whose turn it is, and forgets those that nothing will be compared with any more.
    ///
    /// A peer may be silent for two days. Once half of the room is taken, it is two intervals and what is late, or only the latter after
    /// a session ended. Whoever comes back later is new: its first announce counts nothing, so nothing counts twice.
    fn forget_silent(&mut self, most_seconds: u64, seconds: i64) {
        for _ in 0..LOOKS.min(self.turns.len()) {
            let Some(peer) = self.turns.pop_front() else { return };
            let is_crowded = self.all.load(Ordering::Relaxed) > self.most_reports / 2;
            let silent_for = |known: &Known| seconds.saturating_sub(known.report.seconds);
            let most_silent = |known: &Known| match (is_crowded, known.report.is_stopped) {
                (false, _) => KEEP_SECONDS,
                (true, false) => most_seconds.cast_signed().saturating_add(LATE_SECONDS),
                (true, true) => LATE_SECONDS,
            };
            let known = self.reports.get_mut(&peer);
            if let Some(known) = known.filter(|known| silent_for(known) <= most_silent(known)) {
                known.tidy(seconds);
                self.turns.push_back(peer);
                continue;
            }
            self.all.fetch_sub(1, Ordering::Relaxed);
            self.reports.remove(&peer);
            self.heard.insert(peer);
            self.forgotten += 1;
            if let Some(held) = self.held.get_mut(&peer.0) {
                *held -= 1;
                if *held == 0 {
                    self.held.remove(&peer.0);
                }
            }
        }
    }

    /// How many announces were not counted for want of room, and how many reports were forgotten, since the last time.
    fn take_figures(&mut self) -> (u64, u64) {
        (std::mem::take(&mut self.refused), std::mem::take(&mut self.forgotten))
    }

    /// Hands over what was gathered.
    pub(crate) fn drain(&mut self) -> Deeds {
        let deltas = std::mem::take(&mut self.deltas);
        let deltas = deltas.into_iter().map(|((account, key), delta)| (account, key, delta));
        let heard = std::mem::take(&mut self.heard);
        let reports = heard.into_iter().map(|peer| (peer, self.reports.get(&peer).map(|known| known.report)));
        Deeds { deltas: deltas.collect(), reports: reports.collect() }
    }
}

impl Engine {
    /// Hands over what members did since the last time, with the times of their reports in seconds since 1970.
    #[must_use]
    pub fn drain_members(&self) -> Deeds {
        let mut deeds = Deeds::default();
        for part in &self.members {
            let drained = part.lock().unwrap_or_else(PoisonError::into_inner).drain();
            deeds.deltas.extend(drained.deltas);
            deeds.reports.extend(drained.reports);
        }
        let behind = self.clock.behind_unix();
        deeds.reports.iter_mut().filter_map(|(_, report)| report.as_mut()).for_each(|report| {
            (report.seconds, report.begun) = (report.seconds + behind, report.begun + behind);
        });
        deeds
    }

    /// Takes the last reports of a former tracker's members, with their times in seconds since 1970.
    pub fn restore_members(&self, reports: impl Iterator<Item = (Peer, Report)>) {
        let behind = self.clock.behind_unix();
        for (peer, report) in reports {
            let (seconds, begun) = (report.seconds - behind, report.begun - behind);
            self.members_with(peer.0).restore(peer, Report { seconds, begun, ..report });
        }
    }

    /// Locks the part that an account is in.
    fn members_with(&self, account: u64) -> MutexGuard<'_, Members> {
        let part = &self.members[account as usize % self.members.len()];
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn report(&self, request: &Request, account: u64, key: Key) {
        let announce = MemberAnnounce {
            account,
            key,
            peer_id: request.peer_id,
            uploaded: request.uploaded,
            downloaded: request.downloaded,
            is_seeder: request.announce.is_seeder,
            event: request.announce.event,
            most_seconds: u64::from(self.config().interval_seconds) * 2,
        };
        let mut members = self.members_with(account);
        members.report(&announce, self.seconds().cast_signed());
        let (refused, forgotten) = members.take_figures();
        drop(members);
        count_many(&self.counters.member_announces_uncounted, refused);
        count_many(&self.counters.member_reports_forgotten, forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Config;
    use crate::member_report::tests::announce;

    #[test]
    fn only_differences_count_and_what_cannot_be_changes_nothing() {
        let mut members = Members::default();
        members.report(&announce(0, 0, false), 0);
        members.report(&announce(100, 50, true), 60);
        members.report(&announce(300, 50, true), 660);
        members.report(&announce(1 << 50, 50, true), 700);
        members.report(&announce(310, 50, true), 710);
        let Deeds { deltas, reports } = members.drain();
        let [(7, key, delta)] = deltas[..] else { panic!("one record") };
        assert_eq!(key, [1; 20]);
        let last = Report {
            uploaded: 310,
            downloaded: 50,
            seconds: 710,
            begun: 0,
            was_seeder: true,
            is_stopped: false,
            has_completed: false,
        };
        assert_eq!(reports, [((7, [1; 20], [2; 20]), Some(last))]);
        assert_eq!(delta, Delta { uploaded: 310, downloaded: 50, seed_seconds: 650, completed: 0 });
        assert_eq!(members.drain(), Deeds::default());
        members.report(&MemberAnnounce { event: Event::Stopped, ..announce(310, 50, true) }, 720);
        let stopped = Report { seconds: 720, was_seeder: false, is_stopped: true, ..last };
        assert_eq!(members.drain().reports, [((7, [1; 20], [2; 20]), Some(stopped))]);
    }

    #[test]
    fn a_new_tracker_goes_on_where_the_former_one_stopped() {
        let mut former = Members::default();
        former.report(&announce(0, 0, true), 0);
        former.report(&announce(100, 50, true), 60);
        let kept = former.drain().reports;
        let mut members = Members::default();
        for (peer, report) in kept {
            members.restore(peer, report.expect("nobody is gone"));
        }
        members.report(&announce(170, 50, true), 160);
        let expected = Delta { uploaded: 70, downloaded: 0, seed_seconds: 100, completed: 0 };
        assert_eq!(members.drain().deltas, [(7, [1; 20], expected)]);
    }

    fn announced(members: &mut Members, account: u64, peer: u64, uploaded: u64, seconds: i64) {
        let mut peer_id = [0; 20];
        peer_id[..8].copy_from_slice(&peer.to_be_bytes());
        members.report(&MemberAnnounce { account, peer_id, ..announce(uploaded, 0, false) }, seconds);
    }

    #[test]
    fn an_account_that_invents_peers_leaves_room_for_the_others() {
        let mut members = Members::part_of(&Arc::default(), 100);
        for peer in 0..1000 {
            announced(&mut members, 1, peer, 0, 0);
        }
        assert_eq!((members.reports.len(), members.turns.len()), (50, 50));
        for peer in 0..25 {
            announced(&mut members, 2, peer, 0, 1);
            announced(&mut members, 2, peer, 10, 2);
        }
        announced(&mut members, 1, 7, 3, 3);
        assert_eq!(members.take_figures(), (950, 0));
        let mut counted: Vec<_> =
            members.drain().deltas.into_iter().map(|row| (row.0, row.2.uploaded)).collect();
        counted.sort_unstable();
        assert_eq!(counted, [(1, 3), (2, 250)]);
    }

    #[test]
    fn silent_peers_are_forgotten_a_few_at_a_time_and_count_nothing_twice() {
        let mut members = Members::part_of(&Arc::default(), 100);
        for peer in 0..20 {
            announced(&mut members, peer, peer, 0, 0);
            announced(&mut members, peer, peer, 500, 10);
        }
        members.drain();
        // There is room: a long silence is waited for.
        for peer in 0..20 {
            announced(&mut members, 30, 30, peer, 90_000);
        }
        assert_eq!((members.reports.len(), members.take_figures()), (21, (0, 0)));
        members.drain();
        announced(&mut members, 30, 30, 20, 10 + KEEP_SECONDS + 1);
        assert_eq!((members.reports.len(), members.take_figures()), (19, (0, 2)));
        assert_eq!(members.drain().reports.iter().filter(|(_, report)| report.is_none()).count(), 2);
        for _ in 0..20 {
            announced(&mut members, 30, 30, 20, 10 + KEEP_SECONDS + 1);
        }
        assert_eq!((members.reports.len(), members.turns.len(), members.held.len()), (1, 1, 1));
        members.drain();
        announced(&mut members, 3, 3, 500, 10 + KEEP_SECONDS + 2);
        announced(&mut members, 3, 3, 520, 10 + KEEP_SECONDS + 3);
        assert_eq!(members.drain().deltas[0].2.uploaded, 20, "only what is new since it came back");
    }

    #[test]
    fn parts_share_their_room_and_are_handed_over_together() {
        let all = Arc::default();
        let mut parts = [0; 2].map(|_| Members::part_of(&all, 100));
        for peer in 0..1000 {
            announced(&mut parts[0], 1, peer, 0, 0);
            announced(&mut parts[1], 2, peer, 0, 0);
        }
        assert_eq!(parts.map(|part| part.reports.len()), [34, 33], "a third each, and a third is free");
        let engine = Engine::new(Config::default());
        let peer = |account: u64| (account, [1; 20], [2; 20]);
        for account in 0..200 {
            engine.members_with(account).report(&MemberAnnounce { account, ..announce(0, 0, false) }, 1);
        }
        let mut drained: Vec<_> = engine.drain_members().reports.into_iter().map(|row| row.0).collect();
        drained.sort_unstable();
        assert_eq!(drained, (0..200).map(peer).collect::<Vec<_>>());
    }

    #[test]
    fn where_room_is_short_two_intervals_of_silence_are_enough() {
        let mut members = Members::part_of(&Arc::default(), 10);
        for peer in 0..6 {
            announced(&mut members, peer, peer, 0, 0);
        }
        announced(&mut members, 0, 0, 0, 3600 + LATE_SECONDS);
        assert_eq!(members.take_figures(), (0, 0));
        announced(&mut members, 0, 0, 0, 3600 + LATE_SECONDS + 1);
        assert_eq!(
            (members.take_figures(), members.reports.len()),
            ((0, 1), 5),
            "half of the room is free again"
        );
    }
}
