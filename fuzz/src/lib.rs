//! What the fuzz targets have in common: limits, laws, and messages that are sound to begin with.

#![allow(clippy::missing_panics_doc, clippy::panic, clippy::expect_used, reason = "a panic is what a target finds")]

pub mod edit;
#[path = "../../crates/wss/tests/ends/mod.rs"]
pub mod ends;
pub mod recorded;

use nuncio_xml::{Document, Limits, NodeId, exclusive};

/// As the gateway has them, but for depth and numbers, which are low so that they are met.
pub const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    depth: 48,
    attributes: 32,
    attribute_bytes: 1 << 14,
    declarations: 16,
    declarations_in_scope: 64,
    elements: 2000,
    children: 500,
    name_bytes: 128,
    names: 1000,
    text_bytes: 1 << 18,
};

/// The canonical form of an element.
pub fn canonical(document: &Document, node: NodeId) -> Vec<u8> {
    let mut octets = Vec::new();
    exclusive(document, node, &[], &mut octets);
    octets
}

/// Canonical form is read back as what it is the form of, and is its own.
pub fn check_canonical(document: &Document, node: NodeId) {
    let once = canonical(document, node);
    assert!(once.starts_with(b"<"), "the canonical form of an element is one");
    // References written out, and declarations, may exceed a limit that the source met.
    let wide = Limits {
        bytes: usize::MAX,
        attribute_bytes: usize::MAX,
        text_bytes: usize::MAX,
        declarations: usize::MAX,
        declarations_in_scope: usize::MAX,
        names: usize::MAX,
        ..LIMITS
    };
    let again = Document::read(once.clone(), &wide).expect("canonical form is well-formed");
    assert!(canonical(&again, again.root()) == once, "canonical form is its own");
}

/// Asks a document everything that may be asked of it.
pub fn visit(document: &Document) {
    let mut waiting = vec![document.root()];
    while let Some(node) = waiting.pop() {
        let name = document.name(node);
        assert!(document.is(node, name.namespace, name.local));
        let _ = (document.prefix(node), document.text(node), document.only_text(node), document.in_scope(node));
        for attribute in document.attributes(node) {
            let value = document.attribute(node, attribute.namespace, attribute.local);
            assert!(value.is_some(), "an attribute that is there is found");
        }
        if let Some(id) = document.id(node) {
            assert!(document.by_id(&id) == Some(node), "an id leads to its element");
        }
        for child in document.children(node) {
            assert!(document.parent(child) == Some(node), "a child has its parent");
        }
        waiting.extend(document.elements(node));
    }
}
