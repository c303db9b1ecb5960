//! Whose address a request comes from: the socket's, unless that is a trusted proxy's, which tells it in the one header that it
//! writes. A proxy passes all other headers on as its client sent them, so none of them is believed.

use std::net::{IpAddr, SocketAddr};

/// A network of trusted proxies: an address with the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/PREFIX`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) =
            text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(longest), |prefix| prefix.parse().ok())?;
        (prefix <= longest).then_some(Self { address, prefix })
    }

    pub(crate) fn holds(&self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(one), IpAddr::V4(two)) => {
                (u32::from(one) ^ u32::from(two)).leading_zeros() >= self.prefix
            }
            (IpAddr::V6(one), IpAddr::V6(two)) => {
                (u128::from(one) ^ u128::from(two)).leading_zeros() >= self.prefix
            }
            _ => false,
        }
    }
}

/// The proxies that are trusted, and the header in which they say who asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    pub(crate) networks: Vec<Network>,
    /// `Forwarded` is read as RFC 7239 has it, any other as a list of addresses, as `X-Forwarded-For` is.
    pub(crate) header: String,
}

impl Proxies {
    /// Whether this is a trusted proxy's address.
    pub(crate) fn hold(&self, ip: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(ip))
    }

    /// The client's address: behind trusted proxies, the rightmost hop that is not one of them.
    ///
    /// None where a trusted proxy does not name one: its own address would then stand for everyone behind it.
    pub(crate) fn client_ip(&self, ip: IpAddr, headers: &[httparse::Header<'_>]) -> Option<IpAddr> {
        if !self.hold(ip) {
            return Some(ip);
        }
        let is_standard = self.header.eq_ignore_ascii_case("forwarded");
        // From the last line on: a proxy that adds a line of its own adds it below those of its client.
        for header in headers.iter().rev().filter(|header| header.name.eq_ignore_ascii_case(&self.header)) {
            let hops = if is_standard {
                forwarded_for(header.value)?
            } else {
                header.value.split(|byte| *byte == b',').collect()
            };
            for hop in hops.into_iter().rev() {
                let found = hop_ip(hop)?;
                if !self.hold(found) {
                    return Some(found);
                }
            }
        }
        None
    }
}

/// Every hop's `for` in a line of `Forwarded` (RFC 7239, section 4); None where the line is malformed.
///
/// Quoted strings are read as such, since a client may write commas and `for=` into what a proxy quotes, such as `host`.
fn forwarded_for(line: &[u8]) -> Option<Vec<&[u8]>> {
    let mut hops = Vec::new();
    let mut own = None;
    let mut rest = line;
    loop {
        let name_length = rest.iter().position(|byte| *byte == b'=')?;
        let name = token(rest[..name_length].trim_ascii())?;
        rest = &rest[name_length + 1..];
        let (value, length) = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let length = quoted_length(quoted)?;
            (&quoted[..length], length + 2)
        } else {
            let length = rest.iter().position(|byte| matches!(byte, b';' | b',')).unwrap_or(rest.len());
            (token(rest[..length].trim_ascii_end())?, length)
        };
        if name.eq_ignore_ascii_case(b"for") && own.replace(value).is_some() {
            return None;
        }
        rest = rest[length..].trim_ascii_start();
        match rest.split_first() {
            Some((b';', more)) => rest = more,
            Some((b',', more)) => {
                hops.push(own.take()?);
                rest = more;
            }
            Some(_) => return None,
            None => {
                hops.push(own?);
                return Some(hops);
            }
        }
    }
}

/// The text, where nothing in it could part it.
fn token(text: &[u8]) -> Option<&[u8]> {
    let is_one = !text.is_empty() && !text.iter().any(|byte| b"\"=;, \t\\".contains(byte));
    is_one.then_some(text)
}

