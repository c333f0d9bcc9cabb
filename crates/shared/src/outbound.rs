//! Which other servers an app's scripts may reach: the list of hosts that the app keeps, and what is public without one.

mod address;

pub use address::is_public;

use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};
use url::Host;
use utoipa::ToSchema;

/// What scripts are told of a host that their app does not list.
pub const NOT_LISTED: &str = "is not among the hosts that this app may reach";
/// What scripts are told of an address that is closed while their app does not list it.
pub const NOT_PUBLIC: &str = "is no public address, and this app may not reach it";

/// One entry of an app's list: `api.example.com`, `*.example.com`, `203.0.113.7`, each with or without `:port`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AllowedHost {
    host: Host,
    /// Whether it stands for every name below `host`, and not for `host` itself.
    subdomains: bool,
    /// Absent: each port.
    port: Option<u16>,
}

text_schema!(AllowedHost, "*.example.com:443");

/// A text that is no entry of the list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no host: write api.example.com, *.example.com or an address such as 10.0.0.7 or [fd00::7], each with or without :PORT"
)]
pub struct NoSuchHost(String);

impl AllowedHost {
    /// Whether it opens private addresses, which are closed otherwise. An address does; so does a name with a port,
    /// which is how a private host is named on purpose. Other names only narrow what is public: else whoever answers
    /// for a name in the DNS could open the server's own network with it.
    pub fn opens_private(&self) -> bool {
        match self.address() {
            Some(address) => !is_public(address),
            None => !self.subdomains && self.port.is_some(),
        }
    }

    fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    fn includes(&self, host: &Host<&str>, port: u16) -> bool {
        let named = match (&self.host, host) {
            (Host::Domain(own), Host::Domain(asked)) => {
                let asked = without_root(asked);
                match asked.strip_suffix(own.as_str()) {
                    Some(before) if self.subdomains => before.len() > 1 && before.ends_with('.'),
                    Some(before) => before.is_empty(),
                    None => false,
                }
            }
            (Host::Ipv4(own), Host::Ipv4(asked)) => own == asked,
            (Host::Ipv6(own), Host::Ipv6(asked)) => own == asked,
            _ => false,
        };
        named && self.port.is_none_or(|own| own == port)
    }
}

/// A name's last dot says that it is complete; it means the same without.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

