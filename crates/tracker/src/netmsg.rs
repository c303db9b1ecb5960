//! Many UDP packets with one system call each way: recvmmsg and sendmmsg. The only module with unsafe code.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

use socket2::Socket;

/// Packets of one system call.
pub(crate) const BATCH: usize = 64;
/// Largest request: a scrape of 74 hashes has 1496 bytes.
const REQUEST_BYTES: usize = 2048;
/// Room for a reply: 20 bytes and 240 IPv4 peers.
const REPLY_BYTES: usize = 1536;
/// Room for an IPv4 or an IPv6 address; the kernel writes one or the other, and `sin6` is the longer one.
type Name = libc::sockaddr_in6;

/// Packets that were received, in buffers that are used again and again.
///
/// The headers point into the other boxes, which never move; what the kernel changes in them is put back for the next call.
pub(crate) struct Inbox {
    requests: Box<[[u8; REQUEST_BYTES]; BATCH]>,
    names: Box<[Name; BATCH]>,
    _parts: Box<[libc::iovec; BATCH]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    taken: usize,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let mut requests: Box<[[u8; REQUEST_BYTES]; BATCH]> =
            vec![[0; REQUEST_BYTES]; BATCH].into_boxed_slice().try_into().expect("BATCH elements");
        // SAFETY: sockaddr_in6, iovec and mmsghdr are plain old data for which all-zero bytes are a value.
        let (mut names, mut parts, mut headers) = unsafe {
            (
                Box::new(zeroed::<[Name; BATCH]>()),
                Box::new(zeroed::<[libc::iovec; BATCH]>()),
                Box::new(zeroed::<[libc::mmsghdr; BATCH]>()),
            )
        };
        for index in 0..BATCH {
            parts[index].iov_base = requests[index].as_mut_ptr().cast();
            parts[index].iov_len = REQUEST_BYTES;
            let header = &mut headers[index].msg_hdr;
            header.msg_name = (&raw mut names[index]).cast();
            header.msg_iov = &raw mut parts[index];
            header.msg_iovlen = 1;
        }
        Self { requests, names, _parts: parts, headers, taken: BATCH }
    }

    /// Takes what is there, at most a batch, without waiting; how many.
    pub(crate) fn receive(&mut self, socket: &Socket) -> usize {
        self.take(socket, libc::MSG_DONTWAIT)
    }

    /// The same, but waits for the first packet as long as the socket's read timeout says.
    pub(crate) fn receive_waiting(&mut self, socket: &Socket) -> usize {
        self.take(socket, libc::MSG_WAITFORONE)
    }

    fn take(&mut self, socket: &Socket, flags: libc::c_int) -> usize {
        for header in &mut self.headers[..self.taken] {
            header.msg_hdr.msg_namelen = size_of::<Name>() as u32;
        }
        self.taken = 0;
        // SAFETY: every header points at buffers of the stated lengths, which live as long as self.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                flags as _,
                std::ptr::null_mut(),
            )
        };
        // An error is of one packet (a port unreachable, for example), is told once, and means nothing to us.
        self.taken = usize::try_from(taken).unwrap_or(0);
        self.taken
    }

    /// A packet that was received.
    pub(crate) fn packet(&self, index: usize) -> &[u8] {
        &self.requests[index][..(self.headers[index].msg_len as usize).min(REQUEST_BYTES)]
    }

    /// Who sent it; None for an address family that a tracker does not know.
    pub(crate) fn sender(&self, index: usize) -> Option<SocketAddr> {
        let name = &self.names[index];
        match i32::from(name.sin6_family) {
            libc::AF_INET => {
                // SAFETY: the family says that the kernel wrote a sockaddr_in, which is shorter than a sockaddr_in6.
                let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
                Some(SocketAddr::from((name.sin_addr.s_addr.to_ne_bytes(), u16::from_be(name.sin_port))))
            }
            libc::AF_INET6 => {
                let port = u16::from_be(name.sin6_port);
                let address = SocketAddrV6::new(name.sin6_addr.s6_addr.into(), port, 0, name.sin6_scope_id);
                Some(match address.ip().to_ipv4_mapped() {
                    Some(ip) => SocketAddr::new(IpAddr::V4(ip), port),
                    None => SocketAddr::V6(address),
                })
            }
            _ => None,
        }
    }
}

