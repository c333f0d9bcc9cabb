//! Routes: which requests a script answers. How they are written, also in a script; matching is the orchestrator's.

use crate::declarations::{self, InvalidDeclaration};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A route that cannot be; the text says why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRoute(String);

/// A method, or `ANY`, and a path pattern, written `GET /users/{id}`, or `GET /users/{id} auth: token` where only members
/// of the app are answered.
///
/// A segment of the path is a literal, `{name}` for exactly one segment, or, at the end, `{*name}` for all that
/// follow (at least one).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Route {
    method: Option<String>,
    path: String,
    needs_token: bool,
}

text_schema!(Route, "GET /users/{id}");

/// Methods that a script can be routed for; HEAD and OPTIONS are answered by the platform.
pub const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Most bytes of a path pattern.
const PATH_BYTES: usize = 512;

impl Route {
    /// The route of a script that declares none: any method at `/{name}`.
    pub fn default_for(name: &crate::names::ScriptName) -> Self {
        Self { method: None, path: format!("/{name}"), needs_token: false }
    }

    /// The routes that a script's source declares itself, in lines such as `// route: GET /users/{id}`; `None` when
    /// it has no such line.
    ///
    /// # Errors
    /// When a declared route cannot be; the text says in which line.
    pub fn declared_in(source: &str) -> Result<Option<Vec<Self>>, InvalidDeclaration<InvalidRoute>> {
        declarations::parsed(source, "route")
    }

    /// The method, or `None` for any.
    pub fn method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// The path pattern.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it answers only to a token of a member of the app; else it is public.
    pub fn needs_token(&self) -> bool {
        self.needs_token
    }

    /// The path with its parameters' names taken out: two routes of one method and shape would match the same
    /// requests.
    pub fn shape(&self) -> String {
        let segment = |segment: &str| match segment.as_bytes() {
            [b'{', b'*', ..] => "{*}".to_owned(),
            [b'{', ..] => "{}".to_owned(),
            _ => segment.to_owned(),
        };
        self.path.split('/').map(segment).collect::<Vec<_>>().join("/")
    }
}

impl FromStr for Route {
    type Err = InvalidRoute;

    fn from_str(text: &str) -> Result<Self, InvalidRoute> {
        let invalid = |why: &str| Err(InvalidRoute(format!("route {text:?}: {why}")));
        let Some((method, rest)) = text.split_once(' ') else {
            return invalid("expected a method, a space and a path, such as \"GET /users/{id}\"");
        };
        let method = match method {
            "ANY" => None,
            known if METHODS.contains(&known) => Some(known.to_owned()),
            _ => return invalid("the method is one of ANY, GET, POST, PUT, PATCH, DELETE"),
        };
        let (path, needs_token) = match rest.split_once(' ') {
            None => (rest, false),
            Some((path, after)) => match after.strip_prefix("auth:").map(str::trim_start) {
                Some("token") => (path, true),
                Some("public") => (path, false),
                Some(_) => return invalid("auth is token or public"),
                None => return invalid("after the path stands nothing but \"auth: token\" or \"auth: public\""),
            },
        };
        if path.len() > PATH_BYTES {
            return invalid("the path is longer than 512 bytes");
        }
        let Some(rest) = path.strip_prefix('/') else {
            return invalid("the path starts with '/'");
        };
        if path.ends_with([',', ';']) {
            return invalid("the path ends with a comma or a semicolon: what follows stands behind a space");
        }
        let segments: Vec<&str> = rest.split('/').collect();
        let mut names = Vec::new();
        for (i, segment) in segments.iter().enumerate() {
            let last = i + 1 == segments.len();
            if segment.is_empty() && !(last && i == 0) {
                return invalid("the path has an empty segment");
            }
            if segment.starts_with(':') {
                return invalid("a parameter is {name}: write {slug}, not :slug");
            }
            if let Some(inner) = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                let name = inner.strip_prefix('*').unwrap_or(inner);
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    return invalid("a parameter is {name} or {*name}, of letters, digits and '_'");
                }
                if inner.starts_with('*') && !last {
                    return invalid("{*name} stands only at the end");
                }
                if names.contains(&name) {
                    return invalid("a parameter's name comes twice");
                }
                names.push(name);
            } else if !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&b)) {
                return invalid("a segment is {name}, {*name}, or a literal of unreserved characters");
            }
        }
        Ok(Self { method, path: path.to_owned(), needs_token })
    }
}

