//! `_core.Tracker`: the running tracker for Python. Its threads never attach to Python; policy goes in, counts come out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use largesse_tracker::{Config, Deeds, Delta, Engine, Limits, Listen, Permit, Report, TlsFiles, Tracker};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

pub(crate) type Key = [u8; 20];
pub(crate) type PyChange = (String, Key, Option<Key>);
type PyCounts<'py> = (Bound<'py, PyBytes>, u32, u32, u32, u32);
pub(crate) type PyDeed<'py> = (u64, Bound<'py, PyBytes>, u64, u64, u64, u32);
/// Uploaded, downloaded, whether it seeds, when it was heard and when its session began (seconds since 1970), whether it stopped, and
/// whether its completed download was counted.
type PyLast = (u64, u64, bool, i64, i64, bool, bool);
/// Account, key, peer id, and its last report; None for a peer that is gone.
pub(crate) type PyReport<'py> = (u64, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Option<PyLast>);
type PyKept = (u64, Key, [u8; 20], PyLast);

/// A tracker that runs until it is stopped.
#[pyclass(name = "Tracker", frozen)]
pub(crate) struct PyTracker {
    engine: Arc<Engine>,
    listen: Listen,
    taken: OnceLock<Taken>,
    running: Mutex<Option<Tracker>>,
}

/// Where a started tracker is.
struct Taken {
    addresses: Vec<String>,
    admin: Option<String>,
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // PyO3 converts arguments into owned values.
impl PyTracker {
    #[new]
    #[pyo3(signature = (
        *, listen, admin, policy, workers, interval_seconds, private_peers, trusted_proxies, client_allow, client_deny, most_torrents,
        tls_certificate=None, tls_key=None, requests_per_second=500, full_scrape=false, proxy_header="X-Forwarded-For".into(),
        is_waiting=false
    ))]
    #[allow(clippy::too_many_arguments)] // One for each setting, by name only.
    fn new(
        py: Python<'_>,
        listen: Vec<String>,
        admin: Option<String>,
        policy: &str,
        workers: usize,
        interval_seconds: u32,
        private_peers: &str,
        trusted_proxies: Vec<String>,
        client_allow: Vec<Vec<u8>>,
        client_deny: Vec<Vec<u8>>,
        most_torrents: usize,
        tls_certificate: Option<PathBuf>,
        tls_key: Option<PathBuf>,
        requests_per_second: u32,
        full_scrape: bool,
        proxy_header: String,
        is_waiting: bool,
    ) -> PyResult<Self> {
        let visibility = match private_peers {
            "same" => largesse_tracker::Visibility::Same,
            "all" => largesse_tracker::Visibility::All,
            "never" => largesse_tracker::Visibility::Never,
            other => return Err(PyValueError::new_err(format!("private_peers: {other}"))),
        };
        let config = Config {
            shards: workers,
            is_listed_only: policy != "open",
            is_members_only: policy == "members",
            interval_seconds,
            visibility,
            client_allow,
            client_deny,
            most_torrents,
            ..Config::default()
        };
        let tls = match (tls_certificate, tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            _ => return Err(PyValueError::new_err("tls_certificate and tls_key belong together")),
        };
        let usual = Limits::default();
        let listen = Listen {
            addresses: listen.iter().map(|text| address(text)).collect::<PyResult<_>>()?,
            admin: admin.as_deref().map(address).transpose()?,
            trusted_proxies,
            proxy_header,
            tls,
            limits: Limits {
                requests_per_second,
                messages_per_second: if requests_per_second == 0 { 0 } else { usual.messages_per_second },
                allows_full_scrape: full_scrape,
                ..usual
            },
        };
        let engine = Arc::new(Engine::new(config));
        let tracker = Self { engine, listen, taken: OnceLock::new(), running: Mutex::new(None) };
        if !is_waiting {
            tracker.start(py)?;
        }
        Ok(tracker)
    }

    /// Takes the sockets and answers from now on. One that waited has its policy by then, so it refuses nobody by mistake.
    fn start(&self, py: Python<'_>) -> PyResult<()> {
        if self.taken.get().is_some() {
            return Err(PyValueError::new_err("the tracker was started before"));
        }
        let running = py
            .detach(|| Tracker::start(Arc::clone(&self.engine), &self.listen))
            .map_err(|error| PyOSError::new_err((error.raw_os_error(), error.to_string())))?;
        let addresses = running.addresses.iter().map(ToString::to_string).collect();
        let admin = running.admin.map(|address| address.to_string());
        let _ = self.taken.set(Taken { addresses, admin });
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
        Ok(())
    }

    /// The addresses that were really taken; none before the start.
    #[getter]
    fn addresses(&self) -> Vec<String> {
        self.taken.get().map(|taken| taken.addresses.clone()).unwrap_or_default()
    }

    /// The admin address that was really taken.
    #[getter]
    fn admin(&self) -> Option<String> {
        self.taken.get().and_then(|taken| taken.admin.clone())
    }

    /// Applies changes of the policy, in their order; they hold when this returns.
    fn apply(&self, py: Python<'_>, changes: Vec<PyChange>) -> PyResult<()> {
        let changes = self::changes(changes)?;
        py.detach(|| self.engine.apply(&changes));
        Ok(())
    }

    /// Gives one member its passkey; the former one stops working.
    fn admit_member(&self, passkey: [u8; 16], account: u64) {
        self.engine.admit_member(passkey, account);
    }

    /// Gives all members their passkeys, in place of all former ones.
    fn replace_members(&self, accounts: HashMap<[u8; 16], u64>) {
        self.engine.replace_members(accounts);
    }

    /// Sets which clients are served.
    fn set_client_rules(&self, allow: Vec<Vec<u8>>, deny: Vec<Vec<u8>>) {
        self.engine.set_client_rules(allow, deny);
    }

    /// Hands over the swarms whose counts changed: key, seeders, leechers, partial seeds, completed.
    fn drain_counts<'py>(&self, py: Python<'py>, limit: usize) -> Vec<PyCounts<'py>> {
        let drained = py.detach(|| self.engine.drain_counts(limit));
        drained
            .into_iter()
            .map(|(key, counts)| {
                (
                    PyBytes::new(py, &key),
                    counts.seeders,
                    counts.leechers,
                    counts.partial_seeds,
                    counts.completed,
                )
            })
            .collect()
    }

    /// Hands over what members did (account, key, uploaded, downloaded, seed seconds, completed), and their last reports.
    fn drain_members<'py>(&self, py: Python<'py>) -> (Vec<PyDeed<'py>>, Vec<PyReport<'py>>) {
        members(py, py.detach(|| self.engine.drain_members()))
    }

    /// Takes the last reports of members that a former tracker handed over.
    fn restore_members(&self, reports: Vec<PyKept>) {
        self.engine.restore_members(reports.into_iter().map(|(account, key, peer_id, report)| {
            let (uploaded, downloaded, was_seeder, seconds, begun, is_stopped, has_completed) = report;
            let report =
                Report { uploaded, downloaded, seconds, begun, was_seeder, is_stopped, has_completed };
            ((account, key, peer_id), report)
        }));
    }

    /// Every counter by its name, and how many torrents and peers there are.
    fn stats(&self, py: Python<'_>) -> HashMap<&'static str, u64> {
        let figures = py.detach(|| self.engine.figures());
        figures.into_iter().map(|figure| (figure.name, figure.value)).collect()
    }

    /// Says that a part of the site is at work; `/health` names it once it has been silent for longer than `patience_seconds`.
    fn beat(&self, part: &str, patience_seconds: u64) {
        self.engine.beat(part, patience_seconds);
    }

    /// Makes one worker panic in a moment, so that its restart can be seen.
    fn ask_for_panic(&self) {
        self.engine.ask_for_panic();
    }

    /// Writes all swarms to a file.
    fn write_snapshot(&self, py: Python<'_>, path: PathBuf) -> PyResult<usize> {
        Ok(py.detach(|| self.engine.write_snapshot(&path))?)
    }

    /// Loads a snapshot, if there is one; it stays until the caller removes it.
    fn read_snapshot(&self, py: Python<'_>, path: PathBuf) -> PyResult<usize> {
        Ok(py.detach(|| self.engine.read_snapshot(&path))?)
    }

    /// Stops all threads and gives the sockets back.
    fn stop(&self, py: Python<'_>) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| drop(running));
    }
}

