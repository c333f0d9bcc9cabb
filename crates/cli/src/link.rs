//! One-time links: the one that sets up a server, and those that invite.

use crate::{error::CommandError, exit::Exit};
use url::Url;

/// What a link is for, and so what its path ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkTo {
    /// A server prints it at its first start.
    Setup,
    /// Somebody has made it, with `pic invite` or through the API.
    Invitation,
}

/// What the link says: where the server is, and what lets its bearer in.
#[derive(PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) server: String,
    pub(crate) token: String,
}

/// Takes `http://127.0.0.1:7070/setup?token=…` or `…/invite?token=…` apart.
pub(crate) fn parse(link: &str, to: LinkTo) -> Result<Link, CommandError> {
    let (kind, path, hint) = match to {
        LinkTo::Setup => (
            "a set-up link",
            "/setup",
            "the server prints it at its first start, as http://127.0.0.1:7070/setup?token=…",
        ),
        LinkTo::Invitation => {
            ("an invitation", "/invite", "`pic invite` prints one, as http://127.0.0.1:7070/invite?token=…")
        }
    };
    let invalid = |why: &str| CommandError::new(Exit::Usage, format!("this is not {kind}: {why}")).hint(hint);
    if link.trim().is_empty() {
        let empty = invalid("it is empty");
        return Err(match to {
            LinkTo::Setup => empty.hint("the server may be set up already: then sign in with `pic login`"),
            LinkTo::Invitation => empty,
        });
    }
    let mut url = Url::parse(link).map_err(|error| invalid(&error.to_string()))?;
    let token = url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| invalid("it has no token"))?;
    let server = url.path().strip_suffix(path).ok_or_else(|| invalid(&format!("its path is not {path}")))?.to_owned();
    url.set_path(&server);
    url.set_query(None);
    url.set_fragment(None);
    Ok(Link { server: url.into(), token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_server_and_a_token() {
        for (link, to, server) in [
            ("http://127.0.0.1:7070/setup?token=abc", LinkTo::Setup, "http://127.0.0.1:7070/"),
            ("https://example.org/cloud/setup?x=1&token=abc#top", LinkTo::Setup, "https://example.org/cloud"),
            ("https://example.org/invite?token=abc", LinkTo::Invitation, "https://example.org/"),
        ] {
            let Link { server: found, token } = parse(link, to).unwrap();
            assert_eq!((found.as_str(), token.as_str()), (server, "abc"));
        }
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for bad in ["", "abc", "http://h/setup", "http://h/setup?token=", "http://h/?token=a", "mailto:a@b?token=c"] {
            for to in [LinkTo::Setup, LinkTo::Invitation] {
                let Err(error) = parse(bad, to) else { panic!("{bad}") };
                assert_eq!(error.exit(), Exit::Usage, "{bad}");
            }
        }
        for (other, to) in [("http://h/invite?token=a", LinkTo::Setup), ("http://h/setup?token=a", LinkTo::Invitation)]
        {
            assert!(parse(other, to).is_err_and(|error| error.message().contains("its path is not /")), "{other}");
        }
    }

    #[test]
    fn an_empty_link_may_mean_that_it_was_used() {
        // What is left of "$(cat data/setup-link)" when the file is gone.
        let Err(error) = parse("", LinkTo::Setup) else { panic!("it is no link") };
        assert!(error.hint_text().is_some_and(|hint| hint.contains("pic login")));
    }
}
