//! The passkey of an announce URL, in the same place for all protocols: HTTP, WebSocket, and UDP's URL data (BEP 41).

use crate::members::Passkey;

/// The passkey of a path such as `/0123…/announce`: the first part between slashes that is 32 hex digits; where there is none, what
/// the query has after `passkey=`.
pub(crate) fn passkey_of(target: &[u8]) -> Option<Passkey> {
    let end = target.iter().position(|byte| *byte == b'?').unwrap_or(target.len());
    let (path, query) = target.split_at(end);
    let of_query = || {
        let mut pairs = query.get(1..).unwrap_or_default().split(|byte| *byte == b'&');
        pairs.find_map(|pair| read(pair.strip_prefix(b"passkey=")?))
    };
    path.split(|byte| *byte == b'/').find_map(read).or_else(of_query)
}

/// Reads 32 hex digits.
fn read(text: &[u8]) -> Option<Passkey> {
    let mut passkey = [0; 16];
    if text.len() != 2 * passkey.len() {
        return None;
    }
    let digit = |digit: u8| (digit as char).to_digit(16);
    for (byte, digits) in passkey.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = (digit(digits[0])? << 4 | digit(digits[1])?) as u8;
    }
    Some(passkey)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "000102030405060708090a0b0c0d0e0f";

    #[test]
    fn a_passkey_stands_between_slashes_or_else_in_the_query() {
        let own = Some(std::array::from_fn(|byte| byte as u8));
        for target in [
            "/OWN/announce",
            "/OWN",
            "/a-folder-of-thirty-two-character/OWN/announce",
            "/OWN/announce?passkey=ffffffffffffffffffffffffffffffff",
            "/announce?a=b&passkey=OWN&c",
            "/announce?passkey=short&passkey=OWN",
            "/00/announce?passkey=OWN",
        ] {
            assert_eq!(passkey_of(target.replace("OWN", OWN).as_bytes()), own, "{target}");
        }
        for target in [
            "/announce",
            "/zz0102030405060708090a0b0c0d0e0f/announce",
            "/00/announce",
            "/announce?OWN",
            "/announce?key=OWN",
            "/announce?other=/OWN/",
            "/passkey=OWN/announce",
            "?",
            "",
        ] {
            assert_eq!(passkey_of(target.replace("OWN", OWN).as_bytes()), None, "{target}");
        }
    }
}
