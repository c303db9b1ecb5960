//! The running tracker: sockets, threads, and the admin address.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::counters::count;
use crate::engine::Engine;
use crate::http::Http;
use crate::http_limits::Limits;
use crate::netmsg::{never_fragment, steer_by_key};
use crate::proxy::{Network, Proxies};
use crate::tls::{Tls, TlsFiles};
use crate::udp::{PATIENCE, Worker};
use crate::{admin, http_connection};

/// Receive buffer that is asked for, for each socket; the kernel gives at most `net.core.rmem_max`.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;
/// How often a free port is looked for that is free for UDP and for TCP.
const TRIES: usize = 50;

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// UDP and HTTP addresses; port 0 takes a free one.
    pub addresses: Vec<SocketAddr>,
    /// Where `/metrics`, `/stats.json` and `/health` are; None: nowhere.
    pub admin: Option<SocketAddr>,
    /// Proxies that may say who asks, as `ADDRESS` or `ADDRESS/PREFIX`.
    pub trusted_proxies: Vec<String>,
    /// The header in which they say it.
    pub proxy_header: String,
    /// The certificate for HTTPS and WSS, which are then spoken on the same ports; None: no TLS.
    pub tls: Option<TlsFiles>,
    /// What senders may cost.
    pub limits: Limits,
}

/// A running tracker; it stops when told to, or dropped.
#[derive(Debug)]
pub struct Tracker {
    /// The swarms and the counters.
    pub engine: Arc<Engine>,
    /// The addresses that were really taken.
    pub addresses: Vec<SocketAddr>,
    /// The admin address that was really taken.
    pub admin: Option<SocketAddr>,
    stop: Arc<AtomicBool>,
    stop_http: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl Tracker {
    /// Takes the sockets and starts the threads.
    ///
    /// # Errors
    ///
    /// An address that is in use or cannot be taken, with the address in the message.
    pub fn start(engine: Arc<Engine>, listen: &Listen) -> io::Result<Self> {
        let networks = listen.trusted_proxies.iter().map(|text| {
            Network::parse(text)
                .ok_or_else(|| io::Error::other(format!("{text} is neither an address nor a network")))
        });
        let networks = networks.collect::<io::Result<Vec<Network>>>()?;
        let proxies = Proxies { networks, header: listen.proxy_header.clone() };
        let tls = listen.tls.clone().map(Tls::load).transpose()?;
        let limits = listen.limits.clone();
        let workers = engine.shards();
        let mut sockets: Vec<Vec<Socket>> = (0..workers).map(|_| Vec::new()).collect();
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for wanted in &listen.addresses {
            let (address, udp, tcp) = bind(*wanted, workers)
                .map_err(|error| io::Error::new(error.kind(), format!("{wanted}: {error}")))?;
            for (worker, socket) in udp.into_iter().enumerate() {
                sockets[worker].push(socket);
            }
            listeners.push(tcp);
            addresses.push(address);
        }
        let admin = listen
            .admin
            .map(|address| {
                StdTcpListener::bind(address)
                    .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                    .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))
            })
            .transpose()?;
        let admin_address = admin.as_ref().map(StdTcpListener::local_addr).transpose()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stop_http, stopped) = watch::channel(false);
        // Dropped where a thread cannot be started, it stops those that were.
        let mut tracker = Self {
            engine,
            addresses,
            admin: admin_address,
            stop: Arc::clone(&stop),
            stop_http,
            threads: Vec::new(),
        };
        for (number, own) in sockets.into_iter().enumerate() {
            let worker = Worker {
                engine: Arc::clone(&tracker.engine),
                sockets: own,
                shard: number,
                stop: Arc::clone(&stop),
                requests_per_second: limits.requests_per_second,
            };
            tracker.threads.push(
                thread::Builder::new().name(format!("udp-{number}")).spawn(move || run_again(&worker))?,
            );
        }
        let own = Arc::clone(&tracker.engine);
        tracker.threads.push(
            thread::Builder::new()
                .name("http".into())
                .spawn(move || serve(Http::new(own, proxies, limits, tls), listeners, admin, stopped))?,
        );
        Ok(tracker)
    }

    /// Stops all threads and waits for them.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.stop_http.send(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs a worker, and again when it panics: one bad packet must not end the tracker.
fn run_again(worker: &Worker) {
    while catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
        count(&worker.engine.counters.worker_panics);
        thread::sleep(Duration::from_millis(10));
    }
}

