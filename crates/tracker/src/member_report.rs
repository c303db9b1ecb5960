//! What a member's peer said last, and what counts of what it says next.
//!
//! Clients report totals since they started. They say the same thing several times: to each address and URL of the tracker, under
//! both keys of a hybrid torrent, and again where no answer came. So announces arrive twice and out of order, and only what exceeds
//! the highest totals so far is new. A client that begins anew goes back to nought. That it did so is believed where it says "started"
//! with at most half of its former totals, or was silent for longer than anything can be late, and than two announces are apart.
//!
//! What comes late after that was said before, word for word, so what a peer said lately is remembered beyond the end of a session:
//! whoever repeats it with more than the session has is the one before, and counts nothing. A client that really says the same again
//! says more the next time.
//!
//! A "started" may be late itself. After "stopped", or when its session's own first word can no longer be late, it begins a new
//! session. Otherwise it may be either, and the next thing tells that was not said before: less than the session has is of a new one,
//! and all of it counts; more is of the same one, and counts as far as it exceeds.

use largesse_swarm::Event;

use crate::members::{Delta, MemberAnnounce};

/// How long an announce may be on its way: one that is sent again for want of an answer comes within this (BEP 15, four times).
pub(crate) const LATE_SECONDS: i64 = 300;
/// How long what a silent peer said last is kept where there is room: as long as the database keeps it.
pub(crate) const KEEP_SECONDS: i64 = 2 * 24 * 3600;
/// How many announces of the last [`LATE_SECONDS`] are remembered of a peer; clients make four or five at most.
const MOST_SAID: usize = 16;
/// A report that claims more than this since the last one is a mistake or a lie, and counts as nothing.
const MOST_BYTES_AT_ONCE: u64 = 1 << 44;

/// What a peer said last: totals since its client started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Bytes given, of which all that is new was counted.
    pub uploaded: u64,
    /// Bytes taken, likewise.
    pub downloaded: u64,
    /// When it was heard, on whatever clock its keeper has: the tracker's own in here, seconds since 1970 outside.
    pub seconds: i64,
    /// When its session began, on the same clock.
    pub begun: i64,
    /// Whether it had everything.
    pub was_seeder: bool,
    /// Whether it said that it stopped; it is kept for a while, so that what comes late does not count again.
    pub is_stopped: bool,
    /// Whether its completed download was counted.
    pub has_completed: bool,
}

/// A report, with what only the tracker that heard it knows.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) report: Report,
    /// What was said lately, in this session and in those before.
    said: Vec<Said>,
    /// The session that has begun, if the "started" that came last was not a late one of this session.
    again: Option<Box<Report>>,
}

/// The words of an announce, and when they were heard first.
#[derive(Clone, Copy, Debug)]
struct Said {
    event: Event,
    uploaded: u64,
    downloaded: u64,
    seconds: i64,
}

impl From<Report> for Known {
    fn from(report: Report) -> Self {
        Self { report, said: Vec::new(), again: None }
    }
}

impl Known {
    /// Begins with the first announce of a peer; returns what is known and what counts, None where nothing need be remembered.
    pub(crate) fn begin(announce: &MemberAnnounce, seconds: i64) -> Option<(Self, Delta)> {
        if announce.event == Event::Stopped {
            return None;
        }
        let report = begun(announce, seconds, completes(announce));
        let mut known = Self::from(report);
        known.was_said(announce, seconds);
        Some((known, Delta { completed: u32::from(report.has_completed), ..Delta::default() }))
    }

    /// Hears another announce; returns what counts.
    pub(crate) fn hear(&mut self, announce: &MemberAnnounce, seconds: i64) -> Delta {
        let was_said = self.was_said(announce, seconds);
        if self.is_over(announce, seconds) {
            self.report = begun(announce, seconds, completes(announce));
            self.again = None;
            return Delta { completed: u32::from(self.report.has_completed), ..Delta::default() };
        }
        let last = self.report;
        if self.is_anew(announce) {
            let has_completed = seconds - last.seconds <= LATE_SECONDS && last.has_completed;
            let mut report = begun(announce, seconds, has_completed);
            if last.is_stopped || !(was_said || seconds - last.begun <= LATE_SECONDS) {
                report.was_seeder &= !was_said;
                (self.report, self.again) = (report, None);
                return Delta::default();
            }
            self.again = Some(Box::new(report));
        } else if was_said && is_more(announce, &last) {
            return Delta::default();
        } else if !was_said && let Some(again) = self.again.take_if(|_| is_less(announce, &last)) {
            let seconds = again.seconds.max(last.seconds);
            self.report = Report { seconds, has_completed: last.has_completed, ..*again };
        } else if !was_said {
            self.again = None;
        }
        self.go_on(announce, seconds, was_said)
    }

