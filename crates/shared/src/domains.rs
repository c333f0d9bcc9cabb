//! The host names at which apps answer: the domain below which each app has one, and the domains that an app has of its
//! own. Names are in lower case and in ASCII, as clients send them, without a port and without a last dot.

use serde::{Deserialize, Serialize};
use std::{
    borrow::{Borrow, Cow},
    fmt,
    net::IpAddr,
    str::FromStr,
};
use url::{Host, Url};
use utoipa::ToSchema;

/// Most bytes of a name in the DNS, as text.
const NAME_BYTES: usize = 253;

/// A domain of an app's own, such as `shop.example.com`. Read from what people write: in capitals, with letters that
/// are not ASCII, with a port or a last dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "shop.example.com")]
pub struct DomainName(String);

/// The domain below which each app has a name, such as `localhost` or `apps.example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppsDomain(String);

/// A name that something of the server's own is reached by, such as `picloud.example.com` or `picloud`. Read from what
/// people write, as a [`DomainName`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Cow<'static, str>);

/// Why a text is no domain that an app could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomain {
    /// Not a name at all.
    #[error(
        "a domain is written like shop.example.com: labels of 1 to 63 letters, digits and hyphens, without scheme or path"
    )]
    NoName,
    /// With a `*`.
    #[error("a domain has no wildcard: add each name by itself")]
    Wildcard,
    /// An IP address, in whatever notation.
    #[error("an address is no domain: that is a name in the DNS, such as shop.example.com")]
    Address,
    /// Without a dot.
    #[error("a domain has at least two labels, as shop.example.com has three")]
    OneLabel,
    /// `localhost`, or a name below it.
    #[error("localhost, and what lies below it, means another machine to everybody and is no app's own")]
    Localhost,
}

impl DomainName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host that a URL names, if it is one that could be an app's domain.
    pub fn of_url(url: &str) -> Option<Self> {
        Url::parse(url).ok()?.host_str()?.parse().ok()
    }
}

impl FromStr for DomainName {
    type Err = InvalidDomain;
    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let name = normal(text)?;
        if name == "localhost" || name.ends_with(".localhost") {
            return Err(InvalidDomain::Localhost);
        }
        if name.contains('.') { Ok(Self(name)) } else { Err(InvalidDomain::OneLabel) }
    }
}

impl TryFrom<String> for DomainName {
    type Error = InvalidDomain;
    fn try_from(text: String) -> Result<Self, InvalidDomain> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

/// So that a map of domains is asked with the text of a header.
impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HostName {
    /// The machine itself.
    pub const LOCALHOST: Self = Self(Cow::Borrowed("localhost"));

    /// Whether a host, as it was sent, but for the port, is this one.
    pub fn is(&self, host: &str) -> bool {
        without_root(host).eq_ignore_ascii_case(&self.0)
    }

    /// The host that a URL names, if it is a name.
    pub fn of_url(url: &str) -> Option<Self> {
        Url::parse(url).ok()?.host_str()?.parse().ok()
    }
}

impl FromStr for HostName {
    type Err = InvalidDomain;
    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        normal(text).map(|name| Self(Cow::Owned(name)))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AppsDomain {
    /// The name directly below this domain, as it was sent: `demo` of `demo.localhost:8080` below `localhost`.
    pub fn label_of<'h>(&self, host: &'h str) -> Option<&'h str> {
        let (label, parent) = without_port(host).split_once('.')?;
        without_root(parent).eq_ignore_ascii_case(&self.0).then_some(label)
    }

    /// Whether a domain is this one, or lies below it at any depth.
    pub fn includes(&self, domain: &DomainName) -> bool {
        domain.0.strip_suffix(&self.0).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }
}

impl FromStr for AppsDomain {
    type Err = InvalidDomain;
    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        normal(text).map(Self)
    }
}

impl fmt::Display for AppsDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A `Host` header without its port and its last dot: what a domain is compared with, but for capitals. An address stays
/// something that no domain equals.
pub fn name_of_host(host: &str) -> &str {
    without_root(without_port(host))
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _port)| name)
}

