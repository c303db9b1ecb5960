//! What a shard answers: policy, counts, expiry, limits and snapshots.

use largesse_swarm::{Announce, Counts, Cursor, Event, Outcome, Shard, SnapshotSwarm, Tick, Visibility, Web};

fn announce(
    shard: &mut Shard,
    key: u8,
    address: &str,
    is_seeder: bool,
    event: Event,
    at: u64,
) -> (Outcome, Vec<u8>, Vec<u8>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    let announce = Announce {
        key: [key; 20],
        address: address.parse().expect("an address"),
        event,
        is_seeder,
        wanted: 50,
        both_families: false,
    };
    let outcome = shard.announce(&announce, Tick::at(at), &mut v4, &mut v6);
    (outcome, v4, v6)
}

fn snapshot(shard: &Shard, now: Tick) -> Vec<SnapshotSwarm> {
    let mut all = Vec::new();
    let mut cursor = Some(Cursor::default());
    while let Some(from) = cursor {
        let (part, next) = shard.snapshot(from, now);
        all.extend(part);
        cursor = next;
    }
    all
}

fn open() -> Shard {
    let mut shard = Shard::new([1, 2, 3]);
    shard.is_listed_only = false;
    shard
}

#[test]
fn unlisted_keys_are_unknown_and_forbidden_ones_forget_their_peers() {
    let mut shard = Shard::new([1, 2, 3]);
    assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", true, Event::Started, 0).0, Outcome::Unknown);
    shard.permit([1; 20]);
    assert!(matches!(announce(&mut shard, 1, "8.0.0.1:5000", true, Event::Started, 0).0, Outcome::Done(_)));
    shard.forbid([1; 20]);
    assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", true, Event::None, 0).0, Outcome::Unknown);
    shard.permit([1; 20]);
    assert_eq!(shard.scrape([1; 20]), Outcome::Done(Counts::default()));
}

#[test]
fn an_alias_leads_to_the_swarm_of_the_first_key() {
    let mut shard = Shard::new([1, 2, 3]);
    shard.permit([1; 20]);
    shard.alias([2; 20], [1; 20]);
    assert_eq!(shard.scrape([2; 20]), Outcome::SameAs([1; 20]));
    assert_eq!(announce(&mut shard, 2, "8.0.0.1:5000", true, Event::Started, 0).0, Outcome::SameAs([1; 20]));
    shard.forbid([2; 20]);
    assert_eq!(shard.scrape([2; 20]), Outcome::Unknown);
}

#[test]
fn inline_and_large_swarms_agree() {
    let mut shard = open();
    for number in 1..=5 {
        let address = format!("8.0.0.{number}:5000");
        let (outcome, v4, _) = announce(&mut shard, 1, &address, number == 1, Event::Started, 0);
        assert_eq!(v4.len(), 6 * (number - 1));
        let Outcome::Done(counts) = outcome else { panic!("{outcome:?}") };
        assert_eq!((counts.seeders, counts.leechers as usize), (1, number - 1));
    }
    let (outcome, v4, _) = announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Completed, 0);
    assert_eq!(v4.len(), 18, "a seeder is told of leechers only");
    assert_eq!(outcome, Outcome::Done(Counts { seeders: 2, leechers: 3, partial_seeds: 0, completed: 1 }));
    announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Completed, 0);
    let (outcome, ..) = announce(&mut shard, 1, "8.0.0.5:5000", false, Event::Stopped, 0);
    assert_eq!(outcome, Outcome::Done(Counts { seeders: 2, leechers: 2, partial_seeds: 0, completed: 1 }));
}

#[test]
fn who_starts_with_nothing_left_is_told_of_seeders_where_nobody_downloads() {
    let mut shard = open();
    for number in 1..=4 {
        let address = format!("8.0.0.{number}:5000");
        let (_, v4, _) = announce(&mut shard, 1, &address, true, Event::Started, 0);
        assert_eq!(
            v4.len(),
            6 * (number - 1),
            "aria2 says so with a magnet link, which tells it nothing yet"
        );
        assert_eq!(announce(&mut shard, 1, &address, true, Event::None, 0).1, [0_u8; 0]);
    }
    announce(&mut shard, 1, "8.0.0.9:5000", false, Event::Started, 0);
    assert_eq!(announce(&mut shard, 1, "8.0.0.5:5000", true, Event::Started, 0).1, [8, 0, 0, 9, 0x13, 0x88]);
}

