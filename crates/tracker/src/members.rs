//! Members: passkeys that name accounts, and what each account gave and took.
//!
//! Clients report totals since they started; what counts is the difference to the last report of the same peer. Differences are
//! gathered for each account and torrent until they are fetched.

use std::collections::HashMap;

use largesse_swarm::Key;

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

#[derive(Clone, Copy, Debug)]
struct Report {
    uploaded: u64,
    downloaded: u64,
    seconds: u64,
    was_seeder: bool,
}

/// Accounts and what they did.
#[derive(Debug, Default)]
pub(crate) struct Members {
    accounts: HashMap<Passkey, u64>,
    reports: HashMap<(u64, Key, [u8; 20]), Report>,
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

    /// Gives an account its passkey; a former one of the same account stops working.
    pub(crate) fn admit(&mut self, passkey: Passkey, account: u64) {
        self.accounts.retain(|_, other| *other != account);
        self.accounts.insert(passkey, account);
    }

    /// Gives many accounts their passkeys at once, in place of all former ones.
    pub(crate) fn replace(&mut self, accounts: HashMap<Passkey, u64>) {
        self.accounts = accounts;
    }

    pub(crate) fn report(&mut self, announce: &MemberAnnounce, seconds: u64) {
        let peer = (announce.account, announce.key, announce.peer_id);
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
                delta.seed_seconds += seconds.saturating_sub(last.seconds).min(announce.most_seconds);
            }
        }
        delta.completed += u32::from(announce.is_completed);
        if announce.is_stopped {
            self.reports.remove(&peer);
            return;
        }
        if self.reports.len() >= MOST_REPORTS {
            let oldest = seconds.saturating_sub(announce.most_seconds);
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
    pub(crate) fn drain(&mut self) -> Vec<(u64, Key, Delta)> {
        let gathered = std::mem::take(&mut self.deltas);
        gathered
            .into_iter()
            .filter(|(_, delta)| *delta != Delta::default())
            .map(|((account, key), delta)| (account, key, delta))
            .collect()
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
        let [(7, key, delta)] = members.drain()[..] else { panic!("one record") };
        assert_eq!(key, [1; 20]);
        assert_eq!(delta, Delta { uploaded: 310, downloaded: 50, seed_seconds: 650, completed: 0 });
        assert_eq!(members.drain(), []);
    }

    #[test]
    fn a_new_passkey_replaces_the_former_one() {
        let mut members = Members::default();
        members.admit([1; 16], 7);
        members.admit([2; 16], 7);
        assert_eq!((members.account(&[1; 16]), members.account(&[2; 16])), (None, Some(7)));
    }
}
