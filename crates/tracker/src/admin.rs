//! The admin address: `/metrics` for Prometheus, `/stats.json` and `/health`. No peer's address is in any of them.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::engine::Engine;
use crate::http::{Http, Keep, respond};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many of the figures are gauges; the others are counters.
const GAUGES: usize = 6;

/// Answers the admin address for ever.
pub(crate) async fn serve(http: Rc<Http>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: wait for connections to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let http = Rc::clone(&http);
        tokio::task::spawn_local(async move {
            // Whoever asks too slowly asks again.
            let _ = timeout(PATIENCE, answer(stream, &http)).await;
        });
    }
}

/// Answers one request.
async fn answer(mut stream: TcpStream, http: &Http) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(1024);
    while !buffer.windows(4).any(|end| end == b"\r\n\r\n") {
        if buffer.len() > 4096 || stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
    let mut parts = buffer.split(|byte| *byte == b' ');
    let (method, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut out = Vec::new();
    match (method, path) {
        (b"GET", b"/health") => {
            respond(200, "application/json", b"{\"ok\": true}\n", Keep::Close, &mut out);
        }
        (b"GET", b"/stats.json") => {
            respond(200, "application/json", stats(http).as_bytes(), Keep::Close, &mut out);
        }
        (b"GET", b"/metrics") => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            respond(200, kind, metrics(http).as_bytes(), Keep::Close, &mut out);
        }
        (b"GET", _) => {
            respond(404, "text/plain", b"/metrics, /stats.json or /health\n", Keep::Close, &mut out);
        }
        _ => respond(405, "text/plain", b"Only GET is answered here.\n", Keep::Close, &mut out),
    }
    stream.write_all(&out).await?;
    stream.shutdown().await
}

fn figures(http: &Http) -> Vec<(&'static str, u64)> {
    let engine: &Engine = &http.engine;
    let (torrents, v4, v6, web) = engine.totals();
    let mut figures = vec![
        ("torrents", torrents as u64),
        ("peers_ipv4", v4 as u64),
        ("peers_ipv6", v6 as u64),
        ("peers_webrtc", web as u64),
        ("http_connections_open", http.open.borrow().total() as u64),
        ("ws_connections_open", http.hub.borrow().sockets() as u64),
    ];
    debug_assert_eq!(figures.len(), GAUGES);
    figures.extend(engine.counters.all());
    figures
}

fn stats(http: &Http) -> String {
    let rows: Vec<String> =
        figures(http).iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}\n", rows.join(", "))
}

fn metrics(http: &Http) -> String {
    let row = |(place, (name, value)): (usize, &(&str, u64))| {
        let (kind, end) = if place < GAUGES { ("gauge", "") } else { ("counter", "_total") };
        format!("# TYPE largesse_tracker_{name}{end} {kind}\nlargesse_tracker_{name}{end} {value}\n")
    };
    figures(http).iter().enumerate().map(row).collect()
}
