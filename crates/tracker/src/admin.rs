//! The admin address: `/metrics` for Prometheus, `/stats.json` and `/health`. No peer's address is in any of them.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::counters::{Figure, Kind};
use crate::http::Http;
use crate::http_reply::{Keep, respond};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many requests are answered at a time; others wait in the kernel's queue.
const MOST_REQUESTS: usize = 64;

/// Answers the admin address for ever.
pub(crate) async fn serve(http: Rc<Http>, listener: Rc<TcpListener>) {
    let places = Arc::new(Semaphore::new(MOST_REQUESTS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: wait for connections to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let http = Rc::clone(&http);
        tokio::task::spawn_local(async move {
            // Whoever asks too slowly asks again.
            let _ = timeout(PATIENCE, answer(stream, &http)).await;
            drop(place);
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
    let mut out = Vec::new();
    write_answer(&buffer, http, &mut out);
    stream.write_all(&out).await?;
    stream.shutdown().await
}

/// Answers one request head.
fn write_answer(head: &[u8], http: &Http, out: &mut Vec<u8>) {
    let mut parts = head.split(|byte| *byte == b' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    if !matches!(method, b"GET" | b"HEAD") {
        return respond(405, "text/plain", b"Only GET and HEAD are answered here.\n", Keep::Close, out);
    }
    let (status, kind, body) = match path {
        b"/health" => health(http),
        b"/stats.json" => (200, "application/json", stats(http)),
        b"/metrics" => (200, "text/plain; version=0.0.4; charset=utf-8", metrics(http)),
        _ => (404, "text/plain", "/metrics, /stats.json or /health\n".into()),
    };
    respond(status, kind, body.as_bytes(), Keep::Close, out);
    if method == b"HEAD" {
        out.truncate(out.len() - body.len());
    }
}

/// Whether every part is at work. That this is answered at all says so of the HTTP side, whose thread does it.
fn health(http: &Http) -> (u16, &'static str, String) {
    let silent = http.engine.health.silent();
    if silent.is_empty() {
        return (200, "application/json", "{\"ok\": true}\n".into());
    }
    let names: Vec<String> = silent.iter().map(|name| format!("\"{name}\"")).collect();
    (503, "application/json", format!("{{\"ok\": false, \"silent\": [{}]}}\n", names.join(", ")))
}

fn figures(http: &Http) -> Vec<Figure> {
    let gauge = |name, help, value: usize| Figure { name, help, kind: Kind::Gauge, value: value as u64 };
    let mut figures = vec![
        gauge(
            "http_connections_open",
            "HTTP connections, upgraded ones included.",
            http.open.borrow().total(),
        ),
        gauge("ws_connections_open", "WebSocket connections.", http.hub.borrow().sockets()),
    ];
    figures.extend(http.engine.figures());
    figures
}

fn stats(http: &Http) -> String {
    let rows: Vec<String> =
        figures(http).iter().map(|Figure { name, value, .. }| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}\n", rows.join(", "))
}

/// The text format of Prometheus, version 0.0.4: for each number what it is, of which kind, and the number.
fn metrics(http: &Http) -> String {
    let row = |Figure { name, help, kind, value }: &Figure| {
        let (kind, end) = match kind {
            Kind::Gauge => ("gauge", ""),
            Kind::Counter => ("counter", "_total"),
        };
        let name = format!("largesse_tracker_{name}{end}");
        format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
    };
    figures(http).iter().map(row).collect()
}
