//! The floor: what the kernel alone costs. Takes packets with `recvmmsg` and sends as many back with `sendmmsg`.

use std::net::SocketAddrV4;
use std::time::Duration;

use crate::batch::{Batch, open};
use crate::options::Options;

/// Answers every announce with `--announce` bytes and everything shorter with `--connect` bytes, until it is killed.
///
/// The action and transaction id are put where a tracker puts them, so that the generator's checks hold.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let listen: SocketAddrV4 = options.get("listen", "127.0.0.1:0".parse().map_err(|_| "address")?)?;
    let length: usize = options.get("announce", 200)?;
    let socket = open(listen).map_err(|error| error.to_string())?;
    socket.set_read_timeout(Some(Duration::from_secs(1))).map_err(|error| error.to_string())?;
    let address = socket.local_addr().map_err(|error| error.to_string())?;
    let port = address.as_socket_ipv4().map_or(0, |address| address.port());
    println!("{{\"address\": \"{}:{port}\", \"process\": {}}}", listen.ip(), std::process::id());
    let mut batch = Batch::new();
    loop {
        let taken = batch.receive_waiting(&socket);
        let mut is_connect = false;
        for index in 0..taken {
            is_connect |= batch.packet(index).len() == 16;
            let data = batch.room(index);
            let action: [u8; 4] = [data[8], data[9], data[10], data[11]];
            let transaction: [u8; 4] = [data[12], data[13], data[14], data[15]];
            data[..4].copy_from_slice(&action);
            data[4..8].copy_from_slice(&transaction);
        }
        if taken > 0 {
            batch.send_back(&socket, taken, if is_connect { 16 } else { length });
        }
    }
}
