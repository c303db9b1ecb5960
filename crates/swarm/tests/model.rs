//! A shard against a plain map, through every size that a swarm can have: in its slot, in blocks, large, and back.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use largesse_swarm::{Announce, Counts, Cursor, Event, Key, Outcome, Random, Shard, SnapshotSwarm, Tick};

const LIFE: u16 = 100;
const KEYS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    is_seeder: bool,
    is_partial: bool,
    tick: u64,
}

type Model = HashMap<(usize, SocketAddr), Known>;

fn key(number: usize) -> [u8; 20] {
    let mut key = [9; 20];
    key[0] = number as u8;
    key
}

fn address(number: usize, is_v6: bool) -> SocketAddr {
    let text = if is_v6 {
        format!("[2600:0:0:{:x}::1]:5000", number + 1)
    } else {
        format!("8.{}.{}.1:5000", number / 250, number % 250)
    };
    text.parse().expect("an address")
}

fn counts_of(model: &Model, torrent: usize) -> (u32, u32, u32) {
    let of = |is: fn(&Known) -> bool| {
        model.iter().filter(|((own, _), known)| *own == torrent && is(known)).count() as u32
    };
    (of(|known| known.is_seeder), of(|known| !known.is_seeder), of(|known| known.is_partial))
}

fn snapshot(shard: &Shard, now: Tick) -> (Vec<SnapshotSwarm>, usize) {
    let (mut all, mut parts) = (Vec::new(), 0);
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        let (part, next) = shard.snapshot(from, now);
        assert!(part.iter().map(|swarm| swarm.peers.len()).sum::<usize>() < 4096 + 256);
        all.extend(part);
        cursor = next;
        parts += 1;
    }
    (all, parts)
}

