//! The tokens of a security header, read into values and written.

pub(crate) mod context;
pub(crate) mod derived;
pub(crate) mod reference;
pub(crate) mod salted;
pub(crate) mod username;
pub(crate) mod x509;

use nuncio_xml::{Document, Kind, NodeId};

use crate::refusal::Refusal;

/// The element children of a token; text other than white space, and comments, are refused.
pub(crate) fn elements(document: &Document, parent: NodeId, of: &'static str) -> Result<Vec<NodeId>, Refusal> {
    let mut elements = Vec::new();
    for child in document.children(parent) {
        match document.kind(child) {
            Kind::Element => elements.push(child),
            Kind::Text if document.is_whitespace(child) => {}
            Kind::Text | Kind::Comment => return Err(Refusal::header(of, "holds text or a comment")),
        }
    }
    Ok(elements)
}

/// The text of an element that holds nothing else, without white space around it.
pub(crate) fn text(document: &Document, node: NodeId, of: &'static str) -> Result<String, Refusal> {
    let text = document.only_text(node).ok_or(Refusal::header(of, "holds more than text"))?;
    Ok(text.trim_matches([' ', '\t', '\r', '\n']).to_owned())
}

/// The octets of an element that holds base64 and nothing else.
pub(crate) fn octets(document: &Document, node: NodeId, of: &'static str) -> Result<Vec<u8>, Refusal> {
    let text = document.only_text(node).ok_or(Refusal::header(of, "holds more than text"))?;
    nuncio_crypto::base64::decode(&text).map_err(|_| Refusal::header(of, "is not base64"))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A document for a test, with the usual prefixes declared around it; the node of that markup within.
    pub(crate) fn document(markup: &str) -> (Document, NodeId) {
        let namespaces = [
            ("o", crate::names::WSSE),
            ("u", crate::names::WSU),
            ("k", crate::names::WSSE11),
            ("ds", nuncio_xmlsec::DSIG),
            ("e", nuncio_xmlsec::XENC),
            ("t", crate::dialect::FEBRUARY_2005.trust),
            ("trust", crate::dialect::V13.trust),
            ("c", crate::dialect::FEBRUARY_2005.conversation),
            ("sc", crate::dialect::V13.conversation),
            ("a", crate::names::WSA10),
        ];
        let declared = namespaces.map(|(prefix, namespace)| format!(" xmlns:{prefix}=\"{namespace}\""));
        let declarations = declared.concat();
        let limits = nuncio_xml::Limits {
            bytes: 1 << 20,
            depth: 32,
            attributes: 32,
            attribute_bytes: 1 << 12,
            declarations: 32,
            declarations_in_scope: 64,
            elements: 1000,
            children: 100,
            name_bytes: 256,
            names: 1000,
            text_bytes: 1 << 20,
        };
        let xml = format!("<test{declarations}>{markup}</test>");
        let document = Document::read(xml.into_bytes(), &limits).expect("a document");
        let node = document.elements(document.root()).next().expect("an element");
        (document, node)
    }
}
