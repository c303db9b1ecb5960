//! What the fuzzers call; it is compiled for them only (`cargo fuzz` sets `--cfg fuzzing`).

use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::sync::Arc;

use crate::engine::{Config, Engine};
use crate::http::{Http, Step};
use crate::http_limits::Limits;
use crate::proxy::{Network, Proxies};

thread_local! {
    static HTTP: Rc<Http> = {
        let config = Config { is_listed_only: false, most_torrents: 1000, most_peers: 1000, ..Config::default() };
        let limits = Limits { requests_per_second: 0, messages_per_second: 0, ..Limits::default() };
        let networks = ["127.0.0.0/8", "10.0.0.0/8"].iter().filter_map(|text| Network::parse(text)).collect();
        let proxies = Proxies { networks, header: "Forwarded".into() };
        Rc::new(Http::new(Arc::new(Engine::new(config)), proxies, limits, None))
    };
}

/// Serves one connection that sends these bytes: requests of HTTP, and frames of WebSocket after an upgrade.
///
/// # Panics
///
/// When an answer is none, or a step reads past what was sent: what a fuzzer looks for.
pub fn connection(bytes: &[u8]) {
    HTTP.with(|http| {
        let sender = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut read = 0;
        loop {
            let mut out = Vec::new();
            let step = http.request(&bytes[read..], sender, &mut out);
            assert!(out.is_empty() || out.starts_with(b"HTTP/1.1 "), "an answer is HTTP");
            let (Step::Answered { length, .. } | Step::Upgraded { length, .. }) = step else { return };
            assert!(length > 0 && read + length <= bytes.len(), "a request lies within what was sent");
            read += length;
            if let Step::Upgraded { ip, passkey, .. } = step {
                return crate::ws::hear(http, bytes[read..].to_vec(), ip, passkey);
            }
        }
    });
}
