//! Two XML fragments compared by what they say: expanded names, attributes, text.
//!
//! Prefixes, the place of namespace declarations, comments, attribute order and `wsu:Id` say nothing. Where a value is a
//! qualified name it may be written with another prefix for the same namespace.

use roxmltree::{Document, Node};

const WSU: &str = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

/// The first difference, or why there is nothing to compare.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum Difference {
    /// Something differs.
    #[error("at {path}: {expected} expected, {actual} found")]
    At {
        /// Local names from the root, with numbers among the siblings.
        path: String,
        /// What the first fragment has.
        expected: String,
        /// What the second fragment has.
        actual: String,
    },
    /// A side has no SOAP body.
    #[error("the {0} message has no Body")]
    NoBody(&'static str),
    /// A side is not XML.
    #[error("the {0} side is not XML: {1}")]
    NotXml(&'static str, String),
}

/// Compares two documents.
pub fn documents(expected: &str, actual: &str) -> Result<(), Difference> {
    let (expected, actual) = (parse("expected", expected)?, parse("actual", actual)?);
    elements("", expected.root_element(), actual.root_element())
}

/// Compares what is in the SOAP bodies of two envelopes.
pub fn bodies(expected: &str, actual: &str) -> Result<(), Difference> {
    let (expected, actual) = (parse("expected", expected)?, parse("actual", actual)?);
    let (expected, actual) = (body("expected", &expected)?, body("actual", &actual)?);
    names("/Body", expected, actual)?;
    children("/Body", expected, actual)
}

fn parse<'i>(side: &'static str, text: &'i str) -> Result<Document<'i>, Difference> {
    Document::parse(text.trim_start_matches('\u{feff}')).map_err(|error| Difference::NotXml(side, error.to_string()))
}

fn body<'a, 'i>(side: &'static str, document: &'a Document<'i>) -> Result<Node<'a, 'i>, Difference> {
    let mut bodies =
        document.root_element().children().filter(|node| node.is_element() && node.tag_name().name() == "Body");
    bodies.next().ok_or(Difference::NoBody(side))
}

fn elements(path: &str, expected: Node<'_, '_>, actual: Node<'_, '_>) -> Result<(), Difference> {
    let path = format!("{path}/{}", expected.tag_name().name());
    names(&path, expected, actual)?;
    attributes(&path, expected, actual)?;
    children(&path, expected, actual)
}

fn names(path: &str, expected: Node<'_, '_>, actual: Node<'_, '_>) -> Result<(), Difference> {
    let name = |node: Node<'_, '_>| {
        format!("{{{}}}{}", node.tag_name().namespace().unwrap_or_default(), node.tag_name().name())
    };
    same(path, &name(expected), &name(actual))
}

fn attributes(path: &str, expected: Node<'_, '_>, actual: Node<'_, '_>) -> Result<(), Difference> {
    let list = |node: Node<'_, '_>| {
        let said = node.attributes().filter(|of| of.namespace() != Some(WSU) || of.name() != "Id");
        let mut list: Vec<_> = said
            .map(|of| (format!("{{{}}}{}", of.namespace().unwrap_or_default(), of.name()), of.value().to_owned()))
            .collect();
        list.sort();
        list
    };
    let (expected_list, actual_list) = (list(expected), list(actual));
    let names = |list: &[(String, String)]| list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ");
    same(&format!("{path}/attributes"), &names(&expected_list), &names(&actual_list))?;
    for ((name, expected_value), (_, actual_value)) in expected_list.iter().zip(&actual_list) {
        values(&format!("{path}/@{name}"), (expected, expected_value), (actual, actual_value))?;
    }
    Ok(())
}

fn children(path: &str, expected: Node<'_, '_>, actual: Node<'_, '_>) -> Result<(), Difference> {
    let (expected_list, actual_list) = (pieces(expected), pieces(actual));
    for (n, pair) in expected_list.iter().zip(&actual_list).enumerate() {
        match pair {
            (Piece::Element(a), Piece::Element(b)) => elements(&format!("{path}[{}]", n + 1), *a, *b)?,
            (Piece::Text(a), Piece::Text(b)) => values(path, (expected, a), (actual, b))?,
            (a, b) => same(path, &a.said(), &b.said())?,
        }
    }
    let more = |list: &[Piece<'_, '_>]| list.len().to_string() + " children";
    same(path, &more(&expected_list), &more(&actual_list))
}

/// A child that says something; adjacent texts are one.
enum Piece<'a, 'i> {
    Element(Node<'a, 'i>),
    Text(String),
}

impl Piece<'_, '_> {
    fn said(&self) -> String {
        match self {
            Self::Element(node) => format!("<{}>", node.tag_name().name()),
            Self::Text(text) => format!("text {text:?}"),
        }
    }
}

fn pieces<'a, 'i>(of: Node<'a, 'i>) -> Vec<Piece<'a, 'i>> {
    let mut pieces = Vec::new();
    for node in of.children() {
        if node.is_element() {
            pieces.push(Piece::Element(node));
        } else if let (true, Some(text)) = (node.is_text(), node.text()) {
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(text),
                _ => pieces.push(Piece::Text(text.to_owned())),
            }
        }
    }
    pieces
}

