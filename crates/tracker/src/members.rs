//! Members: passkeys that name accounts, and what each account gave and took.
//!
//! Clients report totals since they started; what counts is the difference to the last report of the same peer. Differences are
//! gathered for each account and torrent until they are fetched, together with the reports that changed: whoever keeps both in one
//! step and gives the reports back to a new tracker loses nothing and counts nothing twice.

use std::collections::{HashMap, HashSet};

use largesse_swarm::{Event, Key};

use crate::engine::{Engine, Request};

/// A passkey: 16 bytes, written as 32 hex digits.
pub type Passkey = [u8; 16];

/// Most peers whose last report is remembered; beyond that the oldest half is forgotten.
const MOST_REPORTS: usize = 1_000_000;
/// A report that claims more than this since the last one is a mistake or a lie, and counts as nothing.
const MOST_BYTES_AT_ONCE: u64 = 1 << 44;

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

/// An account, a torrent, and the client's own name.
pub type Peer = (u64, Key, [u8; 20]);

/// What a peer said last: totals since its client started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Bytes given.
    pub uploaded: u64,
    /// Bytes taken.
    pub downloaded: u64,
    /// When it said so, on whatever clock its keeper has: the tracker's own in here, seconds since 1970 outside.
    pub seconds: i64,
    /// Whether it had everything.
    pub was_seeder: bool,
}

/// What members did since the last time, and the reports that this was counted from; both are kept, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// What each account did on each torrent.
    pub deltas: Vec<(u64, Key, Delta)>,
    /// Peers that were heard of, with what they said last; None where they are gone.
    pub reports: Vec<(Peer, Option<Report>)>,
}

/// Accounts and what they did.
#[derive(Debug, Default)]
pub(crate) struct Members {
    accounts: HashMap<Passkey, u64>,
    reports: HashMap<Peer, Report>,
    heard: HashSet<Peer>,
    deltas: HashMap<(u64, Key), Delta>,
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
    pub(crate) is_completed: bool,
    pub(crate) is_stopped: bool,
    /// The longest time between two announces that counts as seeding.
    pub(crate) most_seconds: u64,
}

impl Members {
    pub(crate) fn account(&self, passkey: &Passkey) -> Option<u64> {
        self.accounts.get(passkey).copied()
    }

    /// Gives an account its passkey; returns whether it had another one, which stops working.
    pub(crate) fn admit(&mut self, passkey: Passkey, account: u64) -> bool {
        let before = self.accounts.len();
        self.accounts.retain(|_, other| *other != account);
        let had_another = self.accounts.len() < before;
        self.accounts.insert(passkey, account);
        had_another
    }

    /// Gives many accounts their passkeys at once, in place of all former ones.
    pub(crate) fn replace(&mut self, accounts: HashMap<Passkey, u64>) {
        self.accounts = accounts;
    }

    /// Takes the reports that a former tracker kept, so that the next announces are compared with them.
    pub(crate) fn restore(&mut self, reports: impl Iterator<Item = (Peer, Report)>) {
        self.reports.extend(reports);
    }

    pub(crate) fn report(&mut self, announce: &MemberAnnounce, seconds: i64) {
        let peer = (announce.account, announce.key, announce.peer_id);
        self.heard.insert(peer);
        let delta = self.deltas.entry((announce.account, announce.key)).or_default();
        if let Some(last) = self.reports.get(&peer) {
            // A client that began anew reports less than before; then its whole total is new.
            let since = |now: u64, before: u64| if now >= before { now - before } else { now };
            let uploaded = since(announce.uploaded, last.uploaded);
            let downloaded = since(announce.downloaded, last.downloaded);
            if uploaded <= MOST_BYTES_AT_ONCE && downloaded <= MOST_BYTES_AT_ONCE {
                delta.uploaded += uploaded;
                delta.downloaded += downloaded;
            }
            if last.was_seeder {
                let since = u64::try_from(seconds.saturating_sub(last.seconds)).unwrap_or(0);
                delta.seed_seconds += since.min(announce.most_seconds);
            }
        }
        delta.completed += u32::from(announce.is_completed);
        if announce.is_stopped {
            self.reports.remove(&peer);
            return;
        }
        if self.reports.len() >= MOST_REPORTS {
            let oldest = seconds.saturating_sub_unsigned(announce.most_seconds);
            self.reports.retain(|_, report| report.seconds > oldest);
        }
        let report = Report {
            uploaded: announce.uploaded,
            downloaded: announce.downloaded,
            seconds,
            was_seeder: announce.is_seeder,
        };
        self.reports.insert(peer, report);
    }

