//! What a member's peer said last, and what counts of what it says next.
//!
//! Clients report totals since they started. They say the same thing several times: to each address and URL of the tracker, under
//! both keys of a hybrid torrent, and again where no answer came. So announces arrive twice and out of order, and only what exceeds
//! the highest totals so far is new. A client that begins anew goes back to nought. That it did so is believed where it says "started"
//! with at most half of its former totals, or was silent for longer than anything can be late, and than two announces are apart.
//!
//! A "started" may itself be an old announce that comes late. So for a while after it the totals of the session before are remembered,
//! and who reaches them within that while is taken never to have begun anew: they are the highest totals again. What was counted in
//! between stays counted.

use largesse_swarm::Event;

use crate::members::{Delta, MemberAnnounce};

/// How long an announce may be on its way: one that is sent again for want of an answer comes within this (BEP 15, four times).
pub(crate) const LATE_SECONDS: i64 = 300;
/// How long what a silent peer said last is kept where there is room: as long as the database keeps it.
pub(crate) const KEEP_SECONDS: i64 = 2 * 24 * 3600;
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

/// A report, with what is only known while the session before may still be heard of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) report: Report,
    /// The totals of the session before, uploaded and downloaded.
    former: Option<(u64, u64)>,
}

impl From<Report> for Known {
    fn from(report: Report) -> Self {
        Self { report, former: None }
    }
}

impl Known {
    /// Hears an announce: what is known from now on, None where there is nothing to remember, and what counts.
    pub(crate) fn hear(
        known: Option<Self>,
        announce: &MemberAnnounce,
        seconds: i64,
    ) -> (Option<Self>, Delta) {
        let mut delta = Delta::default();
        let completes = announce.event == Event::Completed && announce.is_seeder;
        let is_worth_keeping = known.is_some() || announce.event != Event::Stopped;
        let Some(mut known) = known.filter(|known| !known.is_over(announce, seconds)) else {
            delta.completed = u32::from(completes);
            return (is_worth_keeping.then(|| begun(announce, seconds, completes).into()), delta);
        };
        if known.is_anew(announce) {
            let last = known.report;
            let is_heard = seconds - last.seconds <= LATE_SECONDS;
            let former = is_heard.then_some((last.uploaded, last.downloaded));
            let report = begun(announce, seconds, is_heard && last.has_completed);
            return (Some(Self { report, former }), delta);
        }
        let last = &mut known.report;
        if last.was_seeder {
            let since = u64::try_from(seconds.saturating_sub(last.seconds)).unwrap_or(0);
            delta.seed_seconds = since.min(announce.most_seconds);
        }
        delta.completed = u32::from(completes && !last.has_completed);
        last.has_completed |= completes;
        let is_late = is_less(announce, last);
        let is_of_former = known.count(announce, seconds, &mut delta);
        known.note(announce, seconds, is_late, is_of_former);
        (Some(known), delta)
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

    /// Counts bytes; returns whether the announce was one of the session before.
    fn count(&mut self, announce: &MemberAnnounce, seconds: i64, delta: &mut Delta) -> bool {
        let last = &mut self.report;
        let former = self.former.filter(|_| seconds - last.begun <= LATE_SECONDS);
        let is_reached = |now: u64, before: u64| before > 0 && now >= before;
        let reached = former.filter(|(uploaded, downloaded)| {
            is_reached(announce.uploaded, *uploaded) || is_reached(announce.downloaded, *downloaded)
        });
        self.former = if reached.is_some() { None } else { former };
        if let Some((uploaded, downloaded)) = reached {
            last.uploaded = last.uploaded.max(uploaded);
            last.downloaded = last.downloaded.max(downloaded);
        }
        let uploaded = announce.uploaded.saturating_sub(last.uploaded);
        let downloaded = announce.downloaded.saturating_sub(last.downloaded);
        if uploaded <= MOST_BYTES_AT_ONCE && downloaded <= MOST_BYTES_AT_ONCE {
            (delta.uploaded, delta.downloaded) = (uploaded, downloaded);
            last.uploaded += uploaded;
            last.downloaded += downloaded;
        }
        reached.is_some()
    }

    /// Notes when the peer was heard, and how it stands.
    fn note(&mut self, announce: &MemberAnnounce, seconds: i64, is_late: bool, is_of_former: bool) {
        let last = &mut self.report;
        let comes_back = announce.event == Event::Started || seconds - last.seconds > LATE_SECONDS;
        if last.is_stopped && !comes_back {
            return;
        }
        last.seconds = seconds;
        last.is_stopped = announce.event == Event::Stopped && !is_of_former;
        if announce.event == Event::Stopped {
            last.was_seeder = false;
        } else if !is_late {
            last.was_seeder = announce.is_seeder;
        }
    }
}

fn is_less(announce: &MemberAnnounce, last: &Report) -> bool {
    announce.uploaded < last.uploaded || announce.downloaded < last.downloaded
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
