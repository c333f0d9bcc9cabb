//! Where a request comes from. Anybody can write `X-Forwarded-For`, so only proxies that the operator names are believed,
//! each about the one before it.

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Addresses of proxies, such as `127.0.0.1`, `10.0.0.0/8` or `fd00::/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

/// A text that is no network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProxy {
    /// Neither an address nor a network.
    #[error("{0:?} is neither an address nor a network: write 127.0.0.1, 10.0.0.0/8 or fd00::/8")]
    NoNetwork(String),
    /// An address within a network, which may be meant alone.
    #[error("{0} has bits set past its prefix: write {network} for the network, or {address} for the one address", network = .0.trunc(), address = .0.addr())]
    HostBits(IpNet),
    /// IPv4 written as IPv6: peers are compared as IPv4.
    #[error("{0} is an IPv4 network in IPv6: write it as IPv4")]
    Mapped(IpNet),
}

impl FromStr for TrustedProxy {
    type Err = InvalidProxy;
    fn from_str(text: &str) -> Result<Self, InvalidProxy> {
        let network = text.parse().or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical())));
        let network: IpNet = network.map_err(|_| InvalidProxy::NoNetwork(text.to_owned()))?;
        if network.trunc() != network {
            return Err(InvalidProxy::HostBits(network));
        }
        if network.addr().to_canonical() != network.addr() {
            return Err(InvalidProxy::Mapped(network));
        }
        Ok(Self(network))
    }
}

impl fmt::Display for TrustedProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All proxies that are believed. None unless told otherwise.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[TrustedProxy]>);

impl From<Vec<TrustedProxy>> for TrustedProxies {
    fn from(proxies: Vec<TrustedProxy>) -> Self {
        Self(proxies.into())
    }
}

impl TrustedProxies {
    /// Where a request comes from that this peer sent: the peer, unless it is a proxy that is believed; then whom the last
    /// entry names, unless that is one too, and so on from right to left. What is no address ends the walk, as does
    /// the list.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut entries = headers.get_all(FORWARDED_FOR).iter().rev().flat_map(|line| line.as_bytes().rsplit(is_comma));
        while self.include(client) {
            let Some(before) = entries.next().and_then(address) else { break };
            client = before;
        }
        client
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedProxy> {
        self.0.iter()
    }

    fn include(&self, address: IpAddr) -> bool {
        self.0.iter().any(|TrustedProxy(network)| network.contains(&address))
    }
}

const fn is_comma(byte: &u8) -> bool {
    *byte == b','
}

/// Some proxies tell the port as well, and brackets around IPv6.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().filter(IpAddr::is_ipv6);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let address: Option<IpAddr> = text.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn trusting(proxies: &[&str]) -> TrustedProxies {
        proxies.iter().map(|proxy| proxy.parse().unwrap()).collect::<Vec<TrustedProxy>>().into()
    }

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap())).collect()
    }

    fn client(proxies: &[&str], peer: &str, lines: &[&str]) -> String {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        trusting(proxies).client(peer.parse().unwrap(), &headers(&lines)).to_string()
    }

    #[test]
    fn nobody_is_believed_unless_named() {
        for proxies in [&[][..], &["10.0.0.0/8", "::1", "fd00::/8"]] {
            for lines in [&["1.2.3.4"][..], &["1.2.3.4, 127.0.0.1"], &["127.0.0.1"], &[]] {
                assert_eq!(client(proxies, "127.0.0.1", lines), "127.0.0.1", "{proxies:?} {lines:?}");
                assert_eq!(client(proxies, "::ffff:127.0.0.1", lines), "127.0.0.1", "{proxies:?} {lines:?}");
            }
        }
    }

    #[test]
    fn the_last_that_is_no_proxy_is_the_client() {
        let proxies = &["127.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"];
        for (lines, expected) in [
            (&[][..], "127.0.0.1"),
            (&["1.2.3.4"], "1.2.3.4"),
            (&["  1.2.3.4\t"], "1.2.3.4"),
            (&["1.2.3.4:5678"], "1.2.3.4"),
            // Whoever wrote the first may be anybody; the second was told by the proxy.
            (&["5.6.7.8, 1.2.3.4"], "1.2.3.4"),
            (&["5.6.7.8,1.2.3.4,10.0.0.7"], "1.2.3.4"),
            (&["5.6.7.8,127.0.0.1,1.2.3.4"], "1.2.3.4"),
            // Several headers are one list.
            (&["5.6.7.8", "1.2.3.4"], "1.2.3.4"),
            (&["1.2.3.4", "10.0.0.7, fd00::7"], "1.2.3.4"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:db8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:443, [::1]:80"], "2001:db8::7"),
            (&["::ffff:1.2.3.4"], "1.2.3.4"),
            (&["1.2.3.4, ::ffff:10.0.0.7"], "1.2.3.4"),
            // All of them are proxies.
            (&["10.0.0.9, 10.0.0.7"], "10.0.0.9"),
        ] {
            assert_eq!(client(proxies, "127.0.0.1", lines), expected, "{lines:?}");
            assert_eq!(client(proxies, "::1", lines), if lines.is_empty() { "::1" } else { expected }, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_address_ends_the_walk() {
        for garbage in
            ["", " ", "unknown", "1.2.3", "1.2.3.4.5", "1.2.3.4:x", "[1.2.3.4]", "[::1", "fe80::1%eth0", "_x", "\u{fc}"]
        {
            assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &[garbage]), "127.0.0.1", "{garbage}");
            let behind = format!("5.6.7.8, {garbage}, 127.0.0.1");
            assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &[&behind]), "127.0.0.1", "{garbage}");
            // What nobody gets to does no harm.
            let before = format!("{garbage}, 1.2.3.4");
            assert_eq!(client(&["127.0.0.1"], "127.0.0.1", &[&before]), "1.2.3.4", "{garbage}");
        }
    }

    #[test]
    fn networks_are_written_as_meant() {
        for (text, normal) in [
            ("127.0.0.1", "127.0.0.1/32"),
            ("::1", "::1/128"),
            ("::ffff:10.0.0.7", "10.0.0.7/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("fd00::/8", "fd00::/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
        ] {
            assert_eq!(text.parse::<TrustedProxy>().unwrap().to_string(), normal);
        }
        for (bad, why) in [
            ("", "neither an address nor a network"),
            ("proxy.example.com", "neither an address nor a network"),
            ("10.0.0.0/33", "neither an address nor a network"),
            ("10.0.0.0/", "neither an address nor a network"),
            ("10.0.0.7/8", "write 10.0.0.0/8 for the network, or 10.0.0.7 for the one address"),
            ("::ffff:10.0.0.0/104", "write it as IPv4"),
        ] {
            let told = bad.parse::<TrustedProxy>().unwrap_err().to_string();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }

    proptest! {
        /// Whatever is sent to a server that believes nobody, and whatever a client sends through the one proxy that is
        /// believed, the client is whom that proxy saw.
        #[test]
        fn no_client_is_somebody_else(
            sent in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b','), Just(b' '), Just(b'1'), Just(b'.'), 0x20..=0x7e_u8, 0x80..=0xff_u8], 0..40), 0..4),
        ) {
            let mut headers: HeaderMap = sent.iter().filter_map(|line| Some((FORWARDED_FOR, HeaderValue::from_bytes(line).ok()?))).collect();
            let peer = "203.0.113.9".parse().unwrap();
            prop_assert_eq!(TrustedProxies::default().client(peer, &headers), peer);
            prop_assert_eq!(trusting(&["127.0.0.1"]).client(peer, &headers), peer);
            headers.append(FORWARDED_FOR, HeaderValue::from_static("203.0.113.9"));
            prop_assert_eq!(trusting(&["127.0.0.1"]).client("127.0.0.1".parse().unwrap(), &headers), peer);
        }
    }
}