/// Bytes before the quote that ends a quoted string; a backslash takes the byte behind it along.
fn quoted_length(quoted: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match quoted.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// An address, with or without a port and brackets.
fn hop_ip(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = hop.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(hop);
    let ip = bare.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    ip.ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses() {
        let holds = |network: &str, ip: &str| {
            Network::parse(network).expect("a network").holds(ip.parse().expect("an address"))
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("::1", "::1") && !holds("::1", "::2"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        for text in ["10.0.0.0/33", "x", "10.0.0.0/", "::/129"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    /// What is found behind a socket's address from some headers, `::1` and `10.0.0.0/8` being trusted.
    fn found(believed: &str, socket: &str, headers: &[(&'static str, &[u8])]) -> Option<String> {
        let networks = ["10.0.0.0/8", "::1"].iter().filter_map(|text| Network::parse(text)).collect();
        let proxies = Proxies { networks, header: believed.into() };
        let headers: Vec<httparse::Header<'_>> =
            headers.iter().map(|(name, value)| httparse::Header { name, value }).collect();
        proxies.client_ip(socket.parse().expect("an address"), &headers).map(|ip| ip.to_string())
    }

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let usual = |socket: &str, values: &[&[u8]]| {
            let headers: Vec<_> = values.iter().map(|value| ("x-forwarded-for", *value)).collect();
            found("X-Forwarded-For", socket, &headers)
        };
        let one = Some("1.1.1.1".to_owned());
        assert_eq!(usual("9.9.9.9", &[b"1.1.1.1"]), Some("9.9.9.9".into()));
        assert_eq!(usual("9.9.9.9", &[]), Some("9.9.9.9".into()));
        assert_eq!(usual("10.0.0.1", &[b"6.6.6.6, 1.1.1.1, 10.2.2.2"]), one);
        assert_eq!(usual("10.0.0.1", &[b"6.6.6.6", b"1.1.1.1:80"]), one);
        assert_eq!(usual("10.0.0.1", &[b"\xff", b"\xff, ::ffff:1.1.1.1", b"10.2.2.2"]), one);
        assert_eq!(usual("10.0.0.1", &[]), None);
        for value in [&b""[..], b"1.1.1.1,", b"1.1.1.1, garbage", b"1.1.1.1, \xff", b"10.2.2.2"] {
            assert_eq!(usual("10.0.0.1", &[value]), None, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn no_header_is_believed_but_the_one_that_is_named() {
        let headers: [(&str, &[u8]); 3] =
            [("Forwarded", b"for=1.1.1.1"), ("X-Forwarded-For", b"2.2.2.2"), ("X-Real-IP", b"3.3.3.3")];
        for (believed, ip) in
            [("forwarded", "1.1.1.1"), ("X-Forwarded-For", "2.2.2.2"), ("x-real-ip", "3.3.3.3")]
        {
            assert_eq!(found(believed, "::1", &headers).as_deref(), Some(ip));
        }
        assert_eq!(found("CF-Connecting-IP", "::1", &headers), None);
    }

    #[test]
    fn what_a_client_writes_into_a_quoted_string_is_no_hop() {
        let standard = |value: &[u8]| found("Forwarded", "::1", &[("Forwarded", value)]);
        for value in [
            &b"for=6.6.6.6, for=\"[2001:db8::1]:5\";proto=https"[..],
            b"proto=http ; For=\"2001:db8::1\" , for=10.1.1.1",
            b"for=\"2001:db8::1\";host=\"x, for=6.6.6.6\"",
            b"for=\"2001:db8::1\";host=\"x\\\", for=6.6.6.6, b=\\\"c\"",
        ] {
            assert_eq!(standard(value).as_deref(), Some("2001:db8::1"), "{}", value.escape_ascii());
        }
        for value in [
            &b""[..],
            b"for=unknown",
            b"for=_hidden",
            b"proto=https",
            b"for=1.1.1.1,",
            b"for=1.1.1.1;",
            b"for=1.1.1.1, proto=https",
            b"for=1.1.1.1;for=2.2.2.2",
            b"for=\"1.1.1.1",
            b"for=\"1.1.1.1\"x",
            b"by=a\" ;for=1.1.1.1",
            b"for=\"1.1.1.1\\",
            // A client that opens a quote before what the proxy writes.
            b"for=\"x, for=1.1.1.1;host=\", for=6.6.6.6, b=\"",
            b"for=\"x, for=1.1.1.1;host=\",for=6.6.6.6, b=\\\"c\"",
        ] {
            assert_eq!(standard(value), None, "{}", value.escape_ascii());
        }
    }
}
