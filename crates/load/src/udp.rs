//! The UDP load: fill the tracker, then measure; closed loop (as fast as it answers) or at an offered rate.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::batch::BATCH;
use crate::options::Options;
use crate::peers::Population;
use crate::process::{Usage, usage};
use crate::report::print;
use crate::stream::{Kind, SLOTS, Stream};

fn population(options: &Options) -> Result<Population, String> {
    Ok(Population {
        peers: options.get("peers", 200_000)?,
        torrents: options.get("torrents", 2_000)?,
        sources: options.get("sources", 1_000)?,
        first_source: 0,
        wanted: options.get("wanted", 30)?,
    })
}

/// `udp`: fills (unless `--fill 0`), measures for `--seconds`, or sends just `--requests`, and prints one line of JSON.
///
/// `--rate` offers so many a second instead of waiting for answers; then the latencies are those of that rate.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let kind: Kind = options.need("kind")?;
    let mut stream = Stream::new(options.need("target")?, population(options)?, kind)?;
    let process: u32 = options.get("process", 0)?;
    let empty = usage(process);
    stream.connect()?;
    let filling = Instant::now();
    let mut fill_longest_us = 0.0;
    if options.get("fill", 1)? == 1 {
        fill_longest_us = stream.fill()?;
        stream.connections.fill(0);
        stream.connect()?;
    }
    let fill_seconds = filling.elapsed().as_secs_f64();
    let full = usage(process);
    let seconds = Duration::from_secs_f64(options.get("seconds", 3.0)?);
    let window: usize = options.get::<usize>("window", 512)?.min(SLOTS / 2);
    stream.least_bytes = options.get("least-bytes", 0)?;
    let rate: f64 = options.get("rate", 0.0)?;
    let requests: u64 = options.get("requests", 0)?;
    if requests > 0 {
        counted(&mut stream, window, requests);
        stream.settle();
        report(&stream, &[], filling.elapsed().as_secs_f64(), full, usage(process), empty, full);
        return Ok(());
    }
    if rate == 0.0 {
        // Half a second of the same load brings caches and the processor's clock to where they stay.
        closed_loop(&mut stream, window, Duration::from_millis(500));
        stream.settle();
        stream.reset();
    }
    let before = usage(process);
    let started = Instant::now();
    if rate == 0.0 {
        closed_loop(&mut stream, window, seconds);
    } else {
        offered(&mut [(&mut stream, rate)], seconds);
    }
    let elapsed = started.elapsed().as_secs_f64();
    let after = usage(process);
    stream.settle();
    report(
        &stream,
        &[("fill_seconds", fill_seconds), ("fill_longest_us", fill_longest_us)],
        elapsed,
        before,
        after,
        empty,
        full,
    );
    Ok(())
}

/// `attack`: honest announces at `--rate`, and `--ratio` times as many packets of `--kind` from `--attackers` other addresses.
pub(crate) fn attack(options: &Options) -> Result<(), String> {
    let population = population(options)?;
    let target = options.need("target")?;
    let mut honest = Stream::new(target, population, Kind::Announce)?;
    let attackers = Population {
        first_source: population.sources,
        sources: options.get("attackers", population.sources)?,
        ..population
    };
    let mut flood = Stream::new(target, attackers, options.need("kind")?)?;
    let process: u32 = options.get("process", 0)?;
    let empty = usage(process);
    honest.connect()?;
    honest.fill()?;
    flood.connect()?;
    let full = usage(process);
    let rate: f64 = options.get("rate", 20_000.0)?;
    let ratio: f64 = options.get("ratio", 3.0)?;
    let before = usage(process);
    let started = Instant::now();
    offered(
        &mut [(&mut honest, rate), (&mut flood, rate * ratio)],
        Duration::from_secs_f64(options.get("seconds", 3.0)?),
    );
    let elapsed = started.elapsed().as_secs_f64();
    let after = usage(process);
    honest.settle();
    #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
    let facts = [
        ("answered", honest.replies as f64 / honest.sent.max(1) as f64),
        ("flood_sent", flood.sent as f64),
        ("flood_replies", flood.replies as f64),
        ("flood_reply_bytes", flood.bytes as f64),
        ("flood_errors", flood.errors as f64),
    ];
    report(&honest, &facts, elapsed, before, after, empty, full);
    Ok(())
}

/// Keeps `window` requests on their way.
fn closed_loop(stream: &mut Stream, window: usize, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        while stream.on_the_way + BATCH <= window {
            stream.send(BATCH);
        }
        stream.receive();
    }
}

/// Sends a number of requests, with `window` on their way.
fn counted(stream: &mut Stream, window: usize, requests: u64) {
    while stream.sent < requests {
        let count = BATCH.min((requests - stream.sent) as usize);
        if stream.on_the_way + count <= window {
            stream.send(count);
        }
        stream.receive();
    }
}

/// Sends each stream at its rate, in small bursts, whatever comes back.
fn offered(streams: &mut [(&mut Stream, f64)], time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {
        for (stream, rate) in streams.iter_mut() {
            #[allow(clippy::cast_sign_loss)] // Times and rates are never negative.
            let due = (started.elapsed().as_secs_f64() * *rate) as u64;
            let behind = due.saturating_sub(stream.sent) as usize;
            if behind > 0 {
                stream.send(behind.min(BATCH));
            }
            while stream.receive() == BATCH {}
        }
    }
}

/// Prints one line of JSON.
#[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
fn report(
    stream: &Stream,
    facts: &[(&str, f64)],
    elapsed: f64,
    before: Usage,
    after: Usage,
    empty: Usage,
    full: Usage,
) {
    let millions = stream.replies as f64 / 1e6;
    let cpu = after.cpu_seconds - before.cpu_seconds;
    // The parts are coarse, and their sum is not: the share of user space in the ticks is taken of the whole.
    let user = after.user_seconds - before.user_seconds;
    let ticks = user + after.system_seconds - before.system_seconds;
    let user = if ticks > 0.0 { cpu * user / ticks } else { 0.0 };
    let mut all = vec![
        ("seconds", elapsed),
        ("sent", stream.sent as f64),
        ("replies", stream.replies as f64),
        ("errors", stream.errors as f64),
        ("lost", stream.lost as f64),
        ("replies_per_second", stream.replies as f64 / elapsed),
        ("reply_bytes", stream.bytes as f64 / stream.replies.max(1) as f64),
        ("cpu_seconds_per_million", cpu / millions),
        ("user_seconds_per_million", user / millions),
        ("cpu_share", cpu / elapsed),
        ("latency_p50_us", stream.latencies.percentile(0.5)),
        ("latency_p99_us", stream.latencies.percentile(0.99)),
        ("latency_p999_us", stream.latencies.percentile(0.999)),
        ("latency_longest_us", stream.latencies.longest()),
        ("empty_bytes", empty.resident_bytes as f64),
        ("full_bytes", full.resident_bytes as f64),
        ("after_bytes", after.resident_bytes as f64),
    ];
    all.extend_from_slice(facts);
    print(&all);
}

/// `hashes`: writes the info-hashes of `--torrents`, one in hexadecimal a line: opentracker's whitelist.
pub(crate) fn hashes(options: &Options) -> Result<(), String> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for torrent in 0..options.get("torrents", 2_000)? {
        for byte in Population::key(torrent) {
            write!(out, "{byte:02x}").map_err(|error| error.to_string())?;
        }
        writeln!(out).map_err(|error| error.to_string())?;
    }
    Ok(())
}
