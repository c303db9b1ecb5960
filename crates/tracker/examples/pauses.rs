//! Ten million peers in one shard: the longest time that growth, expiry and a snapshot hold it, without a socket and without a
//! scheduler in between. Times are CPU time of the thread, so what else the machine does is not in them.
//!
//! Usage: `pauses PEERS TORRENTS`. Prints one line of JSON, times in microseconds.

use std::net::{Ipv4Addr, SocketAddr};

use largesse_swarm::{Announce, Cursor, Event, Shard, Tick};

/// Steps after the last peer went, in which what is left of its swarm is given back.
const STEPS_AFTER: u32 = 4096;
/// Announces that are timed together: reading the clock for each would be most of the time.
const TOGETHER: u64 = 16;
const LIFE: u16 = 900;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let peers = numbers.next().unwrap_or(10_000_000);
    let torrents = numbers.next().unwrap_or(5_000_000);
    // In a thread of its own, as a worker is: its memory comes from other places than the main thread's.
    let worker = std::thread::spawn(move || measure(peers, torrents));
    worker.join().expect("the thread measures to its end");
}

fn measure(peers: u64, torrents: u64) {
    let mut shard = Shard::new([1, 2, 3]);
    shard.is_listed_only = false;
    shard.life = LIFE;
    let empty = resident_bytes();
    let mut growth = Longest::default();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for first in (0..peers).step_by(TOGETHER as usize) {
        growth.time(|| {
            for peer in first..peers.min(first + TOGETHER) {
                shard.announce(&announce(peer, torrents), Tick::at(0), &mut v4, &mut v6);
            }
        });
    }
    let full = resident_bytes();
    let held = shard.peers().0;
    let mut snapshot = Longest::default();
    let mut cursor = Some(Cursor::default());
    let mut kept = 0;
    while let Some(from) = cursor {
        let (part, next) = snapshot.time(|| shard.snapshot(from, Tick::at(0)));
        kept += part.iter().map(|swarm| swarm.peers.len()).sum::<usize>();
        cursor = next;
    }
    let mut expiry = Longest::default();
    let late = Tick::at(u64::from(LIFE) * 5);
    let mut steps = 0;
    while shard.peers().0 > 0 {
        expiry.time(|| shard.sweep(late, 1));
        steps += 1;
    }
    for _ in 0..STEPS_AFTER {
        expiry.time(|| shard.sweep(late, 1));
    }
    println!(
        "{{\"peers\": {held}, \"kept\": {kept}, \"bytes_a_peer\": {}, \"growth_us\": {}, \"snapshot_us\": {}, \"expiry_us\": {}, \
         \"expiry_steps\": {steps}}}",
        (full - empty) / peers,
        growth.0 / 1000,
        snapshot.0 / 1000,
        expiry.0 / 1000,
    );
}

/// The longest of some times, in nanoseconds.
#[derive(Default)]
struct Longest(u64);

impl Longest {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = thread_nanoseconds();
        let done = work();
        self.0 = self.0.max(thread_nanoseconds() - before);
        done
    }
}

/// A peer that follows from its number; torrents are scattered as hashes are.
fn announce(peer: u64, torrents: u64) -> Announce {
    let mut key = [0; 20];
    let torrent = peer % torrents;
    key[..8].copy_from_slice(&torrent.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key[8..16].copy_from_slice(&torrent.to_be_bytes());
    let number = (peer / torrents) as u32;
    let address = SocketAddr::from((Ipv4Addr::from(0x0800_0000 + number), 6881));
    let is_seeder = number.is_multiple_of(4);
    Announce { key, address, event: Event::Started, is_seeder, wanted: 0, both_families: false }
}

fn thread_nanoseconds() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec, which lives until it returns.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    line.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) * 1024
}
