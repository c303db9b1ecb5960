//! Scrape over HTTP (BEP 48): the torrents that are named, or all of them where the operator allows it.

use std::rc::Rc;

use largesse_swarm::{Counts, Key, Shard};
use largesse_wire::bencode::{integer_entry, string};
use largesse_wire::query::MOST_KEYS;

use crate::engine::Engine;

/// How long a full scrape is answered with the same bytes.
const FRESH_SECONDS: u64 = 60;
/// Most torrents of a full scrape, four megabytes; a tracker of more answers only those who name theirs.
const MOST_TORRENTS: usize = 50_000;

/// What a scrape of a hash that is none is answered with.
pub(crate) const BAD_KEY: &str = "info_hash must be 20 bytes, as often as it is given";

/// What a scrape of too many torrents is answered with.
pub(crate) fn too_many() -> String {
    format!("At most {MOST_KEYS} torrents may be asked for at once")
}

/// Answers those that are known of the named torrents.
pub(crate) fn scrape(engine: &Engine, keys: Vec<Key>, out: &mut Vec<u8>) {
    let mut keys = keys;
    keys.sort_unstable();
    keys.dedup();
    let found = keys.into_iter().filter_map(|key| Some((key, engine.scrape(key)?)));
    write(engine, found, out);
}

/// The answer to a full scrape, made anew once a minute.
#[derive(Default)]
pub(crate) struct FullScrape {
    body: Option<Rc<[u8]>>,
    made_at: u64,
}

impl FullScrape {
    /// The answer; None where there are too many torrents.
    pub(crate) fn body(&mut self, engine: &Engine) -> Option<Rc<[u8]>> {
        let now = engine.seconds();
        if self.body.is_none() || now >= self.made_at + FRESH_SECONDS {
            self.made_at = now;
            self.body = all(engine).map(|mut torrents| {
                torrents.sort_unstable_by_key(|(key, _)| *key);
                let mut out = Vec::new();
                write(engine, torrents.into_iter(), &mut out);
                out.into()
            });
        }
        self.body.clone()
    }
}

/// All torrents, each segment under a short lock; None where there are too many.
fn all(engine: &Engine) -> Option<Vec<(Key, Counts)>> {
    let mut torrents = Vec::new();
    for number in 0..engine.shards() {
        if torrents.len() + engine.shard(number).torrents() > MOST_TORRENTS {
            return None;
        }
        for segment in 0..Shard::segments() {
            engine.shard(number).counted(segment, &mut torrents);
        }
    }
    Some(torrents)
}

fn write(engine: &Engine, torrents: impl Iterator<Item = (Key, Counts)>, out: &mut Vec<u8>) {
    out.push(b'd');
    string(b"files", out);
    out.push(b'd');
    for (key, counts) in torrents {
        let downloaders = counts.leechers.saturating_sub(counts.partial_seeds);
        string(&key, out);
        out.push(b'd');
        integer_entry("complete", u64::from(counts.seeders), out);
        integer_entry("downloaded", u64::from(counts.completed), out);
        integer_entry("downloaders", u64::from(downloaders), out);
        integer_entry("incomplete", u64::from(counts.leechers), out);
        out.push(b'e');
    }
    out.push(b'e');
    string(b"flags", out);
    out.push(b'd');
    integer_entry("min_request_interval", u64::from(engine.config().interval_seconds / 2), out);
    out.extend_from_slice(b"ee");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Config, Permit};

    #[test]
    fn both_keys_of_a_hybrid_are_scraped_within_one_shard() {
        let engine = Engine::new(Config { shards: 1, ..Config::default() });
        engine.apply(&[Permit::Allow([1; 20]), Permit::Alias([2; 20], [1; 20])]);
        let mut out = Vec::new();
        scrape(&engine, vec![[2; 20], [1; 20], [3; 20], [2; 20]], &mut out);
        let text = String::from_utf8(out).expect("these keys are text");
        assert_eq!(text.matches("8:completei0e").count(), 2, "{text}");
        assert!(
            FullScrape::default().body(&engine).is_some_and(|body| body.starts_with(b"d5:filesd20:\x01"))
        );
    }
}
