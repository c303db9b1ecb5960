//! The load over HTTP and WebSocket: honest clients beside an attack, and offers as fast as they are relayed.

mod client;
mod floods;
mod honest;
pub(crate) mod offers;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until};

use crate::options::Options;
use crate::process::usage;
use crate::report::print;
use floods::{Attack, Flood};
use honest::{Plan, Tally, live};

/// Runs on this thread alone, which has a processor of its own; what still goes on in the end is dropped.
fn on_one_thread(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    LocalSet::new().block_on(&runtime, work)
}

/// `web-attack`: announces of `--clients` honest clients at `--rate` a second, over WebSocket with `--web 1`, and `--ratio` times as
/// many units of `--attack` from other addresses, which begins `--lead` seconds before the `--seconds` that count.
pub(crate) fn attack(options: &Options) -> Result<(), String> {
    let (target, attack): (_, Attack) = (options.need("target")?, options.need("attack")?);
    let (clients, rate): (u64, f64) = (options.get("clients", 1_000)?, options.get("rate", 2_000.0)?);
    let (ratio, process): (f64, u32) = (options.get("ratio", 3.0)?, options.get("process", 0)?);
    let lead = Duration::from_secs_f64(options.get("lead", 1.0)?);
    let seconds = Duration::from_secs_f64(options.get("seconds", 2.0)?);
    let is_web = options.get("web", 0)? == 1;
    #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
    let period = Duration::from_secs_f64(clients as f64 / rate);
    on_one_thread(async move {
        let start = Instant::now();
        // By then every honest client has announced once.
        let attacked = start + period;
        let (measured, end) = (attacked + lead, attacked + lead + seconds);
        let plan = Plan { target, clients, is_web, period, start, measured, end };
        let tally = Rc::new(Tally::new());
        let honest: Vec<_> = (0..clients)
            .map(|number| {
                let tally = Rc::clone(&tally);
                spawn_local(async move { live(number, plan, &tally).await })
            })
            .collect();
        let (sent, cut) = (Cell::new(0), Cell::new(0));
        let flood = Rc::new(Flood { attack, target, rate: rate * ratio, start: attacked, sent, cut });
        for number in 0..flood.connections() {
            let flood = Rc::clone(&flood);
            spawn_local(async move { flood.go_on(number).await });
        }
        sleep_until(attacked).await;
        let full = usage(process);
        sleep_until(measured).await;
        let (before, sent_before) = (usage(process), flood.sent.get());
        sleep_until(end).await;
        let (after, flood_sent) = (usage(process), flood.sent.get() - sent_before);
        for client in honest {
            client.await.map_err(|error| error.to_string())?;
        }
        let latencies = tally.latencies.borrow();
        #[allow(clippy::cast_precision_loss)] // Counts far below 2^52.
        print(&[
            ("seconds", seconds.as_secs_f64()),
            ("sent", tally.due.get() as f64),
            ("answered", tally.answered.get() as f64 / tally.due.get().max(1) as f64),
            ("latency_p50_us", latencies.percentile(0.5)),
            ("latency_p99_us", latencies.percentile(0.99)),
            ("flood_sent", flood_sent as f64),
            ("flood_cut", flood.cut.get() as f64),
            ("cpu_seconds", after.cpu_seconds - before.cpu_seconds),
            ("full_bytes", full.resident_bytes as f64),
            ("after_bytes", after.resident_bytes as f64),
        ]);
        Ok(())
    })
}
