//! The admin address: `/metrics` for Prometheus, `/stats.json` and `/health`. No peer's address is in any of them.

use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::counters::{Figure, Kind};
use crate::http::Http;
use crate::http_reply::{Keep, respond};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
