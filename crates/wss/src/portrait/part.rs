//! Which part of a message an element is.

use std::fmt;

use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::{DSIG, XENC};

use crate::addressing::is_addressing;
use crate::names::{WSSE, WSSE11, WSU};
use crate::token::reference::Reference;

/// A part of a message, as people call it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// The body.
    Body,
    /// All that is in the body.
    BodyContent,
    /// A header block.
    Header {
        /// Its namespace.
        namespace: String,
        /// Its local name.
        local: String,
    },
    /// The timestamp.
    Timestamp,
    /// A signature, by its position among them, from one.
    Signature(usize),
    /// A token in the security header.
    Token(String),
    /// A signature confirmation.
    Confirmation,
    /// A child of the security header of which it cannot be seen what it is.
    HiddenChild,
    /// A header block of which it cannot be seen what it is.
    HiddenHeader,
    /// An element within the body or a header block.
    Element(String),
    /// Nothing has the id.
    Nothing(String),
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => out.write_str("the body"),
            Self::BodyContent => out.write_str("the body's content"),
            Self::Header { local, .. } => write!(out, "header {local}"),
            Self::Timestamp => out.write_str("the timestamp"),
            Self::Signature(1) => out.write_str("the first signature"),
            Self::Signature(2) => out.write_str("the second signature"),
            Self::Signature(number) => write!(out, "signature {number}"),
            Self::Token(name) => write!(out, "the {name}"),
            Self::Confirmation => out.write_str("the signature confirmation"),
            Self::HiddenChild => out.write_str("something encrypted in the security header"),
            Self::HiddenHeader => out.write_str("an encrypted header"),
            Self::Element(name) => write!(out, "the element {name}"),
            Self::Nothing(id) => write!(out, "{id:?}, an id that nothing has"),
        }
    }
}

/// Something that a signature covers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Covered {
    pub(super) node: Option<NodeId>,
}

impl Covered {
    /// Whether it is all that is in `node`, as it was encrypted.
    pub(super) fn within(&self, document: &Document, node: NodeId) -> bool {
        self.node.is_some_and(|own| document.is(own, XENC, "EncryptedData") && document.parent(own) == Some(node))
    }
}

/// Where the parts of a message are.
pub(super) struct Places {
    pub(super) header: Option<NodeId>,
    pub(super) body: NodeId,
    pub(super) securities: Vec<NodeId>,
    /// Header blocks that are no security header. An encrypted one stays what it was.
    pub(super) blocks: Vec<NodeId>,
}

impl Places {
    /// Notes what came out of a header block that was encrypted.
    pub(super) fn replace(&mut self, was: NodeId, now: &[NodeId]) {
        if let (Some(block), [now]) = (self.blocks.iter_mut().find(|block| **block == was), now) {
            *block = *now;
        }
    }

    /// The children of the security headers, as they are now.
    pub(super) fn children<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = NodeId> + 'a {
        self.securities.iter().flat_map(|&security| document.elements(security))
    }

    /// Which part an element is.
    pub(super) fn part(&self, document: &Document, node: NodeId) -> Part {
        let name = document.name(node);
        let parent = document.parent(node);
        let is_encrypted = document.is(node, XENC, "EncryptedData");
        if node == self.body {
            return Part::Body;
        }
        if is_encrypted && parent == Some(self.body) {
            return Part::BodyContent;
        }
        if parent.is_some_and(|parent| self.securities.contains(&parent)) {
            return match (name.namespace, name.local) {
                _ if is_encrypted => Part::HiddenChild,
                (DSIG, "Signature") => {
                    let signatures = self.children(document).filter(|&child| super::is_signature(document, child));
                    Part::Signature(signatures.take_while(|&other| other != node).count() + 1)
                }
                (WSU, "Timestamp") => Part::Timestamp,
                (WSSE11, "SignatureConfirmation") => Part::Confirmation,
                _ => Part::Token(token_name(document, node)),
            };
        }
        let in_wrapper = parent.is_some_and(|parent| document.is(parent, WSSE11, "EncryptedHeader"));
        if parent == self.header && parent.is_some() || in_wrapper {
            if is_encrypted || document.is(node, WSSE11, "EncryptedHeader") {
                return Part::HiddenHeader;
            }
            return Part::Header { namespace: name.namespace.to_owned(), local: name.local.to_owned() };
        }
        Part::Element(name.local.to_owned())
    }

    /// The part that a signature covers by the STR-Transform: the token that the reference at `node` refers to.
    pub(super) fn referred(&self, document: &Document, node: NodeId) -> Part {
        match Reference::read(document, node) {
            Ok(Reference::Local(id)) => {
                document.by_id(&id).map_or(Part::Nothing(id), |token| self.part(document, token))
            }
            Ok(Reference::Certificate(_)) => Part::Token("certificate".to_owned()),
            Ok(_) => Part::Token("token that is referred to".to_owned()),
            Err(_) => Part::Token("token of a reference that cannot be read".to_owned()),
        }
    }
}

/// What people call a token.
pub(super) fn token_name(document: &Document, node: NodeId) -> String {
    let name = document.name(node);
    match (name.namespace, name.local) {
        (WSSE, "UsernameToken") => "user name token".to_owned(),
        (WSSE, "BinarySecurityToken") => "certificate".to_owned(),
        (WSSE, "SecurityTokenReference") => "token reference".to_owned(),
        (XENC, "EncryptedKey") => "encrypted key".to_owned(),
        (XENC, "ReferenceList") => "list of what is encrypted".to_owned(),
        (_, "SecurityContextToken") => "security context token".to_owned(),
        (_, "DerivedKeyToken") => "derived key token".to_owned(),
        (_, "Assertion") => "SAML assertion".to_owned(),
        (_, local) => format!("{local} token"),
    }
}

impl Part {
    /// Whether it is that header of WS-Addressing.
    pub fn is_addressing(&self, wanted: &str) -> bool {
        matches!(self, Self::Header { namespace, local } if local == wanted && is_addressing(namespace))
    }
}

/// The header block that stands in the place of `block`: what came out of it, where it was encrypted.
pub(super) fn shown(document: &Document, block: NodeId) -> NodeId {
    if document.is(block, WSSE11, "EncryptedHeader") {
        return document.elements(block).next().unwrap_or(block);
    }
    block
}
