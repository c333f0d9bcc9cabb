//! One-time links: the one that sets up a server, and those that invite.

use crate::{error::CommandError, exit::Exit};
use picloud_shared::one_time::{self, OneTimeLink};
use url::Url;

/// What the link says: where the server is, and what lets its bearer in.
#[derive(PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) server: String,
    pub(crate) token: String,
}

/// Takes `http://127.0.0.1:7070/setup#token=…` or `…/invite#token=…` apart.
pub(crate) fn parse(link: &str, to: OneTimeLink) -> Result<Link, CommandError> {
    let (kind, hint) = match to {
        OneTimeLink::Setup => {
            ("a set-up link", "the server prints it at its first start, as http://127.0.0.1:7070/setup#token=…")
        }
        OneTimeLink::Invitation => {
            ("an invitation", "`pic invite` prints one, as http://127.0.0.1:7070/invite#token=…")
        }
    };
    let path = to.path();
    let invalid = |why: &str| CommandError::new(Exit::Usage, format!("this is not {kind}: {why}")).hint(hint);
    if link.trim().is_empty() {
        let empty = invalid("it is empty");
        return Err(match to {
            OneTimeLink::Setup => empty.hint("the server may be set up already: then sign in with `pic login`"),
            OneTimeLink::Invitation => empty,
        });
    }
    let mut url = Url::parse(link).map_err(|error| invalid(&error.to_string()))?;
    let token = url.fragment().and_then(one_time::secret).ok_or_else(|| invalid("it has no token"))?.to_owned();
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
            ("http://127.0.0.1:7070/setup#token=abc", OneTimeLink::Setup, "http://127.0.0.1:7070/"),
            ("https://example.org/cloud/setup?x=1#top&token=abc", OneTimeLink::Setup, "https://example.org/cloud"),
            ("https://example.org/invite#token=abc", OneTimeLink::Invitation, "https://example.org/"),
        ] {
            let Link { server: found, token } = parse(link, to).unwrap();
            assert_eq!((found.as_str(), token.as_str()), (server, "abc"));
        }
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for bad in ["", "abc", "http://h/setup", "http://h/setup#token=", "http://h/#token=a", "mailto:a@b#token=c"] {
            for to in [OneTimeLink::Setup, OneTimeLink::Invitation] {
                let Err(error) = parse(bad, to) else { panic!("{bad}") };
                assert_eq!(error.exit(), Exit::Usage, "{bad}");
            }
        }
        for (other, to) in
            [("http://h/invite#token=a", OneTimeLink::Setup), ("http://h/setup#token=a", OneTimeLink::Invitation)]
        {
            assert!(parse(other, to).is_err_and(|error| error.message().contains("its path is not /")), "{other}");
        }
    }

    #[test]
    fn an_empty_link_may_mean_that_it_was_used() {
        // What is left of "$(cat data/setup-link)" when the file is gone.
        let Err(error) = parse("", OneTimeLink::Setup) else { panic!("it is no link") };
        assert!(error.hint_text().is_some_and(|hint| hint.contains("pic login")));
    }
}
