//! Which route is asked for: the one whose host and path say most about the request's.
//!
//! A table of our own in place of patterns: a path is taken octet by octet, and means nothing else.

use std::collections::HashMap;

use crate::config::{RouteHost, RoutePath};

/// Routes by host and path.
pub(crate) struct Table<T> {
    routes: Vec<T>,
    exact: HashMap<String, Paths>,
    /// By what stands behind the `*.`.
    below: HashMap<String, Paths>,
    any: Paths,
}

/// Positions of the routes of a host, by path.
#[derive(Default)]
struct Paths {
    exact: HashMap<String, usize>,
    /// The longest first.
    below: Vec<(String, usize)>,
    any: Option<usize>,
}

impl<T> Table<T> {
    /// A table without routes.
    pub(crate) fn new() -> Self {
        Self { routes: Vec::new(), exact: HashMap::new(), below: HashMap::new(), any: Paths::default() }
    }

    /// Puts in a route for every path of `path` on every one of `hosts`, or on any where there are none. Of two routes of
    /// one host and path the last counts.
    pub(crate) fn insert(&mut self, hosts: &[RouteHost], path: &RoutePath, route: T) {
        let at = self.routes.len();
        self.routes.push(route);
        if hosts.is_empty() {
            self.any.insert(path, at);
        }
        for host in hosts {
            let paths = match host {
                RouteHost::Exact(host) => self.exact.entry(host.clone()),
                RouteHost::Below(host) => self.below.entry(host.clone()),
            };
            paths.or_default().insert(path, at);
        }
    }

    /// Whether a route is for some hosts alone.
    pub(crate) fn asks_hosts(&self) -> bool {
        !self.exact.is_empty() || !self.below.is_empty()
    }

    /// The route of a host, as it is compared, and a path. The host goes first: one that is named before one that is below
    /// another, the closest first, and those before any; and of one host's routes one for exactly this path, then the
    /// longest path that it is below.
    pub(crate) fn find(&self, host: Option<&str>, path: &str) -> Option<&T> {
        let named = host.and_then(|host| self.exact.get(host)?.find(path));
        let at = named.or_else(|| self.find_below(host?, path)).or_else(|| self.any.find(path))?;
        self.routes.get(at)
    }

    fn find_below(&self, mut host: &str, path: &str) -> Option<usize> {
        while let Some((_, above)) = host.split_once('.') {
            if let Some(at) = self.below.get(above).and_then(|paths| paths.find(path)) {
                return Some(at);
            }
            host = above;
        }
        None
    }
}

impl Paths {
    fn insert(&mut self, path: &RoutePath, at: usize) {
        match path {
            RoutePath::Any => self.any = Some(at),
            RoutePath::Exact(path) => drop(self.exact.insert(path.clone(), at)),
            RoutePath::Below(path) => {
                self.below.retain(|(other, _)| other != path);
                let place = self.below.partition_point(|(other, _)| other.len() >= path.len());
                self.below.insert(place, (path.clone(), at));
            }
        }
    }

    fn find(&self, path: &str) -> Option<usize> {
        let below = || self.below.iter().find(|(above, _)| path.starts_with(above)).map(|(_, at)| *at);
        self.exact.get(path).copied().or_else(below).or(self.any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_most_wins() {
        let mut table = Table::new();
        let exact = |host: &str| RouteHost::Exact(host.into());
        let below = |host: &str| RouteHost::Below(host.into());
        let under = |path: &str| RoutePath::Below(path.into());
        let at = |path: &str| RoutePath::Exact(path.into());
        for (hosts, path, route) in [
            (vec![], RoutePath::Any, "any"),
            (vec![], under("/a/"), "/a/*"),
            (vec![], under("/a/b/"), "/a/b/*"),
            (vec![], at("/a/b/c"), "/a/b/c"),
            (vec![exact("h.example"), exact("g.example")], at("/h"), "h /h"),
            (vec![below("example")], RoutePath::Any, "*.example"),
            (vec![below("deep.example")], at("/h"), "*.deep.example /h"),
        ] {
            table.insert(&hosts, &path, route);
        }
        for (host, path, route) in [
            (None, "/", "any"),
            (None, "*", "any"),
            (None, "/a", "any"),
            (None, "/a/", "/a/*"),
            (None, "/a/x", "/a/*"),
            (None, "/a/b", "/a/*"),
            (None, "/a/b/", "/a/b/*"),
            (None, "/a/b/c", "/a/b/c"),
            (None, "/a/b/c/", "/a/b/*"),
            // Octet by octet.
            (None, "/A/x", "any"),
            (None, "/%61/x", "any"),
            (None, "/a/../b", "/a/*"),
            (None, "//a/x", "any"),
            (Some("h.example"), "/h", "h /h"),
            (Some("g.example"), "/h", "h /h"),
            (Some("h.example"), "/a/x", "*.example"),
            (Some("x.example"), "/h", "*.example"),
            (Some("example"), "/h", "any"),
            (Some("x.y.example"), "/h", "*.example"),
            (Some("x.deep.example"), "/h", "*.deep.example /h"),
            (Some("x.deep.example"), "/a", "*.example"),
            (Some("deep.example"), "/h", "*.example"),
            (Some("h.example.evil"), "/h", "any"),
            (Some("xh.example"), "/h", "*.example"),
            (Some("notexample"), "/h", "any"),
        ] {
            assert_eq!(table.find(host, path), Some(&route), "{host:?} {path}");
        }
    }

    #[test]
    fn what_no_route_has_is_not_found() {
        let mut table = Table::new();
        table.insert(&[RouteHost::Exact("h".into())], &RoutePath::Any, ());
        assert!(table.asks_hosts() && table.find(Some("h"), "/").is_some());
        assert!(table.find(Some("g"), "/").is_none() && table.find(None, "/").is_none());
        let mut table = Table::new();
        table.insert(&[], &RoutePath::Below("/a/".into()), ());
        assert!(!table.asks_hosts() && table.find(Some("h"), "/b").is_none());
    }
}
