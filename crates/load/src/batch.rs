//! Up to 64 packets at once: `recvmmsg` and `sendmmsg`, with the source address of each packet chosen by `IP_PKTINFO`.

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

use socket2::Socket;

/// Packets of one call.
pub(crate) const BATCH: usize = 64;
/// The longest packet taken or sent.
const LONGEST: usize = 2048;
/// Room for one `in_pktinfo` with its header (`CMSG_SPACE` is 32 on 64-bit Linux), aligned like the header.
type Control = [u64; 4];

/// Buffers and headers of 64 packets. They live on the heap and never move, since the headers point at the buffers.
pub(crate) struct Batch {
    data: Box<[[u8; LONGEST]; BATCH]>,
    headers: Box<[libc::mmsghdr; BATCH]>,
    names: Box<[libc::sockaddr_in; BATCH]>,
    vectors: Box<[libc::iovec; BATCH]>,
    control: Box<[Control; BATCH]>,
}

impl Batch {
    pub(crate) fn new() -> Self {
        // SAFETY: all of these are plain C structures for which all bits zero is a value.
        let (headers, names, vectors) =
            unsafe { (Box::new(zeroed()), Box::new(zeroed()), Box::new(zeroed())) };
        let mut batch = Self {
            data: vec![[0; LONGEST]; BATCH].into_boxed_slice().try_into().expect("BATCH elements"),
            headers,
            names,
            vectors,
            control: Box::new([[0; 4]; BATCH]),
        };
        for index in 0..BATCH {
            batch.vectors[index].iov_base = batch.data[index].as_mut_ptr().cast();
            let header = &mut batch.headers[index].msg_hdr;
            header.msg_name = (&raw mut batch.names[index]).cast();
            header.msg_iov = &raw mut batch.vectors[index];
            header.msg_iovlen = 1;
        }
        batch
    }

    /// Takes the packets that wait, without blocking; how many.
    pub(crate) fn receive(&mut self, socket: &Socket) -> usize {
        self.call(socket, None)
    }

    /// The same, but waits for the first packet as long as the socket's read timeout allows.
    pub(crate) fn receive_waiting(&mut self, socket: &Socket) -> usize {
        self.call(socket, Some(()))
    }

    fn call(&mut self, socket: &Socket, wait: Option<()>) -> usize {
        for index in 0..BATCH {
            self.vectors[index].iov_len = LONGEST;
            let header = &mut self.headers[index].msg_hdr;
            header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
            header.msg_control = std::ptr::null_mut();
            header.msg_controllen = 0;
        }
        let flags = if wait.is_some() { libc::MSG_WAITFORONE } else { libc::MSG_DONTWAIT };
        // SAFETY: every header points at live buffers of the lengths it tells; they are owned by self, which is borrowed for the call.
        let taken = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                flags,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(taken).unwrap_or(0)
    }

    /// A received packet.
    pub(crate) fn packet(&self, index: usize) -> &[u8] {
        &self.data[index][..(self.headers[index].msg_len as usize).min(LONGEST)]
    }

    /// Room for a packet to be sent.
    pub(crate) fn room(&mut self, index: usize) -> &mut [u8] {
        &mut self.data[index]
    }

    /// Sends back the first `count` packets to where they came from, each cut or stretched to `length` bytes.
    pub(crate) fn send_back(&mut self, socket: &Socket, count: usize, length: usize) -> usize {
        for vector in &mut self.vectors[..count] {
            vector.iov_len = length;
        }
        self.send(socket, count)
    }

    /// Says where packet `index` goes, from which address, and how long it is.
    pub(crate) fn address(&mut self, index: usize, source: Ipv4Addr, target: SocketAddrV4, length: usize) {
        self.vectors[index].iov_len = length;
        let name = &mut self.names[index];
        name.sin_family = libc::AF_INET as u16;
        name.sin_port = target.port().to_be();
        name.sin_addr.s_addr = u32::from(*target.ip()).to_be();
        let header = &mut self.headers[index].msg_hdr;
        header.msg_namelen = size_of::<libc::sockaddr_in>() as u32;
        header.msg_control = (&raw mut self.control[index]).cast();
        header.msg_controllen = size_of::<Control>();
        // SAFETY: the control buffer holds one header and one in_pktinfo (32 bytes) and is aligned to eight.
        unsafe {
            let control = libc::CMSG_FIRSTHDR(header);
            (*control).cmsg_level = libc::IPPROTO_IP;
            (*control).cmsg_type = libc::IP_PKTINFO;
            (*control).cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as usize;
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from(source).to_be() },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            libc::CMSG_DATA(control).cast::<libc::in_pktinfo>().write_unaligned(info);
        }
    }

    /// Sends the first `count` packets; how many the kernel took.
    pub(crate) fn send(&mut self, socket: &Socket, count: usize) -> usize {
        let mut sent = 0;
        while sent < count {
            // SAFETY: as in `receive`; the headers from `sent` to `count` were filled by the caller.
            let now = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.headers.as_mut_ptr().add(sent),
                    (count - sent) as u32,
                    0,
                )
            };
            match usize::try_from(now) {
                Ok(0) | Err(_) => break,
                Ok(now) => sent += now,
            }
        }
        sent
    }
}

/// An IPv4 socket with large buffers. It is bound to all addresses when it must speak from many of 127/8.
pub(crate) fn open(address: SocketAddrV4) -> io::Result<Socket> {
    let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_recv_buffer_size(8 << 20)?;
    socket.set_send_buffer_size(8 << 20)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