/// Replies to the packets of an [`Inbox`], in buffers that are used again and again.
pub(crate) struct Outbox {
    /// Each with the number of the packet that it answers.
    replies: Vec<(usize, Vec<u8>)>,
    parts: Box<[libc::iovec; BATCH]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    used: usize,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        // SAFETY: iovec and mmsghdr are plain old data for which all-zero bytes are a value.
        let (mut parts, mut headers) = unsafe {
            (Box::new(zeroed::<[libc::iovec; BATCH]>()), Box::new(zeroed::<[libc::mmsghdr; BATCH]>()))
        };
        for index in 0..BATCH {
            let header = &mut headers[index].msg_hdr;
            header.msg_iov = &raw mut parts[index];
            header.msg_iovlen = 1;
        }
        let replies = (0..BATCH).map(|_| (0, Vec::with_capacity(REPLY_BYTES))).collect();
        Self { replies, parts, headers, used: 0 }
    }

    /// A cleared buffer for the reply to a packet; at most one for each.
    pub(crate) fn reply_to(&mut self, index: usize) -> &mut Vec<u8> {
        let (number, buffer) = &mut self.replies[self.used];
        self.used += 1;
        *number = index;
        buffer.clear();
        buffer
    }

    /// Sends the replies to where the packets of the inbox came from; returns how many the kernel did not take.
    pub(crate) fn send(&mut self, socket: &Socket, inbox: &mut Inbox) -> usize {
        for (place, (index, reply)) in self.replies[..self.used].iter_mut().enumerate() {
            self.parts[place].iov_base = reply.as_mut_ptr().cast();
            self.parts[place].iov_len = reply.len();
            let header = &mut self.headers[place].msg_hdr;
            header.msg_name = (&raw mut inbox.names[*index]).cast();
            header.msg_namelen = inbox.headers[*index].msg_hdr.msg_namelen;
        }
        let mut sent = 0;
        let mut unsent = 0;
        while sent + unsent < self.used {
            let done = sent + unsent;
            // SAFETY: the headers from `done` on point at buffers of the stated lengths, which live until the call returns.
            let taken = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers[done..].as_mut_ptr(),
                    (self.used - done) as u32,
                    libc::MSG_DONTWAIT as _,
                )
            };
            match usize::try_from(taken) {
                Ok(taken) if taken > 0 => sent += taken,
                // One that cannot be sent (no route, port 0) must not hold the others back.
                _ if io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock => unsent += 1,
                _ => break,
            }
        }
        unsent = self.used - sent;
        self.used = 0;
        unsent
    }
}

/// Waits until one of the sockets has something, at most so long; calls `ready` for each that has.
pub(crate) fn wait(sockets: &[Socket], patience: Duration, mut ready: impl FnMut(&Socket)) {
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    // SAFETY: the pointer and the count describe one vector, which lives until the call returns.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, patience.as_millis() as i32) };
    sockets
        .iter()
        .zip(&polled)
        .filter(|(_, polled)| polled.revents != 0)
        .for_each(|(socket, _)| ready(socket));
}

/// Forbids the kernel to cut replies into fragments. They are short enough for every path of the internet, and a packet that is
/// never cut needs no identification, which costs a twentieth of a reply.
pub(crate) fn never_fragment(socket: &Socket) -> io::Result<()> {
    let value: libc::c_int = libc::IP_PMTUDISC_PROBE;
    // SAFETY: the option takes an int by pointer and copies it before it returns.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as u32,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets the kernel choose the socket of a port by the announced key: word 16 modulo the number of sockets. Packets that are no
/// announces are spread by their sender. Returns an error where the kernel cannot do that; then sockets get packets by sender.
pub(crate) fn steer_by_key(socket: RawFd, sockets: u32) -> io::Result<()> {
    let code = |code: u32, jump_true, jump_false, k| libc::sock_filter {
        code: code as u16,
        jt: jump_true,
        jf: jump_false,
        k,
    };
    let mut program = [
        code(libc::BPF_LD | libc::BPF_W | libc::BPF_LEN, 0, 0, 0),
        code(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 5, 36),
        code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 8),
        code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 3, 1),
        code(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 16),
        code(libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K, 0, 0, sockets),
        code(libc::BPF_RET | libc::BPF_A, 0, 0, 0),
        code(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the option takes a sock_fprog by pointer and copies the program before it returns.
    let outcome = unsafe {
        libc::setsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const filter).cast(),
            size_of::<libc::sock_fprog>() as u32,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
