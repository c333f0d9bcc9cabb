//! Which app a request is for: by its host name below the apps domain, or, on any other host, by the first segment
//! of its path.

use picloud_shared::names::AppSlug;

/// An app and the path within it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) app: AppSlug,
    /// Raw; starts with `/`.
    pub(crate) path: &'a str,
}

/// `None` where no app is named.
pub(crate) fn resolve<'a>(host: Option<&str>, apps_domain: &str, path: &'a str) -> Option<Address<'a>> {
    if let Some(label) = host.and_then(|host| label_below(host, apps_domain)) {
        return Some(Address { app: label.to_ascii_lowercase().parse().ok()?, path });
    }
    let rest = path.strip_prefix('/')?;
    let (slug, _) = rest.split_once('/').unwrap_or((rest, ""));
    let within = &rest[slug.len()..];
    Some(Address { app: slug.parse().ok()?, path: if within.is_empty() { "/" } else { within } })
}

/// `demo` of `demo.localhost:8080` below `localhost`.
fn label_below<'h>(host: &'h str, domain: &str) -> Option<&'h str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
    let (label, parent) = name.split_once('.')?;
    parent.trim_end_matches('.').eq_ignore_ascii_case(domain).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(host: &str, path: &str) -> Option<(String, String)> {
        resolve(Some(host), "localhost", path).map(|found| (found.app.to_string(), found.path.to_owned()))
    }

    fn app(slug: &str, path: &str) -> Option<(String, String)> {
        Some((slug.to_owned(), path.to_owned()))
    }

    #[test]
    fn the_host_names_the_app() {
        assert_eq!(resolved("demo.localhost:8080", "/a/b"), app("demo", "/a/b"));
        assert_eq!(resolved("DEMO.localhost", "/"), app("demo", "/"));
        assert_eq!(resolved("demo.localhost.", "/"), app("demo", "/"));
        assert_eq!(resolved("-.localhost", "/demo"), None);
    }

    #[test]
    fn elsewhere_the_path_names_it() {
        assert_eq!(resolved("localhost:8080", "/demo/a"), app("demo", "/a"));
        assert_eq!(resolved("127.0.0.1:8080", "/demo"), app("demo", "/"));
        assert_eq!(resolved("[::1]:8080", "/demo/"), app("demo", "/"));
        assert_eq!(resolved("a.b.localhost", "/demo/x"), app("demo", "/x"));
        assert_eq!(resolved("localhost", "/"), None);
        assert_eq!(resolved("localhost", "/%64emo/"), None);
        assert_eq!(resolve(None, "localhost", "/demo/a").unwrap().path, "/a");
        assert_eq!(resolve(None, "localhost", "*"), None);
    }
}
