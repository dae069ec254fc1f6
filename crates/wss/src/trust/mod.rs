//! WS-Trust messages about security contexts ([WS-Trust 1.4] sections 4 and 7): read, and written as WCF writes them.

pub(crate) mod request;
pub(crate) mod response;

use nuncio_crypto::base64;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use crate::dialect::Dialect;
use crate::names::WSU;

/// Lengths of entropy and of keys that are taken, in octets.
pub(crate) const KEYS: std::ops::RangeInclusive<usize> = 16..=64;

/// The text of an element that holds nothing else.
fn text(document: &Document, node: NodeId) -> Option<String> {
    document.only_text(node).map(|text| text.trim_matches([' ', '\t', '\r', '\n']).to_owned())
}

/// The child of that name; `Err` where there are two.
fn child(document: &Document, parent: NodeId, namespace: &str, local: &str) -> Result<Option<NodeId>, ()> {
    let mut found = document.elements(parent).filter(|&child| document.is(child, namespace, local));
    match (found.next(), found.next()) {
        (found, None) => Ok(found),
        _ => Err(()),
    }
}

/// The octets of the `BinarySecret` in an `Entropy` or `RequestedProofToken`.
fn binary_secret(document: &Document, parent: NodeId, dialect: &Dialect) -> Option<Secret> {
    let secret = child(document, parent, dialect.trust, "BinarySecret").ok()??;
    let octets = base64::decode(&document.only_text(secret)?).ok()?;
    KEYS.contains(&octets.len()).then(|| Secret::new(octets))
}

/// Writes an `Entropy` with that secret.
fn write_entropy(writer: &mut Writer, dialect: &Dialect, id: &str, entropy: &Secret) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    writer.start(prefix, namespace, "Entropy");
    writer.start(prefix, namespace, "BinarySecret");
    writer.attribute_ns("u", WSU, "Id", id);
    writer.attribute("Type", &dialect.nonce());
    writer.text_with(|out| base64::encode_to(entropy.expose(), out));
    writer.end();
    writer.end();
}

/// Writes an element with text.
fn write_text(writer: &mut Writer, prefix: &str, namespace: &str, local: &str, text: &str) {
    writer.start(prefix, namespace, local);
    writer.text(text);
    writer.end();
}
