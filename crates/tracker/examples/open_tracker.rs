//! The tracker alone, without Python around it, for tools that count its instructions: takes a free port, tells it in one line
//! of JSON, and answers until standard input ends.

use std::io::Read;
use std::sync::Arc;

use largesse_tracker::{Config, Engine, Limits, Listen, Tracker};

fn main() -> std::io::Result<()> {
    let engine = Arc::new(Engine::new(Config { is_listed_only: false, ..Config::default() }));
    let listen = Listen {
        addresses: vec!["127.0.0.1:0".parse().map_err(std::io::Error::other)?],
        admin: None,
        trusted_proxies: Vec::new(),
        proxy_header: "X-Forwarded-For".into(),
        tls: None,
        limits: Limits { requests_per_second: 0, ..Limits::default() },
    };
    let mut tracker = Tracker::start(engine, &listen)?;
    println!("{{\"address\": \"{}\", \"process\": {}}}", tracker.addresses[0], std::process::id());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    tracker.stop();
    Ok(())
}
