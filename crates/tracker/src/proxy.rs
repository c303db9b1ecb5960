//! Whose address a request comes from: the socket's, unless that is a trusted proxy's, which tells it in a header.

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

/// The client's address: behind trusted proxies, the rightmost hop that is not one of them.
///
/// `Forwarded` (RFC 7239) and `X-Forwarded-For` are read, whichever the last trusted proxy wrote; a proxy that passes the
/// other one through from its client would let the client choose, so when both are there and differ, neither is believed.
pub(crate) fn client_ip(ip: IpAddr, proxies: &[Network], headers: &[httparse::Header<'_>]) -> IpAddr {
    let is_trusted = |ip: IpAddr| proxies.iter().any(|network| network.holds(ip));
    if proxies.is_empty() || !is_trusted(ip) {
        return ip;
    }
    let values = |name: &str| -> Vec<&str> {
        headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case(name))
            .filter_map(|header| std::str::from_utf8(header.value).ok())
            .flat_map(|value| value.split(','))
            .collect()
    };
    let standard: Vec<Option<IpAddr>> =
        values("forwarded").into_iter().map(|hop| hop_ip(forwarded_for(hop)?)).collect();
    let usual: Vec<Option<IpAddr>> = values("x-forwarded-for").into_iter().map(hop_ip).collect();
    let rightmost = |hops: &[Option<IpAddr>]| {
        hops.iter().rev().find(|hop| !hop.is_some_and(is_trusted)).copied().flatten()
    };
    match (rightmost(&standard), rightmost(&usual)) {
        (Some(one), Some(two)) if one == two => one,
        (Some(one), None) if usual.is_empty() => one,
        (None, Some(two)) if standard.is_empty() => two,
        _ => ip,
    }
}

/// The `for` of one hop of `Forwarded`.
fn forwarded_for(hop: &str) -> Option<&str> {
    hop.split(';').find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// An address, with or without a port and brackets.
fn hop_ip(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
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

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let proxies = [Network::parse("10.0.0.0/8").expect("a network"), Network::parse("::1").expect("one")];
        let found = |socket: &str, headers: &[(&'static str, &'static str)]| {
            let headers: Vec<httparse::Header<'_>> = headers
                .iter()
                .map(|(name, value)| httparse::Header { name, value: value.as_bytes() })
                .collect();
            client_ip(socket.parse().expect("an address"), &proxies, &headers).to_string()
        };
        assert_eq!(found("9.9.9.9", &[("X-Forwarded-For", "1.1.1.1")]), "9.9.9.9");
        assert_eq!(found("10.0.0.1", &[("x-forwarded-for", "6.6.6.6, 1.1.1.1, 10.2.2.2")]), "1.1.1.1");
        assert_eq!(
            found("10.0.0.1", &[("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "1.1.1.1:80")]),
            "1.1.1.1"
        );
        assert_eq!(
            found("::1", &[("Forwarded", "for=6.6.6.6, for=\"[2001:db8::1]:5\";proto=https")]),
            "2001:db8::1"
        );
        assert_eq!(found("::1", &[("Forwarded", "for=unknown")]), "::1");
        assert_eq!(found("::1", &[("Forwarded", "for=1.1.1.1"), ("X-Forwarded-For", "2.2.2.2")]), "::1");
        assert_eq!(found("10.0.0.1", &[("X-Forwarded-For", "1.1.1.1, garbage")]), "10.0.0.1");
        assert_eq!(found("10.0.0.1", &[]), "10.0.0.1");
    }
}