#[test]
fn who_announces_both_keys_of_a_hybrid_is_told_of_peers_once() {
    let mut shard = open();
    for number in 1..=3 {
        announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), false, Event::Started, 0);
    }
    for (address, told) in [("8.0.0.4:5000", 18), ("[2600::2]:5000", 18)] {
        if address.starts_with('[') {
            // The first one of its family makes the swarm a large one.
            announce(&mut shard, 1, "[2600::1]:5000", false, Event::Started, 0);
        }
        let second = |shard: &mut Shard, at| {
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            let announce = Announce {
                key: [1; 20],
                address: address.parse().expect("an address"),
                event: Event::None,
                is_seeder: false,
                wanted: 50,
                both_families: false,
            };
            shard.announce_second(&announce, Tick::at(at), &mut v4, &mut v6);
            v4.len() + v6.len()
        };
        assert_eq!(second(&mut shard, 0), told, "it knows the second key only");
        assert_eq!(second(&mut shard, 100), told, "and still does");
        announce(&mut shard, 1, address, false, Event::None, 200);
        assert_eq!(second(&mut shard, 202), 0, "it was told a moment ago");
        assert_eq!(second(&mut shard, 300), told);
    }
}

#[test]
fn families_are_kept_apart_and_counted_together() {
    let mut shard = open();
    announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0);
    let (outcome, v4, v6) = announce(&mut shard, 1, "[2600::1]:5000", false, Event::Paused, 0);
    assert_eq!((v4.len(), v6.len()), (0, 0));
    assert_eq!(outcome, Outcome::Done(Counts { seeders: 0, leechers: 2, partial_seeds: 1, completed: 0 }));
    let (_, _, v6) = announce(&mut shard, 1, "[2600::2]:5000", false, Event::Started, 0);
    assert_eq!(v6.len(), 18);
}

#[test]
fn local_peers_are_told_to_local_ones_and_bogons_to_nobody() {
    let mut shard = open();
    announce(&mut shard, 1, "127.0.0.1:5000", false, Event::Started, 0);
    announce(&mut shard, 1, "192.0.2.1:5000", false, Event::Started, 0);
    announce(&mut shard, 1, "8.0.0.3:22", false, Event::Started, 0);
    assert_eq!(announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0).1.len(), 0);
    assert_eq!(announce(&mut shard, 1, "10.0.0.1:5000", false, Event::Started, 0).1.len(), 12);
    shard.visibility = Visibility::Never;
    assert_eq!(announce(&mut shard, 1, "10.0.0.1:5000", false, Event::Started, 0).1.len(), 6);
}

#[test]
fn sweeping_removes_silent_peers_and_then_the_torrent() {
    let mut shard = open();
    for number in 1..=4 {
        announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), false, Event::Started, 0);
    }
    announce(&mut shard, 2, "8.0.0.1:5000", false, Event::Started, 0);
    shard.life = 10;
    announce(&mut shard, 1, "8.0.0.1:5000", false, Event::None, 100);
    shard.sweep_all(Tick::at(100));
    assert_eq!((shard.torrents(), shard.peers()), (1, (1, 0, 0)));
    shard.sweep_all(Tick::at(300));
    assert_eq!((shard.torrents(), shard.peers_expired), (0, 5));
}

#[test]
fn a_full_shard_and_a_full_swarm_say_so() {
    let mut shard = open();
    shard.most_torrents = 1;
    shard.most_peers = 3;
    for number in 1..=5 {
        announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), false, Event::Started, 0);
    }
    assert_eq!((shard.peers().0, shard.peers_refused), (3, 2));
    assert_eq!(announce(&mut shard, 2, "8.0.0.1:5000", false, Event::Started, 0).0, Outcome::Full);
}

#[test]
fn a_snapshot_brings_everything_back() {
    let mut shard = open();
    for number in 1..=4 {
        announce(&mut shard, 1, &format!("8.0.0.{number}:5000"), number == 1, Event::Started, 0);
    }
    announce(&mut shard, 1, "[2600::1]:5000", false, Event::Paused, 40);
    announce(&mut shard, 2, "8.0.0.9:5000", true, Event::Completed, 40);
    let swarms = snapshot(&shard, Tick::at(40));
    let mut other = open();
    for swarm in &swarms {
        other.restore(swarm, Tick::at(1000));
    }
    for key in [[1; 20], [2; 20]] {
        assert_eq!(other.scrape(key), shard.scrape(key));
    }
    let mut listed = Shard::new([1, 2, 3]);
    for swarm in &swarms {
        listed.restore(swarm, Tick::at(0));
    }
    assert_eq!(listed.torrents(), 0, "a snapshot permits nothing");
}