#[test]
fn a_shard_agrees_with_a_plain_map_while_swarms_grow_and_shrink() {
    let mut shard = Shard::new([1, 2, 3]);
    shard.is_listed_only = false;
    shard.life = LIFE;
    let mut random = Random::new(21);
    let mut model = Model::new();
    for step in 0..120_000_u64 {
        let tick = step / 500;
        let is_growing = step / 20_000 % 2 == 0;
        // Torrent 0 is the most popular one, and only some have IPv6 peers.
        let torrent = random.below(KEYS).min(random.below(KEYS));
        let is_v6 = torrent % 3 == 2 && random.below(4) == 0;
        let address = address(random.below(40 << (torrent % 5)), is_v6);
        let is_stopping = random.below(10) < if is_growing { 2 } else { 9 };
        let is_seeder = random.below(3) == 0;
        let event = match random.below(8) {
            _ if is_stopping => Event::Stopped,
            0 => Event::Paused,
            1 => Event::Completed,
            _ => Event::None,
        };
        let announce =
            Announce { key: key(torrent), address, event, is_seeder, wanted: 40, both_families: false };
        if is_stopping {
            model.remove(&(torrent, address));
        } else {
            let is_partial = event == Event::Paused && !is_seeder;
            model.insert((torrent, address), Known { is_seeder, is_partial, tick });
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let outcome = shard.announce(&announce, Tick::at(tick * 4), &mut v4, &mut v6);
        let Outcome::Done(counts) = outcome else { panic!("{outcome:?}") };
        if step % 64 == 0 {
            assert_eq!((counts.seeders, counts.leechers, counts.partial_seeds), counts_of(&model, torrent));
            let found: HashSet<SocketAddr> = v4
                .as_chunks::<6>()
                .0
                .iter()
                .map(|peer| {
                    SocketAddr::from((
                        [peer[0], peer[1], peer[2], peer[3]],
                        u16::from_be_bytes([peer[4], peer[5]]),
                    ))
                })
                .collect();
            assert_eq!(found.len() * 6, v4.len(), "nobody is handed out twice");
            for peer in &found {
                let known = model[&(torrent, *peer)];
                assert!(*peer != address && !(is_seeder && known.is_seeder));
            }
            let eligible = model.iter().filter(|((own, other), known)| {
                *own == torrent && other.is_ipv4() && *other != address && !(is_seeder && known.is_seeder)
            });
            let eligible = eligible.count();
            let expected = if is_stopping || is_v6 { 0 } else { eligible.min(40) };
            assert_eq!(found.len(), expected);
        }
        if step % 4_000 == 3_999 {
            model.retain(|_, known| tick - known.tick <= u64::from(LIFE));
            shard.sweep_all(Tick::at(tick * 4));
            let v4 = model.keys().filter(|(_, address)| address.is_ipv4()).count();
            assert_eq!(shard.peers(), (v4, model.len() - v4, 0));
            for torrent in 0..KEYS {
                let found = match shard.scrape(key(torrent)) {
                    Outcome::Done(counts) => (counts.seeders, counts.leechers, counts.partial_seeds),
                    Outcome::Unknown => (0, 0, 0),
                    other => panic!("{other:?}"),
                };
                assert_eq!(found, counts_of(&model, torrent), "{torrent}");
            }
            let (swarms, _) = snapshot(&shard, Tick::at(tick * 4));
            let mut other = Shard::new([4, 5, 6]);
            other.is_listed_only = false;
            for swarm in &swarms {
                other.restore(swarm, Tick::at(9_000));
            }
            assert_eq!(other.peers(), shard.peers());
            (0..KEYS).for_each(|torrent| assert_eq!(other.scrape(key(torrent)), shard.scrape(key(torrent))));
        }
    }
    shard.sweep_all(Tick::at(10_000));
    assert_eq!((shard.torrents(), shard.peers()), (0, (0, 0, 0)));
}

/// One swarm of 20,000 peers: every step of expiry and every part of a snapshot is a small one.
#[test]
fn a_giant_swarm_is_expired_and_kept_a_little_at_a_time() {
    let mut shard = Shard::new([1, 2, 3]);
    shard.is_listed_only = false;
    shard.life = LIFE;
    let mut out = (Vec::new(), Vec::new());
    for number in 0..20_000 {
        let address = address(number % 10_000, number >= 10_000);
        let announce = Announce {
            key: key(1),
            address,
            event: Event::None,
            is_seeder: number % 4 == 0,
            wanted: 0,
            both_families: true,
        };
        shard.announce(&announce, Tick::at(0), &mut out.0, &mut out.1);
    }
    let (swarms, parts) = snapshot(&shard, Tick::at(40));
    assert!(parts >= 4096 + 4, "a giant swarm comes in parts");
    let mut other = Shard::new([4, 5, 6]);
    other.is_listed_only = false;
    for swarm in &swarms {
        other.restore(swarm, Tick::at(40));
    }
    assert_eq!((other.peers(), other.scrape(key(1))), (shard.peers(), shard.scrape(key(1))));
    let mut steps = 0;
    let mut before = 20_000;
    while shard.torrents() > 0 {
        shard.sweep(Tick::at(4_000), 1);
        let now = shard.peers().0 + shard.peers().1;
        assert!(before - now <= 2048);
        before = now;
        steps += 1;
        assert!(steps < 5_000);
    }
    assert_eq!(shard.peers_expired, 20_000);
}

/// What a flood of random keys could make grow: changes that nobody asks for.
#[test]
fn only_changes_of_listed_torrents_are_told() {
    let mut shard = Shard::new([1, 2, 3]);
    shard.is_listed_only = false;
    let mut out = (Vec::new(), Vec::new());
    for number in 0..1000_u32 {
        let mut key = [1; 20];
        key[..4].copy_from_slice(&number.to_be_bytes());
        let announce = Announce {
            key,
            address: address(1, false),
            event: Event::None,
            is_seeder: true,
            wanted: 0,
            both_families: false,
        };
        shard.announce(&announce, Tick::at(0), &mut out.0, &mut out.1);
    }
    assert_eq!((shard.torrents(), shard.drain_changed(usize::MAX)), (1000, vec![]));
    // One that is listed later is told of with the peers that it has, and again when it changes, or is withdrawn.
    let listed = [[0, 0, 0, 7].as_slice(), &[1; 16]].concat().try_into().expect("20 bytes");
    let peers = |changed: Vec<(Key, Counts)>| {
        changed.into_iter().map(|(key, counts)| (key, counts.seeders)).collect::<Vec<_>>()
    };
    shard.permit(listed);
    assert_eq!(peers(shard.drain_changed(10)), [(listed, 1)]);
    shard.permit(listed);
    assert_eq!(shard.drain_changed(10), []);
    shard.sweep_all(Tick::at(100_000));
    assert_eq!((shard.torrents(), peers(shard.drain_changed(10))), (1, vec![(listed, 0)]));
    shard.forbid(listed);
    shard.forbid([0; 20]);
    assert_eq!(peers(shard.drain_changed(10)), [(listed, 0)]);
}