impl FromStr for AllowedHost {
    type Err = NoSuchHost;
    fn from_str(text: &str) -> Result<Self, NoSuchHost> {
        let bad = || NoSuchHost(text.to_owned());
        let (name, port) = match text.rsplit_once(':') {
            // The colons within the brackets are the address's own.
            Some((name, port)) if !text.ends_with(']') => {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                let port = port.parse().ok().filter(|&port: &u16| digits && port > 0);
                (name, Some(port.ok_or_else(bad)?))
            }
            _ => (text, None),
        };
        let (name, subdomains) = name.strip_prefix("*.").map_or((name, false), |name| (name, true));
        let host = match Host::parse(name).map_err(|_| bad())? {
            Host::Domain(name) => Host::Domain(without_root(&name).to_owned()),
            _ if subdomains => return Err(bad()),
            address => address,
        };
        match &host {
            Host::Domain(name) if name.is_empty() || name.contains('*') => Err(bad()),
            _ => Ok(Self { host, subdomains, port }),
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.subdomains {
            f.write_str("*.")?;
        }
        write!(f, "{}", self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl TryFrom<String> for AllowedHost {
    type Error = NoSuchHost;
    fn try_from(text: String) -> Result<Self, NoSuchHost> {
        text.parse()
    }
}

impl From<AllowedHost> for String {
    fn from(host: AllowedHost) -> Self {
        host.to_string()
    }
}

/// An app's list. Empty: every public address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(from = "Vec<AllowedHost>", into = "Vec<AllowedHost>")]
#[schema(value_type = Vec<AllowedHost>)]
pub struct AllowedHosts(Arc<[AllowedHost]>);

/// How far a request to some host may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The host is not among those of the list.
    Nowhere,
    /// To the host's public addresses.
    Public,
    /// To whatever address the host has.
    Anywhere,
}

impl AllowedHosts {
    /// The first that opens private addresses and did not before.
    pub fn opened_since(&self, before: &Self) -> Option<&AllowedHost> {
        self.0.iter().find(|host| host.opens_private() && !before.0.contains(host))
    }

    /// Most entries of a list.
    pub const MOST: usize = 100;

    /// How far a request to this host and port may go.
    pub fn reach(&self, host: &Host<&str>, port: u16) -> Reach {
        if self.0.is_empty() {
            return Reach::Public;
        }
        let including = || self.0.iter().filter(|allowed| allowed.includes(host, port));
        if including().any(AllowedHost::opens_private) {
            Reach::Anywhere
        } else if including().next().is_some() {
            Reach::Public
        } else {
            Reach::Nowhere
        }
    }

    /// Its entries, in the order given.
    pub fn entries(&self) -> &[AllowedHost] {
        &self.0
    }
}

impl From<Vec<AllowedHost>> for AllowedHosts {
    fn from(hosts: Vec<AllowedHost>) -> Self {
        Self(hosts.into())
    }
}

impl From<AllowedHosts> for Vec<AllowedHost> {
    fn from(hosts: AllowedHosts) -> Self {
        hosts.0.to_vec()
    }
}

/// As stored: JSON.
impl TryFrom<String> for AllowedHosts {
    type Error = serde_json::Error;
    fn try_from(text: String) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_tells_what_it_opens() {
        let hosts = |entries: &[&str]| -> AllowedHosts {
            entries.iter().map(|entry| entry.parse().unwrap()).collect::<Vec<AllowedHost>>().into()
        };
        let none = AllowedHosts::default();
        for narrow in [&[][..], &["example.com", "*.example.com:81", "1.1.1.1:53"]] {
            assert_eq!(hosts(narrow).opened_since(&none), None, "{narrow:?}");
        }
        for open in ["10.0.0.7", "127.0.0.1:7070", "[::1]", "localhost:80", "example.com:443"] {
            let opening = hosts(&["example.com", open]);
            assert_eq!(opening.opened_since(&none), Some(&open.parse().unwrap()), "{open}");
            assert_eq!(opening.opened_since(&opening), None, "{open}");
        }
    }

    fn hosts(entries: &[&str]) -> AllowedHosts {
        entries.iter().map(|entry| entry.parse().unwrap()).collect::<Vec<AllowedHost>>().into()
    }

    #[test]
    fn entries_are_normal_and_come_back() {
        for (text, normal) in [
            ("API.Example.com", "api.example.com"),
            ("api.example.com.", "api.example.com"),
            ("*.example.com:8443", "*.example.com:8443"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("0x7f.1:9000", "127.0.0.1:9000"),
            ("[0:0::1]:80", "[::1]:80"),
            ("[fd00::7]", "[fd00::7]"),
        ] {
            let entry: AllowedHost = text.parse().unwrap();
            assert_eq!(entry.to_string(), normal);
            assert_eq!(normal.parse(), Ok(entry));
        }
        for bad in [
            "",
            "*",
            "*.",
            ".",
            "a b",
            "http://a",
            "a/b",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "*.1.2.3.4",
            "::1",
            "a@b",
            "*.*.a",
            "a.*",
        ] {
            assert!(bad.parse::<AllowedHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_narrows_and_opens() {
        let reach = |entries: &[&str], host: &str, port| {
            let host = Host::parse(host).unwrap();
            let host = match &host {
                Host::Domain(name) => Host::Domain(name.as_str()),
                Host::Ipv4(address) => Host::Ipv4(*address),
                Host::Ipv6(address) => Host::Ipv6(*address),
            };
            hosts(entries).reach(&host, port)
        };
        for (entries, host, port, expected) in [
            (&[][..], "example.com", 443, Reach::Public),
            (&[], "10.0.0.1", 443, Reach::Public),
            (&["example.com"], "example.com", 443, Reach::Public),
            (&["example.com"], "EXAMPLE.com.", 443, Reach::Public),
            (&["example.com"], "api.example.com", 443, Reach::Nowhere),
            (&["example.com"], "notexample.com", 443, Reach::Nowhere),
            (&["example.com"], "93.184.215.14", 443, Reach::Nowhere),
            (&["*.example.com"], "api.example.com", 443, Reach::Public),
            (&["*.example.com"], "a.b.example.com", 443, Reach::Public),
            (&["*.example.com"], "example.com", 443, Reach::Nowhere),
            (&["*.example.com"], "notexample.com", 443, Reach::Nowhere),
            (&["*.example.com"], ".example.com", 443, Reach::Nowhere),
            (&["*.example.com:81"], "api.example.com", 81, Reach::Public),
            (&["*.example.com:81"], "api.example.com", 80, Reach::Nowhere),
            (&["db.internal:5000"], "db.internal", 5000, Reach::Anywhere),
            (&["db.internal:5000"], "db.internal", 5001, Reach::Nowhere),
            (&["db.internal"], "db.internal", 5000, Reach::Public),
            (&["127.0.0.1:9000"], "127.0.0.1", 9000, Reach::Anywhere),
            (&["127.0.0.1:9000"], "127.0.0.1", 9001, Reach::Nowhere),
            (&["127.0.0.1:9000"], "localhost", 9000, Reach::Nowhere),
            (&["10.0.0.7"], "10.0.0.7", 1, Reach::Anywhere),
            (&["[::1]:9000"], "[::1]", 9000, Reach::Anywhere),
            (&["1.1.1.1:53"], "1.1.1.1", 53, Reach::Public),
            (&["example.com", "example.com:81"], "example.com", 81, Reach::Anywhere),
            (&["example.com", "example.com:81"], "example.com", 80, Reach::Public),
        ] {
            assert_eq!(reach(entries, host, port), expected, "{entries:?} {host}:{port}");
        }
    }
}
