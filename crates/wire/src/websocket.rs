//! WebSocket frames (RFC 6455) as a server reads and writes them: no extensions, masked from the client, plain to it.
//!
//! ```text
//! byte 0   FIN 1 bit, reserved 3 bits (zero), opcode 4 bits
//! byte 1   mask 1 bit, length 7 bits: up to 125 itself, 126: two more bytes, 127: eight more bytes
//! then     the mask, 4 bytes, when its bit is set, and the payload, each byte xor mask[index % 4]
//! ```

use sha1::{Digest, Sha1};

/// What is appended to the client's key before it is hashed (RFC 6455, section 4.2.2).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES: usize = 125;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// The rest of a message.
    Continuation,
    /// The start of a text message.
    Text,
    /// The start of a binary message.
    Binary,
    /// The end.
    Close,
    /// To be answered with a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }
}

/// One frame; its payload is at `payload_at..length` of the buffer, unmasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub opcode: Opcode,
    /// Whether it ends its message.
    pub is_final: bool,
    /// Where its payload begins.
    pub payload_at: usize,
    /// Bytes of the whole frame.
    pub length: usize,
}

/// Why the rest of a connection cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The frame breaks RFC 6455; close with 1002.
    Protocol,
    /// The frame is longer than allowed; close with 1009.
    TooLong,
}

/// Reads the frame at the start of a buffer and unmasks it in place; None when it is not whole yet.
///
/// # Errors
///
/// [`FrameError`]; a length over `most_bytes` is told from its first bytes, before any of the payload came.
pub fn read_frame(buffer: &mut [u8], most_bytes: usize) -> Result<Option<Frame>, FrameError> {
    let [first, second, ..] = *buffer else { return Ok(None) };
    let opcode = match first & 0x0f {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(FrameError::Protocol),
    };
    let is_final = first & 0x80 != 0;
    let is_control = first & 0x08 != 0;
    let short = usize::from(second & 0x7f);
    if first & 0x70 != 0 || second & 0x80 == 0 || (is_control && (!is_final || short > CONTROL_BYTES)) {
        return Err(FrameError::Protocol);
    }
    let (payload_bytes, mask_at) = match short {
        126 => match buffer.get(2..4) {
            Some(bytes) => (u64::from(u16::from_be_bytes([bytes[0], bytes[1]])), 4),
            None => return Ok(None),
        },
        127 => match buffer.get(2..10).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => (u64::from_be_bytes(bytes), 10),
            None => return Ok(None),
        },
        short => (short as u64, 2),
    };
    if payload_bytes > most_bytes as u64 {
        return Err(FrameError::TooLong);
    }
    let payload_at = mask_at + 4;
    let length = payload_at + payload_bytes as usize;
    if buffer.len() < length {
        return Ok(None);
    }
    let mask = [buffer[mask_at], buffer[mask_at + 1], buffer[mask_at + 2], buffer[mask_at + 3]];
    unmask(mask, &mut buffer[payload_at..length]);
    Ok(Some(Frame { opcode, is_final, payload_at, length }))
}

/// Takes the mask off, sixteen bytes at a time while there are as many.
fn unmask(mask: [u8; 4], payload: &mut [u8]) {
    let wide = u128::from_ne_bytes(std::array::from_fn(|index| mask[index & 3]));
    let (chunks, rest) = payload.as_chunks_mut::<16>();
    for chunk in chunks {
        *chunk = (u128::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (index, byte) in rest.iter_mut().enumerate() {
        *byte ^= mask[index & 3];
    }
}

/// Writes a whole message as one frame.
pub fn write_frame(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.push(0x80 | opcode.bits());
    match payload.len() {
        length @ 0..126 => out.push(length as u8),
        length @ 126..65_536 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
}

/// The `Sec-WebSocket-Accept` of a client's key.
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    base64(&Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// Base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = (word >> (18 - 6 * digit)) & 63;
            text.push(if digit <= group.len() { DIGITS[index as usize] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        write_frame(Opcode::Text, payload, &mut plain);
        let head = plain.len() - payload.len();
        let mask = [7, 200, 31, 4];
        let mut frame = vec![first, plain[1] | 0x80];
        frame.extend_from_slice(&plain[2..head]);
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index & 3]));
        frame
    }

    #[test]
    fn the_accept_key_is_the_one_of_the_standard() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(
            (base64(b"f"), base64(b"fo"), base64(b"foo")),
            ("Zg==".into(), "Zm8=".into(), "Zm9v".into())
        );
    }

    #[test]
    fn frames_of_every_length_are_read_back_and_never_too_early() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            let payload: Vec<u8> = (0..length).map(|index: usize| index as u8).collect();
            let whole = masked(0x81, &payload);
            for cut in [0, 1, 2, 3, 5, 9, 13, whole.len() - 1] {
                let mut part = whole[..cut.min(whole.len() - 1)].to_vec();
                assert_eq!(read_frame(&mut part, 100_000), Ok(None), "{length} cut at {cut}");
            }
            let mut buffer = whole.clone();
            buffer.extend_from_slice(b"next");
            let frame = read_frame(&mut buffer, 100_000).expect("valid").expect("whole");
            assert_eq!((frame.opcode, frame.is_final, frame.length), (Opcode::Text, true, whole.len()));
            assert_eq!(buffer[frame.payload_at..frame.length], payload);
        }
    }

    #[test]
    fn what_breaks_the_standard_is_an_error_from_its_first_bytes() {
        for bytes in [
            [0x81, 0x01], // not masked
            [0xc1, 0x81], // a reserved bit
            [0x83, 0x81], // an unknown opcode
            [0x09, 0x81], // a ping in parts
            [0x89, 0xfe], // a long ping
        ] {
            assert_eq!(read_frame(&mut bytes.clone(), 1000), Err(FrameError::Protocol), "{bytes:02x?}");
        }
        let bomb = [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read_frame(&mut bomb.clone(), 1000), Err(FrameError::TooLong));
    }
}
