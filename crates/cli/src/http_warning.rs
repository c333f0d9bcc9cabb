//! Warns of tokens and passwords that would travel in the clear.

use crate::output;
use url::{Host, Url};

/// Warns when requests to the server leave this machine unencrypted.
pub(crate) fn warn(server: &Url) {
    if in_the_clear(server) {
        output::warning(&format!(
            "{server} is plain HTTP: anyone on the way can read passwords and tokens; use https://"
        ));
    }
}

fn in_the_clear(server: &Url) -> bool {
    let loopback = match server.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    server.scheme() == "http" && !loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_to_elsewhere_is_in_the_clear() {
        let clear = |url: &str| in_the_clear(&url.parse().unwrap());
        for safe in
            ["http://localhost:1", "http://demo.localhost", "http://127.1.2.3", "http://[::1]", "https://example.org"]
        {
            assert!(!clear(safe), "{safe}");
        }
        for open in ["http://example.org", "http://10.0.0.1", "http://localhost.example.org", "http://[2001:db8::1]"] {
            assert!(clear(open), "{open}");
        }
    }
}
