//! The floor for HTTP: the tracker's own stack, one tokio thread, that answers every request head with the same bytes.
//!
//! Usage: `bare_http FILE`, where FILE holds the body of the answer. Prints one line of JSON with the address and the process.

use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| std::io::Error::other("name the file of the answer"))?;
    let body = std::fs::read(path)?;
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
    let answer: Rc<[u8]> = [head.into_bytes(), body].concat().into();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{{\"address\": \"{}\", \"process\": {}}}", listener.local_addr()?, std::process::id());
        loop {
            let (stream, _) = listener.accept().await?;
            let answer = Rc::clone(&answer);
            tokio::task::spawn_local(async move {
                // A client that ends, or breaks, ends its own connection only.
                let _ = serve(stream, &answer).await;
            });
        }
    })
}

async fn serve(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(1024);
    while stream.read_buf(&mut buffer).await? > 0 {
        if buffer.ends_with(b"\r\n\r\n") {
            buffer.clear();
            stream.write_all(answer).await?;
        }
    }
    Ok(())
}
