//! The one-time set-up link that a server prints at its first start.

use crate::{error::CommandError, exit::Exit};
use url::Url;

/// What the link says: where the server is, and what lets its first user in.
#[derive(PartialEq, Eq)]
pub(crate) struct SetupLink {
    pub(crate) server: String,
    pub(crate) token: String,
}

/// Takes `http://127.0.0.1:7070/setup?token=…` apart.
pub(crate) fn parse(link: &str) -> Result<SetupLink, CommandError> {
    let invalid = |why: &str| {
        CommandError::new(Exit::Usage, format!("this is not a set-up link: {why}"))
            .hint("the server prints it at its first start, as http://127.0.0.1:7070/setup?token=…")
    };
    if link.trim().is_empty() {
        return Err(CommandError::new(Exit::Usage, "the set-up link is empty")
            .hint("the server may be set up already: then sign in with `pic login`"));
    }
    let mut url = Url::parse(link).map_err(|error| invalid(&error.to_string()))?;
    let token = url.query_pairs().find(|(name, _)| name == "token").map(|(_, token)| token.into_owned());
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| invalid("it has no token"))?;
    let path = url.path().strip_suffix("/setup").ok_or_else(|| invalid("its path is not /setup"))?.to_owned();
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(SetupLink { server: url.into(), token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_server_and_a_token() {
        for (link, server) in [
            ("http://127.0.0.1:7070/setup?token=abc", "http://127.0.0.1:7070/"),
            ("https://example.org/cloud/setup?x=1&token=abc#top", "https://example.org/cloud"),
        ] {
            let SetupLink { server: found, token } = parse(link).unwrap();
            assert_eq!((found.as_str(), token.as_str()), (server, "abc"));
        }
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for bad in ["", "abc", "http://h/setup", "http://h/setup?token=", "http://h/?token=a", "mailto:a@b?token=c"] {
            let Err(error) = parse(bad) else { panic!("{bad}") };
            assert_eq!(error.exit(), Exit::Usage, "{bad}");
        }
    }

    #[test]
    fn an_empty_link_may_mean_that_it_was_used() {
        // What is left of "$(cat data/setup-link)" when the file is gone.
        let Err(error) = parse("") else { panic!("it is no link") };
        assert!(error.hint_text().is_some_and(|hint| hint.contains("pic login")));
    }
}
