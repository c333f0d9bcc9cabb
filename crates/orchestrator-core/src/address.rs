//! Which app a request is for: by its host name, be it one below the apps domain or a domain of the app's own, or, on any
//! other host, by the first segment of its path.

use crate::domains::AppsByDomain;
use picloud_shared::{
    domains::{AppsDomain, name_of_host},
    names::AppSlug,
};
use std::borrow::Cow;

/// An app and the path within it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    pub(crate) app: AppSlug,
    /// Raw; starts with `/`.
    pub(crate) path: &'a str,
}

/// `None` where no app is named.
pub(crate) fn resolve<'a>(
    host: Option<&str>,
    apps_domain: &AppsDomain,
    domains: &AppsByDomain,
    path: &'a str,
) -> Option<Address<'a>> {
    if let Some(label) = host.and_then(|host| apps_domain.label_of(host)) {
        return Some(Address { app: label.to_ascii_lowercase().parse().ok()?, path });
    }
    if let Some(app) = host.and_then(|host| domains.get(in_lower_case(name_of_host(host)).as_ref())) {
        return Some(Address { app: app.clone(), path });
    }
    let rest = path.strip_prefix('/')?;
    let (slug, _) = rest.split_once('/').unwrap_or((rest, ""));
    let within = &rest[slug.len()..];
    Some(Address { app: slug.parse().ok()?, path: if within.is_empty() { "/" } else { within } })
}

/// As nearly every client sends it already.
fn in_lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at<'a>(host: Option<&str>, path: &'a str) -> Option<Address<'a>> {
        let domains = [("shop.example.com", "shop"), ("xn--bcher-kva.example", "books")];
        let domains = domains.map(|(domain, app)| (domain.parse().unwrap(), app.parse().unwrap()));
        resolve(host, &"localhost".parse().unwrap(), &domains.into(), path)
    }

    fn resolved(host: &str, path: &str) -> Option<(String, String)> {
        at(Some(host), path).map(|found| (found.app.to_string(), found.path.to_owned()))
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
    fn on_a_domain_of_its_own_the_whole_path_is_the_apps() {
        for host in [
            "shop.example.com",
            "Shop.EXAMPLE.com",
            "shop.example.com:8443",
            "shop.example.com.",
            "SHOP.example.com.:80",
        ] {
            assert_eq!(resolved(host, "/demo/a"), app("shop", "/demo/a"), "{host}");
            assert_eq!(resolved(host, "/"), app("shop", "/"), "{host}");
        }
        assert_eq!(resolved("xn--bcher-kva.example", "/a"), app("books", "/a"));
        for host in
            ["example.com", "a.shop.example.com", "shop.example.com..", "xshop.example.com", "shop.example.com:a:b", ""]
        {
            assert_eq!(resolved(host, "/demo/a"), app("demo", "/a"), "{host}");
        }
    }

    #[test]
    fn elsewhere_the_path_names_it() {
        assert_eq!(resolved("localhost:8080", "/demo/a"), app("demo", "/a"));
        assert_eq!(resolved("127.0.0.1:8080", "/demo"), app("demo", "/"));
        assert_eq!(resolved("[::1]:8080", "/demo/"), app("demo", "/"));
        assert_eq!(resolved("a.b.localhost", "/demo/x"), app("demo", "/x"));
        assert_eq!(resolved("localhost", "/"), None);
        assert_eq!(resolved("localhost", "/%64emo/"), None);
        assert_eq!(at(None, "/demo/a").unwrap().path, "/a");
        assert_eq!(at(None, "*"), None);
    }
}