/// A name's last dot says that it is complete; it means the same without.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// The one way in which a name is written.
fn normal(text: &str) -> Result<String, InvalidDomain> {
    if text.parse::<IpAddr>().is_ok() {
        return Err(InvalidDomain::Address);
    }
    let name = match text.rsplit_once(':') {
        // The colons within the brackets are an address's own.
        Some((name, port)) if !text.ends_with(']') => {
            let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
            is_port.then_some(name).ok_or(InvalidDomain::NoName)?
        }
        _ => text,
    };
    if name.contains('*') {
        return Err(InvalidDomain::Wildcard);
    }
    // What a URL would decode is nothing that a header or the DNS has.
    if name.contains('%') {
        return Err(InvalidDomain::NoName);
    }
    let name = match Host::parse(name) {
        Ok(Host::Domain(name)) => without_root(&name).to_owned(),
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(InvalidDomain::Address),
        Err(_) => return Err(InvalidDomain::NoName),
    };
    if name.len() <= NAME_BYTES && name.split('.').all(is_label) { Ok(name) } else { Err(InvalidDomain::NoName) }
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_domain_is_written_in_one_way() {
        for (text, normal) in [
            ("shop.example.com", "shop.example.com"),
            ("SHOP.Example.COM", "shop.example.com"),
            ("shop.example.com.", "shop.example.com"),
            ("shop.example.com:8443", "shop.example.com"),
            ("shop.example.com.:443", "shop.example.com"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("a。example", "a.example"),
            ("a-1.b--c.example", "a-1.b--c.example"),
        ] {
            assert_eq!(text.parse::<DomainName>().map(String::from).as_deref(), Ok(normal), "{text}");
        }
        let longest = format!("{}.example", ["a".repeat(61), "b".repeat(61), "c".repeat(61), "d".repeat(59)].join("."));
        assert_eq!(longest.len(), 253);
        assert!(longest.parse::<DomainName>().is_ok());
        assert_eq!(format!("e{longest}").parse::<DomainName>(), Err(InvalidDomain::NoName));
    }

    #[test]
    fn what_cannot_be_a_domain_is_told_apart() {
        use InvalidDomain::{Address, Localhost, NoName, OneLabel, Wildcard};
        for (text, why) in [
            ("", NoName),
            (".", NoName),
            ("..", NoName),
            ("a..b", NoName),
            (".a.b", NoName),
            ("a.b..", NoName),
            ("http://a.example", NoName),
            ("a.example/b", NoName),
            ("a b.example", NoName),
            ("a_b.example", NoName),
            ("-a.example", NoName),
            ("a-.example", NoName),
            ("a@b.example", NoName),
            ("%61.example", NoName),
            ("a.example:", NoName),
            ("a.example:+1", NoName),
            ("a.example:65536", NoName),
            ("a.example:b", NoName),
            ("xn--0.example", NoName),
            ("a\0.example", NoName),
            ("a.example\n", NoName),
            (&format!("{}.example", "x".repeat(64)), NoName),
            ("*.example.com", Wildcard),
            ("*", Wildcard),
            ("127.0.0.1", Address),
            ("127.0.0.1:80", Address),
            ("0x7f.1", Address),
            ("2130706433", Address),
            ("::1", Address),
            ("fd00::7", Address),
            ("[::1]", Address),
            ("[::1]:443", Address),
            ("example", OneLabel),
            ("com.", OneLabel),
            ("localhost", Localhost),
            ("LOCALHOST.:80", Localhost),
            ("a.b.localhost", Localhost),
        ] {
            assert_eq!(text.parse::<DomainName>(), Err(why), "{text:?}");
        }
        assert!("notlocalhost.example".parse::<DomainName>().is_ok());
    }

    #[test]
    fn names_below_the_apps_domain_are_known() {
        let domain: AppsDomain = "Apps.Example.com.".parse().unwrap();
        assert_eq!(domain.to_string(), "apps.example.com");
        for (host, label) in [
            ("demo.apps.example.com", Some("demo")),
            ("DEMO.APPS.example.com:8080", Some("DEMO")),
            ("demo.apps.example.com.:443", Some("demo")),
            ("-.apps.example.com", Some("-")),
            ("a.b.apps.example.com", None),
            ("apps.example.com", None),
            ("demoapps.example.com", None),
            ("example.com", None),
            ("", None),
        ] {
            assert_eq!(domain.label_of(host), label, "{host}");
        }
        let includes = |name: &str| domain.includes(&name.parse().unwrap());
        assert!(includes("apps.example.com") && includes("demo.apps.example.com") && includes("a.b.apps.example.com"));
        assert!(!includes("example.com") && !includes("myapps.example.com"));
        assert_eq!("localhost".parse::<AppsDomain>().unwrap().label_of("demo.localhost:1"), Some("demo"));
        assert_eq!("127.0.0.1".parse::<AppsDomain>(), Err(InvalidDomain::Address));
    }

    #[test]
    fn a_url_names_a_domain_or_none() {
        let of = |url: &str| DomainName::of_url(url).map(String::from);
        assert_eq!(of("https://Apps.example.com:8443/x").as_deref(), Some("apps.example.com"));
        for none in ["http://localhost:8080", "http://127.0.0.1", "http://[::1]", "apps.example.com", ""] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    proptest! {
        /// What was accepted once is written as it is read, and is what a header is compared with.
        #[test]
        fn a_domain_is_read_back_as_it_is(text in r"[a-zA-Z0-9äßİ.:*\-\[\]%_。 ]{0,40}") {
            if let Ok(domain) = text.parse::<DomainName>() {
                prop_assert_eq!(domain.as_str().parse::<DomainName>(), Ok(domain.clone()));
                prop_assert_eq!(name_of_host(domain.as_str()), domain.as_str());
                let host = format!("{domain}.:80");
                prop_assert_eq!(name_of_host(&host), domain.as_str());
            }
        }
    }
}
