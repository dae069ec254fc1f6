//! Elements that are encrypted where they stand (WS-SecurityPolicy 1.2, section 4.2.2: `EncryptedElements`, and
//! `ContentEncryptedElements`).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use nuncio_crypto::random::Random;
use nuncio_policy::model::Parts;
use nuncio_xml::{Document, Fragment, NodeId, Set, Substitute, Writer};
use nuncio_xmlsec::encryption::Form;

use super::protect::{Hiding, Plain, Protecting};
use super::{Block, Content, Ids, Outgoing, Piece, Seal, Unsealed};
use crate::demand::Demand;
use crate::elements;
use crate::names::WSU;

/// What is encrypted of a document: the outermost of the elements that the policy's paths lead to.
pub(super) struct Selected<'a> {
    document: &'a Document,
    places: HashMap<NodeId, Fragment>,
    /// The elements that hold one of them.
    around: HashSet<NodeId>,
}

impl<'a> Selected<'a> {
    fn of(document: &'a Document, parts: &Parts) -> Self {
        let mut places = HashMap::new();
        for (paths, form) in
            [(&parts.content_encrypted_elements, Fragment::Content), (&parts.encrypted_elements, Fragment::Element)]
        {
            for path in paths {
                places.extend(elements::at(document, path).into_iter().map(|node| (node, form)));
            }
        }
        let mut around = HashSet::new();
        for &node in places.keys() {
            let above = std::iter::successors(document.parent(node), |&node| document.parent(node));
            // What is above an element is above all that it holds: each is climbed over once.
            for node in above {
                if !around.insert(node) {
                    break;
                }
            }
        }
        Self { document, places, around }
    }
}

/// What is encrypted of each document that a message is made of.
pub(super) struct Selections<'a>(Vec<Selected<'a>>);

impl<'a> Selections<'a> {
    pub(super) fn of(outgoing: &Outgoing<'a>, demand: &Demand<'_>) -> Self {
        let parts = demand.parts;
        let mut all: Vec<Selected<'a>> = Vec::new();
        let paths = !parts.encrypted_elements.is_empty() || !parts.content_encrypted_elements.is_empty();
        if !paths || demand.order().is_none() {
            return Self(all);
        }
        let content = match outgoing.content {
            Content::Copy(document, _) => Some(document),
            Content::Write(_) => None,
        };
        for document in content.into_iter().chain(outgoing.blocks.iter().map(|(document, _)| *document)) {
            if !all.iter().any(|selected| std::ptr::eq(selected.document, document)) {
                all.push(Selected::of(document, parts));
            }
        }
        Self(all)
    }

    fn in_document(&self, document: &Document) -> Option<&Selected<'a>> {
        self.0.iter().find(|selected| std::ptr::eq(selected.document, document))
    }

    /// Whether an element is encrypted with its start tag.
    pub(super) fn is_whole(&self, document: &Document, node: NodeId) -> bool {
        let place = self.in_document(document).and_then(|selected| selected.places.get(&node));
        place == Some(&Fragment::Element)
    }

    /// What is encrypted of a document, if something of it is within that element, or is all that it holds.
    pub(super) fn within(&self, document: &Document, node: NodeId) -> Option<&Selected<'a>> {
        let is_within =
            |selected: &&Selected<'_>| selected.around.contains(&node) || selected.places.contains_key(&node);
        self.in_document(document).filter(is_within)
    }
}

/// Encrypts elements while what is around them is copied.
struct Encryptor<'e, 'a> {
    seal: &'a Seal<'a>,
    selected: &'e Selected<'e>,
    ids: &'e mut Ids,
    random: &'e mut dyn Random,
    hiding: &'e mut Hiding,
    failed: Option<Unsealed>,
}

impl Substitute for Encryptor<'_, '_> {
    fn stands_for(&self, node: NodeId) -> Option<Fragment> {
        self.selected.places.get(&node).copied()
    }

    fn write(&mut self, writer: &mut Writer, node: NodeId, form: Fragment) {
        let id = self.ids.next();
        let plain = self.selected.document.fragment(node, form);
        let form = if form == Fragment::Element { Form::Element } else { Form::Content };
        if let Err(unsealed) = self.hiding.encrypt(writer, self.seal, self.random, &id, form, Plain::Octets(&plain)) {
            self.failed = Some(unsealed);
        }
    }
}

impl Protecting<'_> {
    /// Encrypts elements within the body.
    pub(super) fn encrypt_within_body(
        &mut self,
        id: &str,
        body: NodeId,
        selected: &Selected<'_>,
        hiding: &mut Hiding,
    ) -> Result<Range<usize>, Unsealed> {
        let start = self.start_body(id);
        for child in selected.document.children(body) {
            self.copy_encrypting(child, None, selected, hiding)?;
        }
        self.scratch.end();
        Ok(start..self.scratch.position())
    }

    /// Encrypts elements within a header block, or all that it holds.
    pub(super) fn encrypt_within_block(
        &mut self,
        block: &Block<'_>,
        node: NodeId,
        selected: &Selected<'_>,
        hiding: &mut Hiding,
    ) -> Result<Piece, Unsealed> {
        let id = block.piece.id.clone();
        self.scratch.apex();
        let start = self.scratch.position();
        let set =
            self.seal.covers_block(block.name).then_some(Set { prefix: "u", namespace: WSU, local: "Id", value: &id });
        self.copy_encrypting(node, set.as_ref(), selected, hiding)?;
        Ok(Piece { range: start..self.scratch.position(), id })
    }

    fn copy_encrypting(
        &mut self,
        node: NodeId,
        set: Option<&Set<'_>>,
        selected: &Selected<'_>,
        hiding: &mut Hiding,
    ) -> Result<(), Unsealed> {
        let Self { seal, ids, random, scratch, .. } = self;
        let mut encryptor = Encryptor { seal, selected, ids, random: &mut **random, hiding, failed: None };
        scratch.copy_but(selected.document, node, set, &mut encryptor);
        encryptor.failed.map_or(Ok(()), Err)
    }
}
