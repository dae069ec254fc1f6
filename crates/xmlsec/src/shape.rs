//! Reading elements whose children come in a fixed sequence: anything else is refused.

use std::borrow::Cow;

use nuncio_xml::{Document, Kind, NodeId};

use crate::Invalid;

/// The children of an element, taken one after the other.
pub(crate) struct Children<'a> {
    document: &'a Document,
    of: &'static str,
    next: Option<NodeId>,
}

impl<'a> Children<'a> {
    /// The element children of `parent`; text other than white space, and comments, are refused.
    pub(crate) fn of(document: &'a Document, parent: NodeId, of: &'static str) -> Result<Self, Invalid> {
        for child in document.children(parent) {
            match document.kind(child) {
                Kind::Element => {}
                Kind::Text if document.is_whitespace(child) => {}
                Kind::Text | Kind::Comment => return Err(Invalid::malformed(of, "holds text or a comment")),
            }
        }
        Ok(Self { document, of, next: document.elements(parent).next() })
    }

    /// Takes the next child if it has that name.
    pub(crate) fn optional(&mut self, namespace: &str, local: &str) -> Option<NodeId> {
        let node = self.next.filter(|&node| self.document.is(node, namespace, local))?;
        self.next = self.document.next_element(node);
        Some(node)
    }

    /// Takes the next child, which must have that name.
    pub(crate) fn required(&mut self, namespace: &str, local: &str) -> Result<NodeId, Invalid> {
        self.optional(namespace, local).ok_or(Invalid::malformed(self.of, "lacks a child, or has it out of order"))
    }

    /// Refuses children that are left.
    pub(crate) fn end(self) -> Result<(), Invalid> {
        if self.next.is_some() { Err(Invalid::malformed(self.of, "has a child that it must not have")) } else { Ok(()) }
    }
}

/// The `Algorithm` attribute of an element.
pub(crate) fn algorithm<'a>(document: &'a Document, node: NodeId, of: &'static str) -> Result<Cow<'a, str>, Invalid> {
    document.attribute(node, "", "Algorithm").ok_or(Invalid::malformed(of, "has no Algorithm"))
}

/// The octets that an element holds as base64, and nothing else.
pub(crate) fn octets(document: &Document, node: NodeId, of: &'static str) -> Result<Vec<u8>, Invalid> {
    let text = document.only_text(node).ok_or(Invalid::malformed(of, "holds more than text"))?;
    nuncio_crypto::base64::decode(&text).map_err(|_| Invalid::malformed(of, "is not base64"))
}

/// A same-document reference to that id.
pub(crate) fn uri(id: &str) -> String {
    ["#", id].concat()
}

/// The id within a same-document reference (`#id`); nothing else is followed.
pub(crate) fn fragment<'a>(uri: &'a str, of: &'static str) -> Result<&'a str, Invalid> {
    match uri.strip_prefix('#') {
        Some(id) if !id.is_empty() && !id.contains(['(', ')', '#', '%', ' ']) => Ok(id),
        _ => Err(Invalid::malformed(of, "refers to something other than an element by its id")),
    }
}
