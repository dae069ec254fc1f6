//! The paths of `SignedElements` and its like: the subset of XPath 1.0 that policies are written in, which leads down from
//! the root by names.
//!
//! `/a:B/c:D`, `//c:D`, `/a:B//c:D`, `*`, `c:*`, and `*[local-name()='D' and namespace-uri()='…']` in place of a name, its
//! tests in either order or one alone. A name without prefix is in no namespace, as XPath 1.0 has it.

use crate::model::Step;

/// What is wrong with a path.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Problem<'a> {
    /// What begins here is not of the subset.
    NotRead(&'a str),
    /// A prefix that is not declared where the path stands.
    Prefix(&'a str),
}

/// The steps of a path, in which a prefix stands for the namespace that it is resolved to.
pub(crate) fn parse<'a>(resolve: &dyn Fn(&str) -> Option<String>, path: &'a str) -> Result<Vec<Step>, Problem<'a>> {
    let mut steps = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix('/') else { return Err(Problem::NotRead(rest)) };
        let (anywhere_below, after) = match after.strip_prefix('/') {
            Some(after) => (true, after),
            None => (false, after),
        };
        let (namespace, local, after) = name_test(resolve, after.trim_start())?;
        steps.push(Step { anywhere_below, namespace, local });
        rest = after.trim_start();
    }
    if steps.is_empty() { Err(Problem::NotRead(path)) } else { Ok(steps) }
}

/// Namespace and local name of a step, and what follows it.
type Test<'a> = (Option<String>, Option<String>, &'a str);

fn name_test<'a>(resolve: &dyn Fn(&str) -> Option<String>, at: &'a str) -> Result<Test<'a>, Problem<'a>> {
    if let Some(after) = at.strip_prefix('*') {
        return match after.trim_start().strip_prefix('[') {
            Some(predicate) => conditions(predicate).ok_or(Problem::NotRead(at)),
            None => Ok((None, None, after)),
        };
    }
    let (first, after) = name(at).ok_or(Problem::NotRead(at))?;
    let (prefix, local, after) = match after.strip_prefix(':') {
        Some(after) if after.starts_with('*') => (first, None, &after[1..]),
        Some(after) => {
            let (local, after) = name(after).ok_or(Problem::NotRead(at))?;
            (first, Some(local), after)
        }
        None => ("", Some(first), after),
    };
    let after_spaces = after.trim_start();
    if !after_spaces.is_empty() && !after_spaces.starts_with('/') {
        return Err(Problem::NotRead(at));
    }
    let namespace = if prefix.is_empty() { String::new() } else { resolve(prefix).ok_or(Problem::Prefix(prefix))? };
    Ok((Some(namespace), local.map(str::to_owned), after))
}

/// `local-name()='…' and namespace-uri()='…']`, and what follows it.
fn conditions(mut at: &str) -> Option<Test<'_>> {
    let (mut namespace, mut local) = (None, None);
    loop {
        let slot = if let Some(after) = at.trim_start().strip_prefix("local-name()") {
            at = after;
            &mut local
        } else {
            at = at.trim_start().strip_prefix("namespace-uri()")?;
            &mut namespace
        };
        let value = at.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let (value, after) = value.get(1..)?.split_once(quote)?;
        if slot.replace(value.to_owned()).is_some() {
            return None;
        }
        let after = after.trim_start();
        if let Some(after) = after.strip_prefix(']') {
            return Some((namespace, local, after));
        }
        at = after.strip_prefix("and").filter(|after| after.starts_with(char::is_whitespace))?;
    }
}

/// The name at the beginning, and what follows it.
fn name(at: &str) -> Option<(&str, &str)> {
    let is_start = |c: char| c.is_alphabetic() || c == '_';
    let is_part = |c: char| is_start(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}');
    if !at.starts_with(is_start) {
        return None;
    }
    Some(at.split_at(at.find(|c| !is_part(c)).unwrap_or(at.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(path: &str) -> Result<Vec<Step>, Problem<'_>> {
        parse(&|prefix| (prefix == "a").then(|| "urn:a".to_owned()), path)
    }

    fn any(anywhere_below: bool, namespace: Option<&str>, local: Option<&str>) -> Step {
        Step { anywhere_below, namespace: namespace.map(str::to_owned), local: local.map(str::to_owned) }
    }

    fn step(anywhere_below: bool, namespace: &str, local: &str) -> Step {
        any(anywhere_below, Some(namespace), Some(local))
    }

    #[test]
    fn paths_that_lead_down_by_names_are_read() {
        assert_eq!(steps("/a:B/a:C-d.1").unwrap(), [step(false, "urn:a", "B"), step(false, "urn:a", "C-d.1")]);
        assert_eq!(steps(" //a:B ").unwrap(), [step(true, "urn:a", "B")]);
        assert_eq!(steps("/a:B//C").unwrap(), [step(false, "urn:a", "B"), step(true, "", "C")]);
        assert_eq!(steps("/a:*/*").unwrap(), [any(false, Some("urn:a"), None), any(false, None, None)]);
        for path in [
            "/*[local-name()='B' and namespace-uri()='urn:b']",
            "/*[namespace-uri() = \"urn:b\" and local-name()=\"B\"]",
            "/ * [ local-name() = 'B'  and  namespace-uri() = 'urn:b' ] ",
        ] {
            assert_eq!(steps(path).unwrap(), [step(false, "urn:b", "B")], "{path}");
        }
        assert_eq!(steps("//*[local-name()='B']").unwrap(), [any(true, None, Some("B"))]);
    }

    #[test]
    fn what_is_beyond_is_shown_from_where_it_begins() {
        for (path, rest) in [
            ("", ""),
            ("a:B", "a:B"),
            ("/", ""),
            ("/a:B/@c", "@c"),
            ("/a:B[1]", "a:B[1]"),
            ("/a:B/text()", "text()"),
            ("/a:B/..", ".."),
            ("/a:B|/a:C", "a:B|/a:C"),
            ("/child::a:B", "child::a:B"),
            ("/*[local-name()='B' or namespace-uri()='urn:b']", "*[local-name()='B' or namespace-uri()='urn:b']"),
            ("/*[local-name()='B' and local-name()='C']", "*[local-name()='B' and local-name()='C']"),
            ("/*[local-name()='B", "*[local-name()='B"),
            ("/*[", "*["),
            ("///a:B", "/a:B"),
        ] {
            assert_eq!(steps(path), Err(Problem::NotRead(rest)), "{path}");
        }
        assert_eq!(steps("/b:C"), Err(Problem::Prefix("b")));
    }
}
