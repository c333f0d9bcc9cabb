//! Which script answers a request: a tree of path segments. The most specific route wins: at each segment, from left
//! to right, a literal before `{name}` before `{*name}`; on the same path, the method itself before `ANY`.

use crate::route::Route;
use std::collections::{BTreeSet, HashMap};

/// The routes of one app, each leading to a `T`.
#[derive(Debug)]
pub struct Routes<T> {
    root: Node<T>,
}

/// What a request comes to.
#[derive(Debug, PartialEq, Eq)]
pub enum Match<'a, T> {
    /// The route's target, and what its pattern captured.
    Found(&'a T, Vec<(String, String)>),
    /// There are routes for the path, but only for these methods.
    OtherMethods(BTreeSet<&'a str>),
    /// There is no route for the path.
    None,
}

#[derive(Debug)]
struct Node<T> {
    literals: HashMap<String, Node<T>>,
    parameter: Option<Box<Node<T>>>,
    /// Routes that end with `{*name}` here.
    rest: Vec<Leaf<T>>,
    /// Routes that end here.
    ends: Vec<Leaf<T>>,
}

#[derive(Debug)]
struct Leaf<T> {
    method: Option<String>,
    names: Vec<String>,
    target: T,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { literals: HashMap::new(), parameter: None, rest: Vec::new(), ends: Vec::new() }
    }
}

impl<T> FromIterator<(Route, T)> for Routes<T> {
    fn from_iter<I: IntoIterator<Item = (Route, T)>>(routes: I) -> Self {
        let mut root = Node::default();
        for (route, target) in routes {
            root.insert(&route, target);
        }
        Self { root }
    }
}

impl<T> Node<T> {
    fn insert(&mut self, route: &Route, target: T) {
        let (mut node, mut names, mut catches_rest) = (self, Vec::new(), false);
        for segment in segments(route.path()) {
            let name = segment.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            match name.map(|name| (name.strip_prefix('*'), name)) {
                Some((Some(rest), _)) => {
                    names.push(rest.to_owned());
                    catches_rest = true;
                }
                Some((None, name)) => {
                    names.push(name.to_owned());
                    node = node.parameter.get_or_insert_default();
                }
                None => node = node.literals.entry(segment.to_owned()).or_default(),
            }
        }
        let leaf = Leaf { method: route.method().map(str::to_owned), names, target };
        if catches_rest { node.rest.push(leaf) } else { node.ends.push(leaf) }
    }
}

/// The segments after the leading `/`; of `/` itself none.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let rest = path.strip_prefix('/').unwrap_or(path);
    rest.split('/').take(if rest.is_empty() { 0 } else { usize::MAX })
}

impl<T> Routes<T> {
    /// Finds the route for a method and the decoded segments of a path.
    pub fn find(&self, method: &str, segments: &[String]) -> Match<'_, T> {
        let mut search = Search { method, captured: Vec::new(), other_methods: BTreeSet::new() };
        match search.visit(&self.root, segments) {
            Some(leaf) => Match::Found(&leaf.target, leaf.names.iter().cloned().zip(search.captured).collect()),
            None if search.other_methods.is_empty() => Match::None,
            None => Match::OtherMethods(search.other_methods),
        }
    }
}

struct Search<'a, 'm> {
    method: &'m str,
    captured: Vec<String>,
    other_methods: BTreeSet<&'a str>,
}

impl<'a> Search<'a, '_> {
    /// Visits each node of the tree at most once, and leaves what the found leaf captured.
    fn visit<T>(&mut self, node: &'a Node<T>, segments: &[String]) -> Option<&'a Leaf<T>> {
        let Some((first, after)) = segments.split_first() else { return self.choose(&node.ends) };
        if let Some(leaf) = node.literals.get(first).and_then(|next| self.visit(next, after)) {
            return Some(leaf);
        }
        let known = self.captured.len();
        if !first.is_empty()
            && let Some(next) = &node.parameter
        {
            self.captured.push(first.clone());
            if let Some(leaf) = self.visit(next, after) {
                return Some(leaf);
            }
            self.captured.truncate(known);
        }
        let leaf = self.choose(&node.rest)?;
        self.captured.push(segments.join("/"));
        Some(leaf)
    }

    fn choose<T>(&mut self, leaves: &'a [Leaf<T>]) -> Option<&'a Leaf<T>> {
        let of = |method: Option<&str>| leaves.iter().find(|leaf| leaf.method.as_deref() == method);
        let found = of(Some(self.method)).or_else(|| of(None));
        if found.is_none() {
            self.other_methods.extend(leaves.iter().filter_map(|leaf| leaf.method.as_deref()));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&'static str]) -> Routes<&'static str> {
        patterns.iter().map(|text| (text.parse().unwrap(), *text)).collect()
    }

    fn split(path: &str) -> Vec<String> {
        segments(path).map(str::to_owned).collect()
    }

    fn assert_finds(routes: &Routes<&'static str>, request: &str, expected: &str, captured: &[(&str, &str)]) {
        let (method, path) = request.split_once(' ').unwrap();
        let captured = captured.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(routes.find(method, &split(path)), Match::Found(&expected, captured), "{request}");
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            "GET /",
            "GET /users/me",
            "GET /users/{id}",
            "ANY /users/{name}",
            "POST /users/{who}",
            "GET /users/{id}/posts",
            "ANY /{*all}",
            "GET /files/{*path}",
            "GET /files/{id}",
            "GET /{a}/{b}",
        ]);
        assert_finds(&routes, "GET /", "GET /", &[]);
        assert_finds(&routes, "GET /users/me", "GET /users/me", &[]);
        assert_finds(&routes, "GET /users/7", "GET /users/{id}", &[("id", "7")]);
        assert_finds(&routes, "POST /users/7", "POST /users/{who}", &[("who", "7")]);
        assert_finds(&routes, "PUT /users/7", "ANY /users/{name}", &[("name", "7")]);
        // The literal has no such method: the next best route is taken, not 405.
        assert_finds(&routes, "PUT /users/me", "ANY /users/{name}", &[("name", "me")]);
        assert_finds(&routes, "GET /users/7/posts", "GET /users/{id}/posts", &[("id", "7")]);
        assert_finds(&routes, "GET /users/7/likes", "ANY /{*all}", &[("all", "users/7/likes")]);
        assert_finds(&routes, "GET /files/1", "GET /files/{id}", &[("id", "1")]);
        assert_finds(&routes, "GET /files/1/2", "GET /files/{*path}", &[("path", "1/2")]);
        assert_finds(&routes, "GET /x/y", "GET /{a}/{b}", &[("a", "x"), ("b", "y")]);
        assert_finds(&routes, "GET /x//y", "ANY /{*all}", &[("all", "x//y")]);
    }

    #[test]
    fn a_path_with_other_methods_says_which() {
        let routes = routes(&["GET /a", "POST /a", "PUT /{x}"]);
        assert_eq!(routes.find("DELETE", &split("/a")), Match::OtherMethods(["GET", "POST", "PUT"].into()));
        assert_eq!(routes.find("GET", &split("/a/b")), Match::None);
        assert_eq!(routes.find("GET", &split("/")), Match::None);
        assert_eq!(routes.find("PUT", &[String::new()]), Match::None);
    }

    proptest::proptest! {
        #[test]
        fn no_path_panics(path in "(/[a-c{}*]{0,3}){0,6}") {
            let routes = routes(&["GET /a/{x}/b", "ANY /a/{*r}", "GET /{x}/b"]);
            routes.find("GET", &split(&path));
        }
    }
}
