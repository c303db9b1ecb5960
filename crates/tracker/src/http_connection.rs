//! The connections of the HTTP side: plain or TLS by their first byte, keep-alive, pipelining, and a deadline for everything.
//!
//! One thread serves all of them. Each has a bounded buffer, a time by which its request must be whole and its answer read, so a
//! slow or a large one costs little and no one else.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};

use crate::counters::count;
use crate::engine::Engine;
use crate::http::{Http, Step};
use crate::http_places::{Ending, Place};
use crate::http_reply::{Keep, respond};
use crate::tls::Tls;

/// Largest request head; a scrape of 115 hashes fits, of 256 where their bytes are written as they are.
const REQUEST_BYTES: usize = 8192;
/// Answers to pipelined requests that are gathered before they are written.
const ANSWER_BYTES: usize = 16_384;
/// Room that a read finds.
const READ_BYTES: usize = 1024;
/// The first byte of a TLS handshake (RFC 8446, section 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// One open connection in the count; it leaves the count when dropped, even by a panic.
struct Entered {
    http: Rc<Http>,
    place: Option<Place>,
}

impl Entered {
    /// Counts the connection as this address's; false where that, or all together, have too many. It must end when its ending says so.
    fn enter(&mut self, ip: IpAddr, ending: &Ending) -> bool {
        self.leave();
        let is_proxy = self.http.proxies.hold(ip);
        self.place = self.http.open.borrow_mut().enter(ip, &self.http.limits, is_proxy, ending);
        self.place.is_some()
    }

    fn leave(&mut self) {
        if let Some(place) = self.place.take() {
            self.http.open.borrow_mut().leave(&place);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.leave();
        if std::thread::panicking() {
            count(&self.http.engine.counters.worker_panics);
        }
    }
}

/// Accepts connections for ever.
pub(crate) async fn serve(http: Rc<Http>, listener: Rc<TcpListener>) {
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of file descriptors, most likely: wait for connections to end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let ip = address.ip().to_canonical();
        let ending = Ending::default();
        let mut entered = Entered { http: Rc::clone(&http), place: None };
        if !entered.enter(ip, &ending) {
            count(&http.engine.counters.http_connections_cut);
            continue;
        }
        count(&http.engine.counters.http_connections);
        let http = Rc::clone(&http);
        tokio::task::spawn_local(async move {
            // Wherever the connection waits, it ends there, and what it holds is given back as it is dropped.
            tokio::select! {
                biased;
                () = ending.notified() => count(&http.engine.counters.http_connections_evicted),
                () = greet(&http, stream, ip, &ending, &mut entered) => {}
            }
            drop(entered);
        });
    }
}

/// Serves a connection as what its first byte says it is.
async fn greet(http: &Http, stream: TcpStream, ip: IpAddr, ending: &Ending, entered: &mut Entered) {
    // Answers are written whole; waiting for more of them would only delay the last.
    let _ = stream.set_nodelay(true);
    let Some(tls) = &http.tls else { return connection(http, stream, ip, ending, entered).await };
    let mut first = [0];
    match timeout(http.limits.request_time, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => {}
        Ok(Ok(1)) => return connection(http, stream, ip, ending, entered).await,
        Ok(_) => return,
        Err(_) => return count(&http.engine.counters.http_slow),
    }
    match timeout(http.limits.request_time, accept(tls, stream)).await {
        Ok(Ok(stream)) => connection(http, stream, ip, ending, entered).await,
        Ok(Err(_)) | Err(_) => count(&http.engine.counters.tls_failures),
    }
}

async fn accept(
    tls: &Tls,
    stream: TcpStream,
) -> std::io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
    tls.acceptor().accept(stream).await
}

/// Answers requests until the client ends, breaks a rule or waits too long.
async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    http: &Http,
    mut stream: S,
    ip: IpAddr,
    ending: &Ending,
    entered: &mut Entered,
) {
    let engine: &Arc<Engine> = &http.engine;
    let limits = &http.limits;
    let mut buffer = Vec::with_capacity(READ_BYTES);
    let mut out = Vec::with_capacity(READ_BYTES);
    let mut deadline = Instant::now() + limits.request_time;
    loop {
        if buffer.capacity() - buffer.len() < READ_BYTES / 2 {
            buffer.reserve(READ_BYTES);
        }
        let was_empty = buffer.is_empty();
        match timeout_at(deadline, stream.read_buf(&mut buffer)).await {
            Ok(Ok(length)) if length > 0 => {}
            Ok(_) => return,
            // Silence between two requests is no fault, half a request is.
            Err(_) if was_empty => return,
            Err(_) => return count(&engine.counters.http_slow),
        }
        let mut read = 0;
        loop {
            let step = http.request(&buffer[read..], ip, &mut out);
            let is_last = match step {
                Step::More if buffer.len() - read > REQUEST_BYTES => {
                    respond(431, "text/plain", b"The request is too large.\n", Keep::Close, &mut out);
                    count(&engine.counters.http_malformed);
                    true
                }
                Step::Close => {
                    count(&engine.counters.http_malformed);
                    true
                }
                Step::More => false,
                Step::Answered { length, is_kept } => {
                    read += length;
                    !is_kept
                }
                Step::Upgraded { length, .. } => {
                    read += length;
                    false
                }
            };
            let is_more = matches!(step, Step::Answered { .. }) && !is_last && read < buffer.len();
            if is_more && out.len() < ANSWER_BYTES {
                continue;
            }
            if !out.is_empty() && !write(http, &mut stream, &mut out).await {
                return;
            }
            if let Step::Upgraded { ip: client, passkey, .. } = step {
                buffer.drain(..read);
                // Behind a proxy, what lives as long as this is its client's own connection from here on.
                if client == ip || entered.enter(client, ending) {
                    crate::ws::speak(http, &mut stream, buffer, client, passkey).await;
                } else {
                    count(&engine.counters.http_connections_cut);
                }
                return end(&mut stream, limits.request_time).await;
            }
            if is_last {
                return end(&mut stream, limits.request_time).await;
            }
            if !is_more {
                break;
            }
        }
        // A new request has its own time from its first byte; one that has begun keeps its deadline.
        if buffer.len() == read {
            deadline = Instant::now() + limits.idle_time;
        } else if was_empty || read > 0 {
            deadline = Instant::now() + limits.request_time;
        }
        buffer.drain(..read);
    }
}

/// Writes what waits; false where the client does not take it in time.
pub(crate) async fn write<S: AsyncWrite + Unpin>(http: &Http, stream: &mut S, out: &mut Vec<u8>) -> bool {
    let is_written = async { stream.write_all(out).await.is_ok() && stream.flush().await.is_ok() };
    let outcome = timeout(http.limits.request_time, is_written).await;
    out.clear();
    if outcome.is_err() {
        count(&http.engine.counters.http_slow);
    }
    outcome == Ok(true)
}

/// Ends a connection so that its last answer arrives: what the client still sends is read for a moment, and thrown away.
async fn end<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, patience: Duration) {
    let drain = async {
        let mut waste = [0; 1024];
        let mut left = REQUEST_BYTES * 8;
        if stream.shutdown().await.is_ok() {
            while let Ok(length @ 1..) = stream.read(&mut waste).await {
                let Some(rest) = left.checked_sub(length) else { break };
                left = rest;
            }
        }
    };
    // Whoever does not end by then is cut by the drop of the socket.
    let _ = timeout(patience.min(Duration::from_secs(2)), drain).await;
}