    /// Forgets what was said too long ago to come late.
    pub(crate) fn tidy(&mut self, seconds: i64) {
        self.said.retain(|said| seconds - said.seconds <= LATE_SECONDS);
        if self.said.is_empty() {
            self.said = Vec::new();
        }
    }

    /// Remembers the words of an announce; returns whether they were said lately.
    fn was_said(&mut self, announce: &MemberAnnounce, seconds: i64) -> bool {
        self.tidy(seconds);
        let MemberAnnounce { event, uploaded, downloaded, .. } = *announce;
        let is_same =
            |said: &Said| (said.event, said.uploaded, said.downloaded) == (event, uploaded, downloaded);
        if self.said.iter().any(is_same) {
            return true;
        }
        if self.said.len() == MOST_SAID {
            self.said.remove(0);
        }
        self.said.push(Said { event, uploaded, downloaded, seconds });
        false
    }

    /// Counts an announce of the session.
    fn go_on(&mut self, announce: &MemberAnnounce, seconds: i64, was_said: bool) -> Delta {
        let mut delta = Delta::default();
        let last = &mut self.report;
        if last.was_seeder {
            let since = u64::try_from(seconds.saturating_sub(last.seconds)).unwrap_or(0);
            delta.seed_seconds = since.min(announce.most_seconds);
        }
        delta.completed = u32::from(completes(announce) && !last.has_completed);
        last.has_completed |= completes(announce);
        let is_late = is_less(announce, last);
        let uploaded = announce.uploaded.saturating_sub(last.uploaded);
        let downloaded = announce.downloaded.saturating_sub(last.downloaded);
        if uploaded <= MOST_BYTES_AT_ONCE && downloaded <= MOST_BYTES_AT_ONCE {
            (delta.uploaded, delta.downloaded) = (uploaded, downloaded);
            last.uploaded += uploaded;
            last.downloaded += downloaded;
        }
        self.note(announce, seconds, is_late, was_said);
        delta
    }

    /// Whether this session has long been over, so that the announce is the first of another one.
    fn is_over(&self, announce: &MemberAnnounce, seconds: i64) -> bool {
        let last = &self.report;
        let apart = if last.is_stopped { 0 } else { announce.most_seconds.cast_signed() };
        is_less(announce, last) && seconds - last.seconds > apart.max(LATE_SECONDS)
    }

    /// Whether the client began anew.
    fn is_anew(&self, announce: &MemberAnnounce) -> bool {
        let last = &self.report;
        let (now, before) = (
            u128::from(announce.uploaded) + u128::from(announce.downloaded),
            u128::from(last.uploaded) + u128::from(last.downloaded),
        );
        announce.event == Event::Started && before > 0 && now * 2 <= before
    }

    /// Notes when the peer was heard, and how it stands.
    fn note(&mut self, announce: &MemberAnnounce, seconds: i64, is_late: bool, was_said: bool) {
        let last = &mut self.report;
        let starts = announce.event == Event::Started;
        let stops = announce.event == Event::Stopped;
        if last.is_stopped && !starts && seconds - last.seconds <= LATE_SECONDS {
            return;
        }
        last.seconds = seconds;
        if starts && !is_late {
            last.begun = seconds; // Perhaps: then this is what may come late.
        }
        if stops && is_late && was_said {
            return; // The end of the session before.
        }
        last.is_stopped = stops;
        if stops || !is_late {
            last.was_seeder = announce.is_seeder && !stops;
        }
    }
}

fn completes(announce: &MemberAnnounce) -> bool {
    announce.event == Event::Completed && announce.is_seeder
}

fn is_less(announce: &MemberAnnounce, last: &Report) -> bool {
    announce.uploaded < last.uploaded || announce.downloaded < last.downloaded
}

fn is_more(announce: &MemberAnnounce, last: &Report) -> bool {
    announce.uploaded > last.uploaded || announce.downloaded > last.downloaded
}

