//! Load generator and echo floor for measurements on the loopback. Every run prints one line of JSON.
//!
//! `largesse-load echo|udp|attack|web-attack|offers|hashes --name value …`; `benches/` says which values make which figure.

mod batch;
mod echo;
mod histogram;
mod options;
mod peers;
mod process;
mod report;
mod stream;
mod udp;
mod web;

use std::process::ExitCode;

use options::Options;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let mode = words.next().unwrap_or_default();
    let outcome = Options::read(words).and_then(|options| match mode.as_str() {
        "echo" => echo::run(&options),
        "udp" => udp::run(&options),
        "attack" => udp::attack(&options),
        "web-attack" => web::attack(&options),
        "offers" => web::offers::run(&options),
        "hashes" => udp::hashes(&options),
        _ => Err("largesse-load echo|udp|attack|web-attack|offers|hashes --name value …".into()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
