//! The snapshot: a planned restart keeps the swarms.
//!
//! It holds the secret of the connection ids, too, so that UDP clients need not notice. It is written part by part, each under a
//! short lock and with a rest after it, into a file that only its owner can read. Who loaded it removes it once the tracker serves: a
//! start that fails leaves it for the next one.
//!
//! ```text
//! "LGSWARM2"  seconds since 1970 (8)  secret of connection ids (16)  seconds of the tracker's clock (8)
//! then for each swarm: key (20)  completed (4)  peers (4)  then for each peer:
//! flags (1: 1 seeder, 2 partial, 4 IPv6)  age in ticks (2)  address (4 or 16)  port (2)          all big-endian
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use largesse_swarm::{Cursor, SnapshotSwarm, TICK_SECONDS, Tick};

use crate::engine::Engine;

const MAGIC: &[u8; 8] = b"LGSWARM2";
/// A snapshot older than this is of no use: its peers have gone elsewhere.
const OLDEST_SECONDS: u64 = 1800;
/// After so long a snapshot rests as long as it worked.
const WORK: Duration = Duration::from_micros(300);
/// Most peers of one swarm in a snapshot; a larger number is damage.
const MOST_PEERS: u32 = 50_000_000;

impl Engine {
    /// Writes all swarms to a file, which is there whole or not at all. Returns how many swarms.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub fn write_snapshot(&self, path: &Path) -> io::Result<usize> {
        let temporary = path.with_extension("part");
        let _ = std::fs::remove_file(&temporary);
        let mut file =
            BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?);
        file.write_all(MAGIC)?;
        file.write_all(&unix_seconds().to_be_bytes())?;
        file.write_all(&self.connections.secret())?;
        file.write_all(&self.seconds().to_be_bytes())?;
        let mut written = 0;
        for number in 0..self.shards() {
            let mut cursor = Some(Cursor::default());
            let mut worked_since = Instant::now();
            while let Some(from) = cursor {
                let (swarms, next) = self.shard(number).snapshot(from, self.tick());
                for swarm in &swarms {
                    write_swarm(&mut file, swarm)?;
                }
                written += swarms.len();
                cursor = next;
                if worked_since.elapsed() > WORK {
                    // Workers may share this processor: they must never wait as long as the kernel lets a busy thread run.
                    thread::sleep(worked_since.elapsed());
                    worked_since = Instant::now();
                }
            }
        }
        file.into_inner()?.sync_all()?;
        std::fs::rename(&temporary, path)?;
        Ok(written)
    }

    /// Loads a snapshot, if there is one; nothing comes back from one that is too old. Returns how many swarms came back.
    ///
    /// # Errors
    ///
    /// What the file system says; a damaged file is `InvalidData`, after the swarms before the damage were taken.
    pub fn read_snapshot(&self, path: &Path) -> io::Result<usize> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        self.load(&mut BufReader::new(file))
    }

    /// Loads swarms from the bytes of a snapshot.
    ///
    /// # Errors
    ///
    /// `InvalidData` when the bytes are damaged.
    pub fn load(&self, file: &mut impl Read) -> io::Result<usize> {
        let mut magic = [0; 8];
        file.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(damaged());
        }
        let age = unix_seconds().saturating_sub(u64::from_be_bytes(read(file)?));
        if age > OLDEST_SECONDS {
            return Ok(0);
        }
        let secret = read(file)?;
        let theirs = u64::from_be_bytes(read(file)?).wrapping_add(age);
        self.connections.succeed(secret, theirs, self.seconds());
        let mut loaded = 0;
        while let Some(mut swarm) = read_swarm(file)? {
            for peer in &mut swarm.peers {
                peer.3 = peer.3.saturating_add((age / TICK_SECONDS) as u16);
            }
            let now: Tick = self.tick();
            self.shard(self.shard_of(&swarm.key)).restore(&swarm, now);
            loaded += 1;
        }
        Ok(loaded)
    }
}

fn write_swarm(file: &mut impl Write, swarm: &SnapshotSwarm) -> io::Result<()> {
    file.write_all(&swarm.key)?;
    file.write_all(&swarm.completed.to_be_bytes())?;
    file.write_all(&(swarm.peers.len() as u32).to_be_bytes())?;
    for (address, is_seeder, is_partial, age) in &swarm.peers {
        let flags = u8::from(*is_seeder) | u8::from(*is_partial) << 1 | u8::from(address.is_ipv6()) << 2;
        file.write_all(&[flags])?;
        file.write_all(&age.to_be_bytes())?;
        match address {
            SocketAddr::V4(address) => file.write_all(&address.ip().octets())?,
            SocketAddr::V6(address) => file.write_all(&address.ip().octets())?,
        }
        file.write_all(&address.port().to_be_bytes())?;
    }
    Ok(())
}

fn read_swarm(file: &mut impl Read) -> io::Result<Option<SnapshotSwarm>> {
    let mut key = [0; 20];
    match file.read_exact(&mut key[..1]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    file.read_exact(&mut key[1..])?;
    let completed = u32::from_be_bytes(read(file)?);
    let count = u32::from_be_bytes(read(file)?);
    if count > MOST_PEERS {
        return Err(damaged());
    }
    let mut peers = Vec::with_capacity((count as usize).min(4096));
    for _ in 0..count {
        let [flags] = read(file)?;
        if flags > 7 {
            return Err(damaged());
        }
        let age = u16::from_be_bytes(read(file)?);
        let address = if flags & 4 == 0 {
            let ip: [u8; 4] = read(file)?;
            SocketAddr::from((ip, u16::from_be_bytes(read(file)?)))
        } else {
            let ip: [u8; 16] = read(file)?;
            SocketAddr::from((ip, u16::from_be_bytes(read(file)?)))
        };
        peers.push((address, flags & 1 != 0, flags & 2 != 0, age));
    }
    Ok(Some(SnapshotSwarm { key, completed, peers }))
}

fn read<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the snapshot is damaged")
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
