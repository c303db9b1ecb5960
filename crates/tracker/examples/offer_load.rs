//! A load of `WebTorrent` offers: sockets in one swarm that announce five offers each, the next as soon as one is answered.
//!
//! Usage: `offer_load ADDRESS SOCKETS SECONDS`. Prints one line of JSON: how many offers arrived, how many announces were
//! answered, and in how many seconds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Bytes of a session description such as a browser's data channel has.
const SDP_BYTES: usize = 480;
const OFFERS: usize = 5;
/// Announces that one socket may have unanswered: enough that the server always has something to do.
const WINDOW: usize = 4;

#[derive(Default)]
struct Seen {
    offers: Cell<u64>,
    replies: Cell<u64>,
}

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, sockets, seconds] = &words[..] else {
        return Err(std::io::Error::other("usage: offer_load ADDRESS SOCKETS SECONDS"));
    };
    let sockets: usize = sockets.parse().map_err(std::io::Error::other)?;
    let time = Duration::from_secs_f64(seconds.parse().map_err(std::io::Error::other)?);
    let seen = Rc::new(Seen::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        for number in 0..sockets {
            let stream = connect(address).await?;
            let seen = Rc::clone(&seen);
            tokio::task::spawn_local(async move { talk(stream, number, &seen).await });
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

async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /announce HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(stream)
}

fn announce(number: usize) -> Vec<u8> {
    let offer = |id: usize| {
        format!(
            "{{\"offer\":{{\"type\":\"offer\",\"sdp\":\"{}\"}},\"offer_id\":\"{number:010}{id:010}\"}}",
            "v".repeat(SDP_BYTES)
        )
    };
    let offers: Vec<String> = (0..OFFERS).map(offer).collect();
    let text = format!(
        "{{\"action\":\"announce\",\"info_hash\":\"{}\",\"peer_id\":\"-LD0001-{number:012}\",\"numwant\":{OFFERS},\
         \"uploaded\":0,\"downloaded\":0,\"left\":1,\"offers\":[{}]}}",
        "l".repeat(20),
        offers.join(",")
    );
    // A mask of zeros leaves the text as it is; the server has to unmask it all the same.
    let mut frame = vec![0x81, 0xfe];
    frame.extend_from_slice(&(text.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

async fn talk(mut stream: TcpStream, number: usize, seen: &Seen) -> std::io::Result<()> {
    let message = announce(number);
    let mut buffer = Vec::with_capacity(65_536);
    stream.write_all(&message.repeat(WINDOW)).await?;
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let mut read = 0;
        let mut answered = 0;
        while let Some((start, end)) = frame(&buffer[read..]) {
            // A reply is short; an offer has a session description in it.
            if end - start < SDP_BYTES {
                seen.replies.set(seen.replies.get() + 1);
                answered += 1;
            } else {
                seen.offers.set(seen.offers.get() + 1);
            }
            read += end;
        }
        buffer.drain(..read);
        if answered > 0 {
            stream.write_all(&message.repeat(answered)).await?;
        }
    }
}

/// Where the payload of the first frame starts and ends, when it is whole.
fn frame(buffer: &[u8]) -> Option<(usize, usize)> {
    let (start, length) = match *buffer.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        length => (2, usize::from(length)),
    };
    (buffer.len() >= start + length).then_some((start, start + length))
}
