//! Which addresses are public: those that belong to anybody on the internet, by the registries of the IANA.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is not public of IPv4: its first address, and how many bits all of them share.
const CLOSED_V4: [(Ipv4Addr, u32); 16] = [
    // This network (RFC 791).
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    // Private (RFC 1918).
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared by carriers (RFC 6598); Alibaba's metadata.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Azure's metadata, though the range is public.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Link-local (RFC 3927); the metadata of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Protocol assignments (RFC 6890); Oracle's metadata.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    // Documentation (RFC 5737).
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    // Relays of 6to4 (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Benchmarks (RFC 2544).
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    // Reserved; broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// All that is public of IPv6 (RFC 4291, 2.4). Outside of it: loopback, mapped and compatible IPv4, NAT64 (64:ff9b::/96,
/// 64:ff9b:1::/48), unique local, link-local, site-local, multicast, and what is not assigned.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What is not public of that.
const CLOSED_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments (RFC 2928): Teredo, ORCHID, benchmarks.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849, RFC 9637).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    // 6to4, which holds an IPv4 address (RFC 3056).
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// Whether a script may reach an address without being allowed to.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !CLOSED_V4.iter().any(|&(first, bits)| u32::from(address) >> (32 - bits) == u32::from(first) >> (32 - bits))
        }
        IpAddr::V6(address) => {
            let within = |(first, bits): (Ipv6Addr, u32)| {
                u128::from(address) >> (128 - bits) == u128::from(first) >> (128 - bits)
            };
            within(GLOBAL_V6) && !CLOSED_V6.into_iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;
    use url::{Host, Url};

    /// As a script would write it in an address.
    fn told(host: &str) -> bool {
        match Url::parse(&format!("http://{host}/")).unwrap().host().unwrap() {
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
            Host::Domain(name) => panic!("{name} is no address"),
        }
    }

    #[test]
    fn what_is_not_public_is_closed_from_its_first_address_to_its_last() {
        for host in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.0",
            "192.0.0.192",
            "192.0.0.255",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[100::1]",
            "[2001::1]",
            "[2001:0:4136:e378::1]",
            "[2001:10::1]",
            "[2001:1ff::1]",
            "[2001:db8::1]",
            "[2002:7f00:1::]",
            "[2002:ffff:ffff::]",
            "[3fff::1]",
            "[3fff:fff::1]",
            "[5f00::1]",
            "[4000::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fdff::1]",
            "[fe80::1]",
            "[febf::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[ffff::1]",
        ] {
            assert!(!told(host), "{host}");
        }
    }

    #[test]
    fn other_ways_to_write_an_address_are_the_same_address() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.1",
            "127.0.1",
            "0x7f.0x0.0x0.0x1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "①②⑦.0.0.1",
            "127。0。0。1",
            "0",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:7f00:1]",
        ] {
            assert!(!told(host), "{host}");
        }
    }

    #[test]
    fn what_lies_beside_is_public() {
        for host in [
            "1.0.0.0",
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "0x01010101",
            "[2000::1]",
            "[2001:200::1]",
            "[2001:4860:4860::8888]",
            "[2003::1]",
            "[2606:4700:4700::1111]",
            "[3ffe::1]",
            "[3fff:1000::1]",
        ] {
            assert!(told(host), "{host}");
        }
    }
}
