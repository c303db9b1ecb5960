//! One connection of a client that speaks HTTP or WebSocket, from an address of 127/8 of its own choice.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Bytes of a session description such as a browser's data channel has.
pub(crate) const SDP_BYTES: usize = 480;

/// An open connection, and what came over it that nobody has looked at.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn open(target: SocketAddrV4, source: Ipv4Addr) -> Result<Self> {
        Self::connect(TcpSocket::new_v4()?, target, source).await
    }

    /// Opens a connection that takes next to nothing before somebody reads.
    pub(crate) async fn deaf(target: SocketAddrV4, source: Ipv4Addr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        Self::connect(socket, target, source).await
    }

    /// Connects. The end is abrupt, so that no port of a flood waits for its last packet.
    async fn connect(socket: TcpSocket, target: SocketAddrV4, source: Ipv4Addr) -> Result<Self> {
        socket.set_zero_linger()?;
        socket.bind(SocketAddr::new(source.into(), 0))?;
        let stream = socket.connect(target.into()).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    /// Begins to speak WebSocket.
    pub(crate) async fn upgraded(mut self) -> Result<Self> {
        let request = "GET /announce HTTP/1.1\r\nHost: tracker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        self.write(request.as_bytes()).await?;
        let end = self.head().await?;
        self.buffer.drain(..end);
        Ok(self)
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Writes as long as the other side takes it within a time; false where it does not.
    pub(crate) async fn push(&mut self, bytes: &[u8], patience: Duration) -> Result<bool> {
        match tokio::time::timeout(patience, self.stream.write_all(bytes)).await {
            Ok(outcome) => outcome.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// The body of the next HTTP answer.
    pub(crate) async fn answer(&mut self) -> Result<Vec<u8>> {
        let start = self.head().await?;
        let head = String::from_utf8_lossy(&self.buffer[..start]);
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        let end = start + length.unwrap_or(0_usize);
        while self.buffer.len() < end {
            self.more().await?;
        }
        let body = self.buffer[start..end].to_vec();
        self.buffer.drain(..end);
        Ok(body)
    }

    /// The payload of the next WebSocket frame.
    pub(crate) async fn message(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some((start, end)) = frame(&self.buffer) {
                let payload = self.buffer[start..end].to_vec();
                self.buffer.drain(..end);
                return Ok(payload);
            }
            self.more().await?;
        }
    }

    /// Reads and forgets frames until the connection ends.
    pub(crate) async fn forget_frames(&mut self) {
        while self.message().await.is_ok() {}
    }

    /// Reads and forgets everything until the connection ends.
    pub(crate) async fn forget_all(&mut self) {
        while self.more().await.is_ok() {
            self.buffer.clear();
        }
    }

    pub(crate) async fn more(&mut self) -> Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(Error::from(ErrorKind::UnexpectedEof)),
            _ => Ok(()),
        }
    }

    /// Reads a head of HTTP; where it ends.
    async fn head(&mut self) -> Result<usize> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|end| end == b"\r\n\r\n") {
                return Ok(at + 4);
            }
            self.more().await?;
        }
    }
}

/// A frame of a client (RFC 6455, section 5.2); a mask of zeros leaves the payload as it is, and the server unmasks it all the same.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0xfe];
    frame.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// A `WebTorrent` announce with offers, as a frame. The key must be text.
pub(crate) fn announce(key: &str, peer: u64, offers: usize) -> Vec<u8> {
    let offer = |id: usize| {
        format!(
            "{{\"offer\":{{\"type\":\"offer\",\"sdp\":\"{}\"}},\"offer_id\":\"{peer:010}{id:010}\"}}",
            "v".repeat(SDP_BYTES)
        )
    };
    let all: Vec<String> = (0..offers).map(offer).collect();
    let text = format!(
        "{{\"action\":\"announce\",\"info_hash\":\"{key}\",\"peer_id\":\"-LD0001-{peer:012}\",\"numwant\":{offers},\
         \"uploaded\":0,\"downloaded\":0,\"left\":1,\"offers\":[{}]}}",
        all.join(",")
    );
    masked(0x81, text.as_bytes())
}

/// Where the payload of the first frame starts and ends, when it is whole.
pub(crate) fn frame(buffer: &[u8]) -> Option<(usize, usize)> {
    let (start, length) = match *buffer.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        length => (2, usize::from(length)),
    };
    (buffer.len() >= start + length).then_some((start, start + length))
}
