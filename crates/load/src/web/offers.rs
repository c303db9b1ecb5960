//! `offers`: a load of `WebTorrent` offers. Sockets in one swarm announce five offers each, the next as soon as one is answered.

use std::cell::Cell;
use std::io::Result;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::{Client, SDP_BYTES, announce, frame};
use super::on_one_thread;
use crate::options::Options;

const OFFERS: usize = 5;
/// Announces that one socket may have unanswered: enough that the server always has something to do.
const WINDOW: usize = 4;

#[derive(Default)]
struct Seen {
    offers: Cell<u64>,
    replies: Cell<u64>,
}

/// Prints one line of JSON: how many offers arrived, how many announces were answered, and in how many seconds.
pub(crate) fn run(options: &Options) -> std::result::Result<(), String> {
    let target = options.need("target")?;
    let sockets: u64 = options.get("sockets", 50)?;
    let time = Duration::from_secs_f64(options.get("seconds", 3.0)?);
    on_one_thread(async move {
        let seen = Rc::new(Seen::default());
        for number in 0..sockets {
            let seen = Rc::clone(&seen);
            let client =
                Client::open(target, Ipv4Addr::LOCALHOST).await.map_err(|error| error.to_string())?;
            tokio::task::spawn_local(async move { talk(client.upgraded().await?, number, &seen).await });
        }
        tokio::time::sleep(time / 4).await;
        let (offers, replies, started) = (seen.offers.get(), seen.replies.get(), Instant::now());
        tokio::time::sleep(time).await;
        println!(
            "{{\"offers\": {}, \"announces\": {}, \"seconds\": {:.3}}}",
            seen.offers.get() - offers,
            seen.replies.get() - replies,
            started.elapsed().as_secs_f64()
        );
        Ok(())
    })
}

async fn talk(mut client: Client, number: u64, seen: &Seen) -> Result<()> {
    let message = announce(&"l".repeat(20), number, OFFERS);
    client.buffer.reserve(65_536);
    client.write(&message.repeat(WINDOW)).await?;
    loop {
        client.more().await?;
        let mut read = 0;
        let mut answered = 0;
        while let Some((start, end)) = frame(&client.buffer[read..]) {
            // A reply is short; an offer has a session description in it.
            if end - start < SDP_BYTES {
                seen.replies.set(seen.replies.get() + 1);
                answered += 1;
            } else {
                seen.offers.set(seen.offers.get() + 1);
            }
            read += end;
        }
        client.buffer.drain(..read);
        if answered > 0 {
            client.write(&message.repeat(answered)).await?;
        }
    }
}