/// Values are the same text, or the same qualified name.
fn values(
    path: &str,
    (expected_at, expected): (Node<'_, '_>, &str),
    (actual_at, actual): (Node<'_, '_>, &str),
) -> Result<(), Difference> {
    let qualified = |at: Node<'_, '_>, value: &str| {
        let (prefix, local) = value.trim().split_once(':')?;
        Some((at.lookup_namespace_uri(Some(prefix))?.to_owned(), local.to_owned()))
    };
    if expected != actual
        && qualified(expected_at, expected).is_some()
        && qualified(expected_at, expected) == qualified(actual_at, actual)
    {
        return Ok(());
    }
    same(path, &format!("{expected:?}"), &format!("{actual:?}"))
}

fn same(path: &str, expected: &str, actual: &str) -> Result<(), Difference> {
    if expected == actual {
        return Ok(());
    }
    // Long texts are shown from shortly before they part.
    let parting = expected.char_indices().zip(actual.chars()).find(|((_, a), b)| a != b).map_or(0, |((at, _), _)| at);
    let shown = |text: &str| {
        let from = text.char_indices().map(|(at, _)| at).take_while(|at| *at + 20 <= parting).last().unwrap_or(0);
        text[from..].chars().take(80).collect::<String>()
    };
    Err(Difference::At { path: path.to_owned(), expected: shown(expected), actual: shown(actual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_nothing_is_passed_over() {
        let expected = "<s:E xmlns:s='urn:s' xmlns:u='http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd'><s:Body u:Id='_0'><a xmlns='urn:a' xmlns:q='urn:q' y='1' x='q:n'>t&amp;<!--c--><![CDATA[u]]></a></s:Body></s:E>";
        let actual = "<t:E xmlns:t='urn:s'><t:Body><n:a xmlns:n='urn:a' xmlns:r='urn:q' x='r:n' y='1'>t&amp;u</n:a></t:Body></t:E>";
        assert_eq!(bodies(expected, actual), Ok(()));
        assert_eq!(documents(expected, expected), Ok(()));
    }

    #[test]
    fn what_says_something_is_found() {
        let at = |expected: &str, actual: &str| match documents(expected, actual) {
            Err(Difference::At { path, .. }) => path,
            other => panic!("{other:?}"),
        };
        assert_eq!(at("<a/>", "<b/>"), "/a");
        assert_eq!(at("<a/>", "<a xmlns='urn:x'/>"), "/a");
        assert_eq!(at("<a><b/><c/></a>", "<a><b/><d/></a>"), "/a[2]/c");
        assert_eq!(at("<a><b/></a>", "<a><b/><c/></a>"), "/a");
        assert_eq!(at("<a>x</a>", "<a>x </a>"), "/a");
        assert_eq!(at("<a x='1'/>", "<a x='2'/>"), "/a/@{}x");
        assert_eq!(at("<a x='1'/>", "<a y='1'/>"), "/a/attributes");
        assert_eq!(at("<a x='q:n' xmlns:q='urn:q'/>", "<a x='q:n' xmlns:q='urn:q' z='1'/>"), "/a/attributes");
        assert_eq!(at("<a x='q:n' xmlns:q='urn:q'/>", "<a x='r:n' xmlns:r='urn:r'/>"), "/a/@{}x");
        assert_eq!(at("<a> <b/></a>", "<a><b/> </a>"), "/a");
        assert!(matches!(bodies("<E/>", "<E><Body/></E>"), Err(Difference::NoBody("expected"))));
    }
}