    /// Hands over what was gathered.
    pub(crate) fn drain(&mut self) -> Deeds {
        let deltas = std::mem::take(&mut self.deltas);
        let deltas = deltas
            .into_iter()
            .filter(|(_, delta)| *delta != Delta::default())
            .map(|((account, key), delta)| (account, key, delta));
        let heard = std::mem::take(&mut self.heard);
        let reports = heard.into_iter().map(|peer| (peer, self.reports.get(&peer).copied()));
        Deeds { deltas: deltas.collect(), reports: reports.collect() }
    }
}

impl Engine {
    /// Gives a member its passkey.
    pub fn admit_member(&self, passkey: Passkey, account: u64) {
        if self.members().admit(passkey, account) {
            self.admissions.send_replace(());
        }
    }

    /// Gives all members their passkeys, in place of all former ones.
    pub fn replace_members(&self, accounts: HashMap<Passkey, u64>) {
        self.members().replace(accounts);
        self.admissions.send_replace(());
    }

    /// Hands over what members did since the last time, with the times of their reports in seconds since 1970.
    #[must_use]
    pub fn drain_members(&self) -> Deeds {
        let mut deeds = self.members().drain();
        let behind = self.clock.behind_unix();
        deeds
            .reports
            .iter_mut()
            .filter_map(|(_, report)| report.as_mut())
            .for_each(|report| report.seconds += behind);
        deeds
    }

    /// Takes the last reports of a former tracker's members, with their times in seconds since 1970.
    pub fn restore_members(&self, reports: impl Iterator<Item = (Peer, Report)>) {
        let behind = self.clock.behind_unix();
        let ours =
            |(peer, report): (Peer, Report)| (peer, Report { seconds: report.seconds - behind, ..report });
        self.members().restore(reports.map(ours));
    }

    pub(crate) fn report(&self, request: &Request, account: u64, key: Key) {
        let announce = MemberAnnounce {
            account,
            key,
            peer_id: request.peer_id,
            uploaded: request.uploaded,
            downloaded: request.downloaded,
            is_seeder: request.announce.is_seeder,
            is_completed: request.announce.event == Event::Completed,
            is_stopped: request.announce.event == Event::Stopped,
            most_seconds: u64::from(self.config().interval_seconds) * 2,
        };
        self.members().report(&announce, self.seconds().cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(uploaded: u64, downloaded: u64, is_seeder: bool) -> MemberAnnounce {
        MemberAnnounce {
            account: 7,
            key: [1; 20],
            peer_id: [2; 20],
            uploaded,
            downloaded,
            is_seeder,
            is_completed: false,
            is_stopped: false,
            most_seconds: 3600,
        }
    }

    #[test]
    fn only_differences_count_and_a_restart_of_the_client_begins_anew() {
        let mut members = Members::default();
        members.report(&announce(0, 0, false), 0);
        members.report(&announce(100, 50, true), 60);
        members.report(&announce(300, 50, true), 660);
        members.report(&announce(10, 0, true), 700);
        members.report(&announce(1 << 50, 0, true), 710);
        let Deeds { deltas, reports } = members.drain();
        let [(7, key, delta)] = deltas[..] else { panic!("one record") };
        assert_eq!(key, [1; 20]);
        let last = Report { uploaded: 1 << 50, downloaded: 0, seconds: 710, was_seeder: true };
        assert_eq!(reports, [((7, [1; 20], [2; 20]), Some(last))]);
        assert_eq!(delta, Delta { uploaded: 310, downloaded: 50, seed_seconds: 650, completed: 0 });
        assert_eq!(members.drain(), Deeds::default());
        members.report(&MemberAnnounce { is_stopped: true, ..announce(1 << 50, 0, true) }, 720);
        assert_eq!(members.drain().reports, [((7, [1; 20], [2; 20]), None)]);
    }

    #[test]
    fn a_new_tracker_goes_on_where_the_former_one_stopped() {
        let mut former = Members::default();
        former.report(&announce(0, 0, true), 0);
        former.report(&announce(100, 50, true), 60);
        let kept = former.drain().reports;
        let mut members = Members::default();
        members.restore(kept.into_iter().filter_map(|(peer, report)| Some((peer, report?))));
        members.report(&announce(170, 50, true), 160);
        let expected = Delta { uploaded: 70, downloaded: 0, seed_seconds: 100, completed: 0 };
        assert_eq!(members.drain().deltas, [(7, [1; 20], expected)]);
    }

    #[test]
    fn a_new_passkey_replaces_the_former_one() {
        let mut members = Members::default();
        members.admit([1; 16], 7);
        members.admit([2; 16], 7);
        assert_eq!((members.account(&[1; 16]), members.account(&[2; 16])), (None, Some(7)));
    }
}
