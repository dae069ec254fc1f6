//! Where a route is: its hosts and its path.

use std::fmt;

use super::Said;
use super::error::{ConfigError, Problem, Troubled};
use crate::host;

/// A host that a route is for: in lower case, without a port and without a dot at its end.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum RouteHost {
    /// Exactly this one.
    Exact(String),
    /// Every host below this one, however far; but not itself.
    Below(String),
}

impl fmt::Display for RouteHost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => out.write_str(host),
            Self::Below(host) => write!(out, "*.{host}"),
        }
    }
}

impl RouteHost {
    pub(super) fn parse(said: &Said<String>) -> Result<Self, ConfigError> {
        let (name, below) = said.value.strip_prefix("*.").map_or((&*said.value, false), |name| (name, true));
        // A port would be compared with nothing.
        let host = host::compared(name).filter(|_| host::port(name).is_none());
        let host = host.ok_or_else(|| said.problem(Problem::Host(said.value.clone())))?;
        Ok(if below { Self::Below(host) } else { Self::Exact(host) })
    }
}

/// The path of a route.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum RoutePath {
    /// Every path.
    Any,
    /// Every path that begins so. It ends with a slash, and is more than that.
    Below(String),
    /// Exactly this one, octet by octet as a request writes it.
    Exact(String),
}

impl fmt::Display for RoutePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => out.write_str("*"),
            Self::Below(path) => write!(out, "{path}*"),
            Self::Exact(path) => out.write_str(path),
        }
    }
}

impl RoutePath {
    pub(super) fn parse(said: &Said<String>) -> Result<Self, ConfigError> {
        let refuse = |problem: fn(String) -> Problem| Err(said.problem(problem(said.value.clone())));
        match said.value.split_once('*') {
            None if is_path(&said.value) => Ok(Self::Exact(said.value.clone())),
            Some(("" | "/", "")) => Ok(Self::Any),
            Some((path, "")) if path.ends_with('/') && is_path(path) => Ok(Self::Below(path.to_owned())),
            // Elsewhere it would be an octet like others, which is hardly what is meant.
            Some(_) => refuse(Problem::Wildcard),
            None => refuse(Problem::Path),
        }
    }

    /// How closely it fits the path of a request, if it does: among routes the closest one takes it.
    pub(crate) fn fit(&self, path: &str) -> Option<usize> {
        match self {
            Self::Any => Some(0),
            Self::Below(own) => path.starts_with(own.as_str()).then_some(own.len()),
            Self::Exact(own) => (path == own).then_some(usize::MAX),
        }
    }
}

/// Whether a text is the path of a URL, as a request writes it.
pub(crate) fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|octet| octet.is_ascii_graphic() && !b"?#\"<>\\^`{|}".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_as_they_are_compared() {
        let host = |text: &str| RouteHost::parse(&Said::flag("host", text.to_owned())).map(|host| host.to_string());
        for (said, read) in [
            ("a.example", "a.example"),
            ("A.Example.", "a.example"),
            ("*.Example", "*.example"),
            ("[::1]", "[::1]"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(host(said).map_err(|error| error.to_string()), Ok(read.to_owned()), "{said}");
        }
        for said in ["", "*", "*.", ".", "a.example:80", "a.*.example", "*.*.example", "a/b", "http://a", "é.example"]
        {
            let reason = format!("--host: {said:?} is not the name of a host without its port, or `*.` before one");
            assert_eq!(host(said).map_err(|error| error.to_string()), Err(reason));
        }
    }

    #[test]
    fn paths_are_exact_or_below_a_slash() {
        let path = |text: &str| RoutePath::parse(&Said::flag("path", text.to_owned()));
        for (said, read) in [
            ("/a", RoutePath::Exact("/a".into())),
            ("/a/", RoutePath::Exact("/a/".into())),
            ("/a/*", RoutePath::Below("/a/".into())),
            ("/%2A", RoutePath::Exact("/%2A".into())),
            ("/*", RoutePath::Any),
            ("*", RoutePath::Any),
        ] {
            assert_eq!(path(said).map_err(|error| error.to_string()), Ok(read), "{said}");
        }
        for (said, reason) in [
            ("", "path \"\" does not begin with a slash, or has octets that no request's path has"),
            ("/a?b", "path \"/a?b\" does not begin with a slash, or has octets that no request's path has"),
            ("/a*", "path \"/a*\" has a `*` elsewhere than behind its last slash"),
            ("/*/a", "path \"/*/a\" has a `*` elsewhere than behind its last slash"),
            ("a/*", "path \"a/*\" has a `*` elsewhere than behind its last slash"),
            ("/a/**", "path \"/a/**\" has a `*` elsewhere than behind its last slash"),
        ] {
            assert_eq!(path(said).unwrap_err().to_string(), format!("--path: {reason}"));
        }
    }
}
