//! Many UDP packets with one system call each way: recvmmsg and sendmmsg. The only module with unsafe code.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, RawFd};

use socket2::Socket;

/// Packets of one system call.
pub(crate) const BATCH: usize = 64;
/// Largest request: a scrape of 74 hashes has 1496 bytes.
const REQUEST_BYTES: usize = 2048;
/// Room for a reply: 20 bytes and 200 IPv4 peers.
const REPLY_BYTES: usize = 1500;

/// Buffers for one batch, used again and again.
pub(crate) struct Batch {
    requests: Box<[[u8; REQUEST_BYTES]; BATCH]>,
    lengths: [usize; BATCH],
    names: Box<[libc::sockaddr_storage; BATCH]>,
    name_lengths: [u32; BATCH],
    /// Replies, with the number of the packet that each answers.
    replies: Vec<(usize, Vec<u8>)>,
    used: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        // SAFETY: sockaddr_storage is plain old data for which all-zero bytes are a value.
        let names = Box::new([unsafe { zeroed::<libc::sockaddr_storage>() }; BATCH]);
        Self {
            requests: vec![[0; REQUEST_BYTES]; BATCH].into_boxed_slice().try_into().expect("BATCH elements"),
            lengths: [0; BATCH],
            names,
            name_lengths: [0; BATCH],
            replies: (0..BATCH).map(|_| (0, Vec::with_capacity(REPLY_BYTES))).collect(),
            used: 0,
        }
    }

    /// Takes what is waiting, at most a batch, without waiting for more. Zero when there is nothing.
    pub(crate) fn receive(&mut self, socket: &Socket) -> io::Result<usize> {
        self.used = 0;
        // SAFETY: iovec and mmsghdr are plain old data for which all-zero bytes are a value.
        let (mut parts, mut messages) =
            unsafe { (zeroed::<[libc::iovec; BATCH]>(), zeroed::<[libc::mmsghdr; BATCH]>()) };
        for index in 0..BATCH {
            parts[index].iov_base = self.requests[index].as_mut_ptr().cast();
            parts[index].iov_len = REQUEST_BYTES;
            let header = &mut messages[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as u32;
            header.msg_iov = &raw mut parts[index];
            header.msg_iovlen = 1;
        }
        // SAFETY: every header points at buffers of the stated lengths, which live until the call returns.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        let Ok(taken) = usize::try_from(taken) else {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(0) } else { Err(error) };
        };
        for (index, message) in messages.iter().enumerate().take(taken) {
            self.lengths[index] = message.msg_len as usize;
            self.name_lengths[index] = message.msg_hdr.msg_namelen;
        }
        Ok(taken)
    }

    /// A packet that was received.
    pub(crate) fn packet(&self, index: usize) -> &[u8] {
        &self.requests[index][..self.lengths[index]]
    }

    /// Who sent it; None for an address family that a tracker does not know.
    pub(crate) fn sender(&self, index: usize) -> Option<SocketAddr> {
        let name = &raw const self.names[index];
        match i32::from(self.names[index].ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says that the kernel wrote a sockaddr_in, which fits in sockaddr_storage.
                let name = unsafe { &*name.cast::<libc::sockaddr_in>() };
                Some(SocketAddr::from((name.sin_addr.s_addr.to_ne_bytes(), u16::from_be(name.sin_port))))
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that the kernel wrote a sockaddr_in6, which fits in sockaddr_storage.
                let name = unsafe { &*name.cast::<libc::sockaddr_in6>() };
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

    /// A cleared buffer for the reply to a packet.
    pub(crate) fn reply_to(&mut self, index: usize) -> &mut Vec<u8> {
        let (number, buffer) = &mut self.replies[self.used];
        self.used += 1;
        *number = index;
        buffer.clear();
        buffer
    }

    /// Sends the replies; returns how many the kernel did not take.
    pub(crate) fn send(&mut self, socket: &Socket) -> usize {
        // SAFETY: iovec and mmsghdr are plain old data for which all-zero bytes are a value.
        let (mut parts, mut messages) =
            unsafe { (zeroed::<[libc::iovec; BATCH]>(), zeroed::<[libc::mmsghdr; BATCH]>()) };
        for (place, (index, reply)) in self.replies[..self.used].iter_mut().enumerate() {
            parts[place].iov_base = reply.as_mut_ptr().cast();
            parts[place].iov_len = reply.len();
            let header = &mut messages[place].msg_hdr;
            header.msg_name = (&raw mut self.names[*index]).cast();
            header.msg_namelen = self.name_lengths[*index];
            header.msg_iov = &raw mut parts[place];
            header.msg_iovlen = 1;
        }
        let mut sent = 0;
        while sent < self.used {
            // SAFETY: the headers from `sent` on point at buffers of the stated lengths, which live until the call returns.
            let taken = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    messages[sent..].as_mut_ptr(),
                    (self.used - sent) as u32,
                    libc::MSG_DONTWAIT as _,
                )
            };
            match usize::try_from(taken) {
                Ok(taken) if taken > 0 => sent += taken,
                // One that cannot be sent (no route, port 0) must not hold the others back.
                _ if io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock => sent += 1,
                _ => break,
            }
        }
        let unsent = self.used - sent;
        self.used = 0;
        unsent
    }
}

/// Waits until one of the sockets has something, at most `milliseconds`.
pub(crate) fn wait(sockets: &[Socket], milliseconds: i32) {
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|socket| libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    // SAFETY: the pointer and the count describe one vector, which lives until the call returns.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, milliseconds) };
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
