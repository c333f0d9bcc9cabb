//! The names that the API is reached by. A page whose name its owner leads to this machine once it is loaded (DNS rebinding)
//! is at one origin with what it finds here, as far as a browser can tell; only the `Host` header tells otherwise.

use picloud_shared::domains::HostName;
use std::{net::IpAddr, sync::Arc};

/// The names that the API is reached by, beside `localhost` and addresses, which nobody can lead elsewhere.
#[derive(Clone, Debug, Default)]
pub struct ManagerHosts(Arc<[HostName]>);

impl From<Vec<HostName>> for ManagerHosts {
    fn from(names: Vec<HostName>) -> Self {
        Self(names.into())
    }
}

impl ManagerHosts {
    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &HostName> {
        self.0.iter()
    }

    /// Whether the API is reached by a host, which is without a port, as in a URL.
    pub(crate) fn include(&self, host: &str) -> bool {
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        address.parse::<IpAddr>().is_ok() || HostName::LOCALHOST.is(host) || self.0.iter().any(|name| name.is(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_names_and_addresses_are_its_own() {
        let hosts = ManagerHosts::from(vec!["picloud.example.com".parse().unwrap(), "picloud".parse().unwrap()]);
        for own in [
            "localhost",
            "LOCALHOST.",
            "127.0.0.1",
            "10.1.2.3",
            "[::1]",
            "[2001:db8::7]",
            "picloud.example.com",
            "PiCloud.Example.com.",
            "picloud",
        ] {
            assert!(hosts.include(own), "{own}");
        }
        for other in [
            "",
            ".",
            "evil.example",
            "a.localhost",
            "localhost.evil.example",
            "picloud.example.com.evil.example",
            "127.0.0.1.evil.example",
            "0x7f.1",
            "2130706433",
            "example.com",
        ] {
            assert!(!hosts.include(other), "{other}");
        }
    }
}
