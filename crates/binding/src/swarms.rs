//! `_core.Swarms`: the swarms of a tracker without sockets, under a clock that is moved by hand. What the model test drives.

use std::path::PathBuf;

use largesse_tracker::{Announce, Config, Engine, Event, Refusal, Request, Visibility};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::tracker::{Key, PyChange, PyDeed, PyReport, address, changes, members};

/// Seeders, leechers, partial seeds, completed.
type PyNumbers = (u32, u32, u32, u32);
/// Why it was refused or None, the numbers, and the compact peers of both families.
type PyReply<'py> = (Option<&'static str>, PyNumbers, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// The engine of a tracker.
#[pyclass(name = "Swarms", frozen)]
pub(crate) struct PySwarms {
    engine: Engine,
}

#[pymethods]
#[allow(clippy::needless_pass_by_value)] // PyO3 converts arguments into owned values.
impl PySwarms {
    #[new]
    #[pyo3(signature = (*, policy, interval_seconds=1800, shards=2, most_torrents=1000, most_peers=1000))]
    fn new(
        policy: &str,
        interval_seconds: u32,
        shards: usize,
        most_torrents: usize,
        most_peers: usize,
    ) -> Self {
        let engine = Engine::with_clock_by_hand(Config {
            shards,
            is_listed_only: policy != "open",
            is_members_only: policy == "members",
            interval_seconds,
            visibility: Visibility::All,
            most_torrents,
            most_peers,
            ..Config::default()
        });
        Self { engine }
    }

    /// Announces a peer.
    #[pyo3(signature = (
        key, peer, *, event, left, wanted, peer_id=*b"-XX0001-aaaaaaaaaaaa", uploaded=0, downloaded=0, passkey=None,
        both_families=false
    ))]
    #[allow(clippy::too_many_arguments)] // What an announce holds.
    fn announce<'py>(
        &self,
        py: Python<'py>,
        key: Key,
        peer: &str,
        event: &str,
        left: u64,
        wanted: usize,
        peer_id: [u8; 20],
        uploaded: u64,
        downloaded: u64,
        passkey: Option<[u8; 16]>,
        both_families: bool,
    ) -> PyResult<PyReply<'py>> {
        let event = match event {
            "" => Event::None,
            "completed" => Event::Completed,
            "started" => Event::Started,
            "stopped" => Event::Stopped,
            "paused" => Event::Paused,
            other => return Err(PyValueError::new_err(format!("no such event: {other}"))),
        };
        let address = address(peer)?;
        let announce = Announce { key, address, event, is_seeder: left == 0, wanted, both_families };
        let request = Request { announce, peer_id, uploaded, downloaded, passkey };
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let (refusal, counts) = match self.engine.announce(&request, &mut v4, &mut v6) {
            Ok(reply) => (None, reply.counts),
            Err(refusal) => (Some(name_of(refusal)), largesse_tracker::Counts::default()),
        };
        let numbers = (counts.seeders, counts.leechers, counts.partial_seeds, counts.completed);
        Ok((refusal, numbers, PyBytes::new(py, &v4), PyBytes::new(py, &v6)))
    }

    /// The numbers of a torrent; None where it is not known.
    fn scrape(&self, key: Key) -> Option<PyNumbers> {
        let counts = self.engine.scrape(key)?;
        Some((counts.seeders, counts.leechers, counts.partial_seeds, counts.completed))
    }

    /// Applies changes of the policy, in their order.
    fn apply(&self, changed: Vec<PyChange>) -> PyResult<()> {
        self.engine.apply(&changes(changed)?);
        Ok(())
    }

    /// Moves the clock, and sweeps everything that has been silent for too long.
    fn advance(&self, seconds: u64) {
        self.engine.advance(seconds);
    }

    /// Gives one member its passkey.
    fn admit_member(&self, passkey: [u8; 16], account: u64) {
        self.engine.admit_member(passkey, account);
    }

    /// Sets which clients are served.
    fn set_client_rules(&self, allow: Vec<Vec<u8>>, deny: Vec<Vec<u8>>) {
        self.engine.set_client_rules(allow, deny);
    }

    /// Hands over the swarms whose numbers changed.
    fn drain_counts<'py>(&self, py: Python<'py>, limit: usize) -> Vec<(Bound<'py, PyBytes>, PyNumbers)> {
        let told = |(key, counts): (Key, largesse_tracker::Counts)| {
            let numbers = (counts.seeders, counts.leechers, counts.partial_seeds, counts.completed);
            (PyBytes::new(py, &key), numbers)
        };
        self.engine.drain_counts(limit).into_iter().map(told).collect()
    }

    /// Hands over what members did, as `Tracker` does.
    fn drain_members<'py>(&self, py: Python<'py>) -> (Vec<PyDeed<'py>>, Vec<PyReport<'py>>) {
        members(py, self.engine.drain_members())
    }

    /// Every counter by its name, and how many torrents and peers there are.
    fn stats(&self) -> std::collections::HashMap<&'static str, u64> {
        self.engine.figures().into_iter().map(|figure| (figure.name, figure.value)).collect()
    }

    /// Writes all swarms to a file.
    fn write_snapshot(&self, path: PathBuf) -> PyResult<usize> {
        Ok(self.engine.write_snapshot(&path)?)
    }

    /// Loads a snapshot, if there is one.
    fn read_snapshot(&self, path: PathBuf) -> PyResult<usize> {
        Ok(self.engine.read_snapshot(&path)?)
    }
}

fn name_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotListed => "not listed",
        Refusal::Client => "client",
        Refusal::Passkey => "passkey",
        Refusal::Full => "full",
    }
}