fn begun(announce: &MemberAnnounce, seconds: i64, has_completed: bool) -> Report {
    Report {
        uploaded: announce.uploaded,
        downloaded: announce.downloaded,
        seconds,
        begun: seconds,
        was_seeder: announce.is_seeder && announce.event != Event::Stopped,
        is_stopped: announce.event == Event::Stopped,
        has_completed,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::members::Members;
    use Event::{Completed, None, Started, Stopped};

    pub(crate) fn announce(uploaded: u64, downloaded: u64, is_seeder: bool) -> MemberAnnounce {
        MemberAnnounce {
            account: 7,
            key: [1; 20],
            peer_id: [2; 20],
            uploaded,
            downloaded,
            is_seeder,
            event: Event::None,
            most_seconds: 3600,
        }
    }

    /// What counts of announces, each with its second: uploaded, downloaded, seconds as a seeder, completed.
    fn counted(said: &[(i64, Event, u64, u64, bool)]) -> (u64, u64, u64, u32) {
        let mut members = Members::default();
        for (seconds, event, uploaded, downloaded, is_seeder) in said {
            let announce = MemberAnnounce { event: *event, ..announce(*uploaded, *downloaded, *is_seeder) };
            members.report(&announce, *seconds);
        }
        let sums = members.drain().deltas.into_iter().map(|(_, _, delta)| delta);
        sums.fold((0, 0, 0, 0), |sum, delta| {
            (
                sum.0 + delta.uploaded,
                sum.1 + delta.downloaded,
                sum.2 + delta.seed_seconds,
                sum.3 + delta.completed,
            )
        })
    }

    #[test]
    fn what_comes_late_or_twice_counts_once() {
        // Over two addresses or under two keys, out of order.
        let twice = [0, 1000, 1010, 1000, 1010].map(|uploaded| (60, None, uploaded, 0, false));
        assert_eq!(counted(&twice), (1010, 0, 0, 0));
        // The first announce and the one of the end are sent again, the first after the second.
        let again = [
            (0, Started, 0, 0, false),
            (20, Completed, 100, 900, true),
            (30, Started, 0, 0, false),
            (35, Completed, 100, 900, true),
        ];
        assert_eq!(counted(&again), (100, 900, 15, 1));
        // A short session over two addresses, of which one is slow.
        let short = [
            (0, Started, 0, 0, false),
            (60, Completed, 100, 900, true),
            (90, Stopped, 150, 900, true),
            (91, Started, 0, 0, false),
            (92, Completed, 100, 900, true),
            (93, Stopped, 150, 900, true),
            (94, Stopped, 150, 900, true),
        ];
        assert_eq!(counted(&short), (150, 900, 30, 1));
        // What was said in the midst comes after the end.
        let after = [(0, None, 0, 0, false), (9, Stopped, 150, 0, false), (10, None, 100, 0, true)];
        assert_eq!(counted(&[&after[..], &[(11, Stopped, 150, 0, true)]].concat()), (150, 0, 0, 0));
    }

    #[test]
    fn a_client_that_begins_anew_loses_nothing() {
        let paused = [
            (0, Started, 0, 0, false),
            (60, Stopped, 5000, 0, false),
            (70, Started, 0, 0, false),
            (80, None, 300, 0, false),
            (400, None, 700, 0, false),
        ];
        assert_eq!(counted(&paused), (5700, 0, 0, 0));
        let briefly = [&paused[..3], &[(90, Stopped, 300, 0, false)]].concat();
        assert_eq!(counted(&briefly), (5300, 0, 0, 0));
        // Its last words never came.
        let broken = [
            (0, Started, 0, 0, true),
            (1000, None, 5000, 0, true),
            (1100, Started, 0, 0, true),
            (1500, None, 6000, 0, true),
        ];
        assert_eq!(counted(&broken), (11_000, 0, 1400, 0));
        // Neither did its first ones, and only a long silence tells.
        let silent = [
            (0, None, 0, 0, false),
            (1000, None, 5000, 0, false),
            (9000, None, 10, 0, false),
            (9500, None, 40, 0, false),
        ];
        assert_eq!(counted(&silent), (5030, 0, 0, 0));
    }

    #[test]
    fn a_whole_session_that_comes_again_after_its_end_counts_once() {
        let session = [(0, Started, 0, 0, true), (20, None, 1000, 0, true), (40, Stopped, 1500, 0, true)];
        let again = |by: i64| session.map(|(at, event, up, down, seeds)| (at + by, event, up, down, seeds));
        assert_eq!(counted(&[session, again(60), again(120)].concat()), (1500, 0, 40, 0));
        // In another order, and between what the client says when it starts again.
        let mixed = [
            (50, Stopped, 1500, 0, true),
            (60, Started, 0, 0, true),
            (70, None, 1000, 0, true),
            (100, Started, 0, 0, false),
            (110, None, 1000, 0, true),
            (120, None, 90, 0, false),
            (130, Stopped, 1500, 0, true),
            (140, Started, 0, 0, true),
            (900, None, 400, 0, false),
        ];
        assert_eq!(counted(&[&session[..], &mixed[..]].concat()), (1900, 0, 40, 0));
    }

    #[test]
    fn a_client_that_soon_exceeds_its_session_before_loses_nothing() {
        let exceeds = [
            (0, None, 0, 0, false),
            (1000, Stopped, 1500, 0, false),
            (1010, Started, 0, 0, false),
            (1200, None, 2000, 0, false),
        ];
        assert_eq!(counted(&exceeds), (3500, 0, 0, 0));
        // Not even where its last words never came: its first word was long ago, so this is another one.
        let broken = [(0, Started, 0, 0, false), (1000, None, 1500, 0, false), exceeds[2], exceeds[3]];
        assert_eq!(counted(&broken), (3500, 0, 0, 0));
    }

    #[test]
    fn a_start_that_may_be_late_is_decided_by_what_comes_next() {
        let young = [(0, Started, 0, 0, true), (100, None, 1000, 0, true), (200, Started, 0, 0, true)];
        let then = |announce: (i64, Event, u64, u64, bool)| counted(&[&young[..], &[announce]].concat());
        assert_eq!(then((1900, None, 3000, 0, true)), (3000, 0, 1900, 0), "it was late");
        assert_eq!(then((1900, None, 700, 0, true)), (1700, 0, 1900, 0), "it was not");
        assert_eq!(then((250, Stopped, 70, 0, true)), (1070, 0, 250, 0), "nor here");
        assert_eq!(then((250, None, 1000, 0, true)), (1000, 0, 250, 0), "nothing tells yet");
    }

    /// Numbers that look random, the same in each run (xorshift).
    struct Dice(u64);

    impl Dice {
        fn between(&mut self, least: u64, most: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            least + self.0 % (most - least + 1)
        }
    }

    #[test]
    fn honest_clients_get_their_sessions_true_totals_whatever_comes_twice_and_late() {
        for seed in 1..=5_000 {
            let mut dice = Dice(seed << 32 | seed);
            let (mut now, mut said, mut expected) = (0, Vec::new(), (0, 0));
            for _ in 0..dice.between(1, 4) {
                let (begun, mut totals) = (now, (0, 0));
                said.push((now, Started, 0, 0, false));
                let stops = dice.between(0, 2) > 0;
                let announces = dice.between(1, 5);
                for number in 0..announces {
                    let longest = [60, 300, 1800][dice.between(0, 2) as usize];
                    now += dice.between(30, longest).cast_signed();
                    totals = (totals.0 + dice.between(0, 1 << 30), totals.1 + dice.between(0, 1 << 30));
                    let event = if stops && number + 1 == announces { Stopped } else { None };
                    said.push((now, event, totals.0, totals.1, false));
                }
                expected = (expected.0 + totals.0, expected.1 + totals.1);
                let pause = dice.between(1, 1000).cast_signed();
                // A session that breaks off earlier is not always told from one that goes on.
                now = if stops { now + pause } else { (now + pause).max(begun + 2 * LATE_SECONDS + 1) };
            }
            let mut all = Vec::new();
            for (at, event, uploaded, downloaded, seeds) in said {
                let late = at + dice.between(0, LATE_SECONDS.cast_unsigned() - 1).cast_signed();
                all.extend([at, late].map(|at| (at, event, uploaded, downloaded, seeds)));
            }
            all.sort_by_key(|said| said.0);
            let (uploaded, downloaded, ..) = counted(&all);
            assert_eq!((uploaded, downloaded), expected, "dice {seed}: {all:?}");
        }
    }
}