#[test]
fn changed_counts_are_drained_once() {
    let mut shard = open();
    shard.permit([1; 20]);
    announce(&mut shard, 1, "8.0.0.1:5000", false, Event::Started, 0);
    announce(&mut shard, 1, "8.0.0.2:5000", true, Event::Started, 0);
    assert_eq!(shard.drain_changed(10).len(), 1);
    announce(&mut shard, 1, "8.0.0.2:5000", true, Event::None, 4);
    assert_eq!(shard.drain_changed(10), []);
    for (event, partial) in [(Event::Paused, 1), (Event::None, 0)] {
        announce(&mut shard, 1, "8.0.0.1:5000", false, event, 4);
        assert_eq!(shard.drain_changed(10).first().map(|(_, counts)| counts.partial_seeds), Some(partial));
        announce(&mut shard, 1, "8.0.0.1:5000", false, event, 4);
        assert_eq!(shard.drain_changed(10), [], "nothing changed");
    }
    assert!(matches!(
        shard.set_web(
            [1; 20],
            Web { seeders: 1, leechers: 2, partial_seeds: 1 },
            0,
            [8, 0, 0, 1].into(),
            Tick::at(0)
        ),
        Outcome::Done(Counts { seeders: 2, leechers: 3, partial_seeds: 1, .. })
    ));
    assert_eq!(shard.drain_changed(10).len(), 1);
}

/// Thirty peers of as many addresses, and one that announces thousands of ports, or of the addresses of its network.
#[test]
fn one_address_cannot_crowd_the_others_out_of_a_swarm() {
    for is_v6 in [false, true] {
        let mut shard = open();
        let at = |network: u16, own: u16| {
            if is_v6 {
                format!("[2600:0:0:{network:x}::{own:x}]:{}", own + 1024)
            } else {
                format!("8.0.{}.{}:{}", network / 250, network % 250, own + 1024)
            }
        };
        for network in 1..=30 {
            announce(&mut shard, 1, &at(network, 0), false, Event::Started, 0);
        }
        for own in 0..5_000 {
            announce(&mut shard, 1, &at(600, own), false, Event::Started, 0);
        }
        let count = |shard: &Shard| shard.peers().0 + shard.peers().1;
        assert_eq!((count(&shard), shard.peers_refused), (62, 5_000 - 32));
        let (outcome, v4, v6) = announce(&mut shard, 1, &at(31, 0), false, Event::Started, 0);
        assert!(matches!(outcome, Outcome::Done(counts) if counts.leechers == 63));
        assert_eq!(v4.len() / 6 + v6.len() / 18, 50);
        let honest = v4.as_chunks::<6>().0.iter().filter(|peer| peer[2] == 0).count()
            + v6.as_chunks::<18>().0.iter().filter(|peer| peer[6..8] != 600_u16.to_be_bytes()).count();
        assert!(honest >= 50 - 32, "{honest} of 50");
        // What it holds it may renew, and through every size of the swarm nobody is lost or counted twice.
        for network in 100..500 {
            announce(&mut shard, 1, &at(network, 0), false, Event::Started, 0);
        }
        assert_eq!(count(&shard), 463);
        announce(&mut shard, 1, &at(600, 1), false, Event::None, 2_000);
        shard.life = 100;
        shard.sweep_all(Tick::at(2_000));
        assert_eq!(count(&shard), 1);
    }
}

#[test]
fn a_withdrawn_key_is_refused_where_others_need_not_be_listed() {
    let mut shard = open();
    announce(&mut shard, 1, "8.0.0.1:5000", true, Event::Started, 0);
    shard.forbid([1; 20]);
    for key in [1, 2] {
        let (outcome, ..) = announce(&mut shard, key, "8.0.0.1:5000", true, Event::Started, 0);
        assert_eq!(outcome == Outcome::Refused, key == 1, "{outcome:?}");
    }
    assert_eq!(shard.scrape([1; 20]), Outcome::Refused);
    let web = Web { seeders: 1, ..Web::default() };
    assert_eq!(shard.set_web([1; 20], web, 0, [8, 0, 0, 1].into(), Tick::at(0)), Outcome::Refused);
    shard.sweep_all(Tick::at(100_000));
    assert_eq!((shard.torrents(), shard.peers()), (1, (0, 0, 0)), "it is remembered");
    assert!(snapshot(&shard, Tick::at(0)).iter().all(|swarm| swarm.key != [1; 20]));
    // Listed again, or the second key of another one, it is served again.
    shard.permit([1; 20]);
    assert!(matches!(shard.scrape([1; 20]), Outcome::Done(_)));
    shard.forbid([1; 20]);
    shard.alias([1; 20], [2; 20]);
    assert_eq!(shard.scrape([1; 20]), Outcome::SameAs([2; 20]));
    shard.forbid([1; 20]);
    shard.forbid([1; 20]);
    assert_eq!((shard.torrents(), shard.scrape([1; 20])), (1, Outcome::Refused));
}
