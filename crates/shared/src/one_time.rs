//! One-time links to the dashboard: the one that sets up a server, and those that invite. What lets their bearer in stands behind
//! the `#`, which browsers keep for themselves: no server, proxy or log on the way gets to see it.

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneTimeLink {
    /// A server prints it at its first start.
    Setup,
    /// Somebody has made it.
    Invitation,
}

impl OneTimeLink {
    /// What its path ends with.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Setup => "/setup",
            Self::Invitation => "/invite",
        }
    }

    /// The link to a server, whose URL has no slash at its end.
    pub fn at(self, server: &str, secret: &str) -> String {
        format!("{server}{}#token={secret}", self.path())
    }
}

/// The secret that stands in a link's fragment, which is what comes after the `#`.
pub fn secret(fragment: &str) -> Option<&str> {
    fragment.split('&').find_map(|part| part.strip_prefix("token=")).filter(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_server_sees_the_secret_of_a_link() {
        for link in [OneTimeLink::Setup, OneTimeLink::Invitation] {
            let written = link.at("https://example.org/cloud", "abc");
            let (seen, fragment) = written.split_once('#').unwrap();
            assert_eq!(seen, format!("https://example.org/cloud{}", link.path()));
            assert_eq!(secret(fragment), Some("abc"));
        }
    }

    #[test]
    fn what_has_no_secret_has_none() {
        for fragment in ["", "token", "token=", "abc", "Token=abc", "x=token=abc"] {
            assert_eq!(secret(fragment), None, "{fragment}");
        }
        assert_eq!(secret("top&token=abc&x=1"), Some("abc"));
    }
}