impl TryFrom<String> for Route {
    type Error = InvalidRoute;
    fn try_from(text: String) -> Result<Self, InvalidRoute> {
        text.parse()
    }
}

impl From<Route> for String {
    fn from(route: Route) -> Self {
        route.to_string()
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method.as_deref().unwrap_or("ANY"), self.path)?;
        if self.needs_token { f.write_str(" auth: token") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_routes_read_back() {
        for text in [
            "GET /",
            "ANY /a",
            "POST /users/{id}/files/{*rest}",
            "DELETE /v1.0/x_y-z",
            "POST /users/1:undo",
            "GET /admin/{*rest} auth: token",
        ] {
            assert_eq!(text.parse::<Route>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_routes_say_why() {
        for text in [
            "",
            "/a",
            "GET",
            "GET a",
            "get /a",
            "HEAD /a",
            "GET /a//b",
            "GET /a,",
            "GET /a, auth: token",
            "GET /a/",
            "GET /{",
            "GET /{}",
            "GET /{a-b}",
            "GET /{*r}/x",
            "GET /{a}/{a}",
            "GET /a/:b",
            "GET /:",
            "GET /a b",
            "GET /a auth",
            "GET /a auth: ",
            "GET /a auth: Token",
            "GET /a auth: tokens",
            "GET /a auth: token ",
            "GET /a  auth: token",
            "GET /a token",
            "GET /%2e",
            "GET /a{b}",
            "GET /\0",
        ] {
            let error = text.parse::<Route>().unwrap_err().to_string();
            assert!(error.contains("route"), "{text}: {error}");
        }
        assert!(format!("GET /{}", "x".repeat(600)).parse::<Route>().is_err());
    }

    #[test]
    fn a_route_is_public_unless_it_says_otherwise() {
        for (text, needs_token) in
            [("", false), (" auth: public", false), (" auth: token", true), (" auth:token", true)]
        {
            let route: Route = format!("GET /a{text}").parse().unwrap();
            assert_eq!((route.path(), route.needs_token()), ("/a", needs_token), "{text}");
        }
    }

    #[test]
    fn shapes_ignore_names() {
        for (text, shape) in
            [("GET /u/{id}", "/u/{}"), ("GET /u/{*rest}", "/u/{*}"), ("ANY /u/me auth: token", "/u/me")]
        {
            assert_eq!(text.parse::<Route>().unwrap().shape(), shape);
        }
    }

    #[test]
    fn a_source_declares_its_routes() {
        let source = "// Greets.\r\n// route: GET /a/{id}\r\n// route: ANY /b  \nlet a = 1; // route: GET /c\n";
        let declared = Route::declared_in(source).unwrap().unwrap();
        assert_eq!(declared, ["GET /a/{id}", "ANY /b"].map(|text| text.parse().unwrap()));
        assert_eq!(Route::declared_in("1 // route: GET /c\n// the route: GET /d\n// routes").unwrap(), None);
        assert_eq!(Route::declared_in("// route GET /a to nowhere\n// routes: those of the shop").unwrap(), None);
        let error = Route::declared_in("1\n// route: HEAD /a").unwrap_err().to_string();
        assert!(error.starts_with("line 2: route \"HEAD /a\": "), "{error}");
    }

    #[test]
    fn a_declaration_may_be_written_in_other_ways() {
        for line in [
            "//route:GET /a",
            "// Route: GET /a",
            "///ROUTE : GET /a",
            "\t//   route:   GET /a  ",
            "// routes: GET /a",
            "// route GET /a",
            "//Routes GET /a",
        ] {
            let declared = Route::declared_in(line).unwrap();
            assert_eq!(declared, Some(vec!["GET /a".parse().unwrap()]), "{line}");
        }
    }

    #[test]
    fn a_colon_for_a_parameter_is_told_how_to_write_it() {
        let error = "GET /pages/:slug".parse::<Route>().unwrap_err().to_string();
        assert!(error.ends_with("write {slug}, not :slug"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            if let Ok(route) = text.parse::<Route>() {
                proptest::prop_assert_eq!(route.to_string().parse(), Ok(route));
            }
        }
    }
}