/// Takes one address for UDP, once for each worker, and for TCP; port 0 finds one that is free for both.
fn bind(wanted: SocketAddr, workers: usize) -> io::Result<(SocketAddr, Vec<Socket>, StdTcpListener)> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..if wanted.port() == 0 { TRIES } else { 1 } {
        let first = udp_socket(wanted, workers > 1)?;
        let address = first.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        match tcp_listener(address) {
            Ok(tcp) => {
                let mut udp = vec![first];
                for _ in 1..workers {
                    udp.push(udp_socket(address, true)?);
                }
                if workers > 1 {
                    // Without it, packets reach the workers by their sender, and shards are locked across workers.
                    let _ = steer_by_key(udp[0].as_raw_fd(), workers as u32);
                }
                return Ok((address, udp, tcp));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn udp_socket(address: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_port(is_shared)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    if address.is_ipv4() {
        never_fragment(&socket)?;
    }
    // The kernel gives what it may; `largesse doctor` tells when that is little.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket)
}

fn tcp_listener(address: SocketAddr) -> io::Result<StdTcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// The HTTP thread: all listeners and the admin address, until it is stopped.
fn serve(
    http: Http,
    listeners: Vec<StdTcpListener>,
    admin: Option<StdTcpListener>,
    mut stopped: watch::Receiver<bool>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system has an event queue");
    let tasks = tokio::task::LocalSet::new();
    let http = Rc::new(http);
    tasks.block_on(&runtime, async {
        let listening =
            |listener| Rc::new(TcpListener::from_std(listener).expect("the event queue takes it"));
        for listener in listeners {
            let (own, listener) = (Rc::clone(&http), listening(listener));
            let accept = move || http_connection::serve(Rc::clone(&own), Rc::clone(&listener));
            tokio::task::spawn_local(for_ever(Rc::clone(&http), accept));
        }
        if let Some(listener) = admin {
            let (own, listener) = (Rc::clone(&http), listening(listener));
            let accept = move || admin::serve(Rc::clone(&own), Rc::clone(&listener));
            tokio::task::spawn_local(for_ever(Rc::clone(&http), accept));
        }
        if let Some(tls) = http.tls.clone() {
            let engine = Arc::clone(&http.engine);
            let follow = move || tls.clone().follow(Arc::clone(&engine));
            tokio::task::spawn_local(for_ever(Rc::clone(&http), follow));
        }
        // A sender that is gone means the same as its word.
        let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
    });
}

/// Does a task of the HTTP thread, and again when it panics: one bad request must not close an address.
async fn for_ever<F: Future<Output = ()> + 'static>(http: Rc<Http>, task: impl Fn() -> F) {
    while tokio::task::spawn_local(task()).await.is_err_and(|error| error.is_panic()) {
        count(&http.engine.counters.worker_panics);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Instant;

    use super::*;
    use crate::engine::Config;

    #[test]
    fn a_task_that_panics_is_done_again_and_counted() {
        let engine = Arc::new(Engine::new(Config::default()));
        let proxies = Proxies { networks: Vec::new(), header: String::new() };
        let http = Rc::new(Http::new(Arc::clone(&engine), proxies, Limits::default(), None));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a queue");
        let tries = Rc::new(Cell::new(0));
        let seen = Rc::clone(&tries);
        let task = move || {
            tries.set(tries.get() + 1);
            let number = tries.get();
            async move { assert!(number == 3, "the first two panic") }
        };
        tokio::task::LocalSet::new().block_on(&runtime, for_ever(http, task));
        assert_eq!((seen.get(), engine.counters.worker_panics.load(Ordering::Relaxed)), (3, 2));
    }

    #[test]
    fn a_worker_that_is_stuck_is_named_until_it_goes_on() {
        let engine = Arc::new(Engine::new(Config::default()));
        let listen = Listen {
            addresses: vec!["127.0.0.1:0".parse().expect("an address")],
            admin: None,
            trusted_proxies: Vec::new(),
            proxy_header: String::new(),
            tls: None,
            limits: Limits::default(),
        };
        let tracker = Tracker::start(Arc::clone(&engine), &listen).expect("it starts");
        let becomes = |silent: &[&str]| {
            let began = Instant::now();
            while engine.health.silent() != silent {
                assert!(began.elapsed() < Duration::from_secs(60), "{:?}", engine.health.silent());
                thread::sleep(Duration::from_millis(20));
            }
        };
        let held = engine.shard(0);
        becomes(&["udp-0"]);
        drop(held);
        becomes(&[]);
        drop(tracker);
    }
}
