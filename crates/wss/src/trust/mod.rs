//! WS-Trust messages about security contexts ([WS-Trust 1.4] sections 4 and 7): read, and written as WCF writes them.

pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod secret;

use nuncio_xml::{Document, NodeId, Writer};

use self::secret::Written;
use crate::dialect::Dialect;
use crate::names::WSU;
use crate::time::Time;

/// Lengths of entropy and of keys that are taken, in octets.
pub(crate) const KEYS: std::ops::RangeInclusive<usize> = 16..=64;

/// The text of an element that holds nothing else.
fn text(document: &Document, node: NodeId) -> Option<String> {
    document.only_text(node).map(|text| text.trim_matches([' ', '\t', '\r', '\n']).to_owned())
}

/// The child of that name; `Err` where there are two.
pub(crate) fn child(document: &Document, parent: NodeId, namespace: &str, local: &str) -> Result<Option<NodeId>, ()> {
    let mut found = document.elements(parent).filter(|&child| document.is(child, namespace, local));
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        _ => Err(()),
    }
}

/// The instants in a `Lifetime`: when it begins, and when it ends. `Err` where one of them is none, or is there twice.
pub(crate) fn lifetime(document: &Document, node: NodeId) -> Result<(Option<Time>, Option<Time>), ()> {
    let instant = |local| {
        child(document, node, WSU, local)?
            .map(|node| text(document, node).and_then(|text| Time::parse(&text)).ok_or(()))
            .transpose()
    };
    Ok((instant("Created")?, instant("Expires")?))
}

/// Writes an `Entropy` with that secret.
fn write_entropy(writer: &mut Writer, dialect: &Dialect, id: &str, entropy: &Written) {
    writer.start(dialect.prefixes.0, dialect.trust, "Entropy");
    entropy.write(writer, dialect, id, Some(&dialect.nonce()));
    writer.end();
}

/// Writes an element with text.
fn write_text(writer: &mut Writer, prefix: &str, namespace: &str, local: &str, text: &str) {
    writer.start(prefix, namespace, local);
    writer.text(text);
    writer.end();
}