/// Reads changes of the policy.
pub(crate) fn changes(changes: Vec<PyChange>) -> PyResult<Vec<Permit>> {
    let read = |(kind, key, canonical): PyChange| match (kind.as_str(), canonical) {
        ("allow", None) => Ok(Permit::Allow(key)),
        ("alias", Some(canonical)) => Ok(Permit::Alias(key, canonical)),
        ("refuse", None) => Ok(Permit::Refuse(key)),
        _ => Err(PyValueError::new_err(format!("no such change: {kind}"))),
    };
    changes.into_iter().map(read).collect()
}

pub(crate) fn members(py: Python<'_>, deeds: Deeds) -> (Vec<PyDeed<'_>>, Vec<PyReport<'_>>) {
    let deltas = deeds.deltas.into_iter().map(|(account, key, delta)| {
        let Delta { uploaded, downloaded, seed_seconds, completed } = delta;
        (account, PyBytes::new(py, &key), uploaded, downloaded, seed_seconds, completed)
    });
    let reports = deeds.reports.into_iter().map(|((account, key, peer_id), report)| {
        let last = report.map(|last| {
            let Report { uploaded, downloaded, seconds, begun, was_seeder, is_stopped, has_completed } = last;
            (uploaded, downloaded, was_seeder, seconds, begun, is_stopped, has_completed)
        });
        (account, PyBytes::new(py, &key), PyBytes::new(py, &peer_id), last)
    });
    (deltas.collect(), reports.collect())
}

pub(crate) fn address(text: &str) -> PyResult<SocketAddr> {
    text.parse().map_err(|_| PyValueError::new_err(format!("{text} is not ADDRESS:PORT")))
}
