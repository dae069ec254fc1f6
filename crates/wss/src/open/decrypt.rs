//! Everything that the reference lists name, decrypted: each element once, in the places that a policy encrypts.

use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{DerivedKeys, Layout, ProtectionOrder, SoapVersion};
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::encryption::{EncryptedData, Form, decrypt};
use nuncio_xmlsec::{Invalid, XENC};

use super::resolve::{Resolved, Use};
use super::{Decrypted, Opening};
use crate::envelope::may_be_hidden;
use crate::header::Item;
use crate::names::WSSE11;
use crate::refusal::{ENCRYPTS_UNDERIVED, Refusal};

/// What of that which is encrypted is decrypted.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Which {
    /// What is left.
    All,
    /// Children of the security header.
    Header,
    /// Children of the security header that the primary signature does not name: if it covers them, then as they were
    /// before.
    Later,
}

/// Where something encrypted stands.
enum Place {
    /// It is the body's content.
    Body,
    /// It is a child of the security header, with that position among the entries.
    Child(Option<usize>),
    /// It is that header block.
    Block(usize),
    /// It is within the body or a header block.
    Within,
}

/// An element that a reference list names.
struct Listed {
    id: String,
    /// The position of the list, or of the encrypted key that holds it.
    by: usize,
    /// Whether the list is within an encrypted key, which then is the key of elements that name none.
    in_key: bool,
}

impl Opening<'_> {
    /// Decrypts what the message lists as encrypted. A header block that comes out takes its place among `blocks`.
    pub(super) fn decrypt(
        &mut self,
        mut document: Document,
        body: NodeId,
        soap: SoapVersion,
        blocks: &mut [NodeId],
        which: Which,
    ) -> Result<Document, Refusal> {
        let first = self.demand.order() == Some(ProtectionOrder::EncryptBeforeSign);
        // All of it is there before anything is decrypted: one decryption never leads to another.
        let mut all = Vec::new();
        for listed in self.listed()? {
            let node = document.by_id(&listed.id).ok_or_else(|| Invalid::DanglingReference(listed.id.clone()))?;
            let in_header = document.parent(node).is_some_and(|parent| self.header.is(parent));
            let was_signed = self.uncovered.as_ref().is_some_and(|primary| primary.authentic.names(&listed.id));
            let wanted = match which {
                Which::All => true,
                Which::Header => in_header,
                Which::Later => in_header && !was_signed,
            };
            if wanted && !self.decrypted.iter().any(|decrypted| decrypted.was == node) {
                all.push((listed, node));
            }
        }
        for (listed, node) in all {
            if !document.is(node, XENC, "EncryptedData") {
                return Err(Refusal::header("DataReference", "names something that is not encrypted"));
            }
            let data = EncryptedData::read(&document, node, &self.accepted)?;
            let place = self.place(&document, &data, body, blocks)?;
            let position = if let Place::Child(position) = place { position } else { None };
            if position.is_some() {
                self.check_list_position(listed.by, position)?;
            }
            let (form, parent) = (data.form, document.parent(node).unwrap_or(body));
            let key = self.decryption_key(&document, &data, &listed, position)?;
            let (next, nodes) = decrypt(document, data, &key)?;
            document = next;
            if let Some(at) = position {
                let &[now] = nodes.as_slice() else {
                    return Err(Refusal::header("EncryptedData", "does not hide one element"));
                };
                self.header.replace(at, &document, now, &self.accepted, self.limits)?;
                // Where the signatures were read before, one that comes out now would be held against nothing.
                let are_to_read = which == Which::Header && self.primary.is_none();
                if first && !are_to_read && matches!(self.header.entries[at].item, Item::Signature) {
                    return Err(Refusal::header("EncryptedData", "hides a signature where the policy does not"));
                }
            }
            if let Place::Block(block) = place {
                blocks[block] = self.hidden_block(&document, &nodes, soap)?;
            }
            let from = nodes.first().copied().or_else(|| self.decrypted.last().map(|last| last.from));
            self.decrypted.push(Decrypted { form, was: node, from: from.unwrap_or(node), now: nodes, parent });
        }
        Ok(document)
    }

    /// Where something encrypted stands: there must be some place there that the policy encrypts.
    fn place(
        &self,
        document: &Document,
        data: &EncryptedData,
        body: NodeId,
        blocks: &[NodeId],
    ) -> Result<Place, Refusal> {
        let (node, form, parts) = (data.node, data.form, self.demand.parts);
        let parent = document.parent(node);
        let alone = || parent.is_some_and(|parent| document.children(parent).all(|child| child == node));
        if parent.is_some_and(|parent| self.header.is(parent)) && form == Form::Element {
            return Ok(Place::Child(self.header.position(node)));
        }
        if parent == Some(body) && (form == Form::Content || parts.encrypted_elements.is_empty()) {
            // The one way in which a body is encrypted: its content, all of it.
            return if form == Form::Content && alone() {
                Ok(Place::Body)
            } else {
                Err(Refusal::header("EncryptedData", "stands for something other than the body's content"))
            };
        }
        let is_wrapper = |block| Some(block) == parent && document.is(block, WSSE11, "EncryptedHeader");
        let block = blocks.iter().position(|&block| block == node || is_wrapper(block));
        if let (Some(at), Form::Element, true) = (block, form, self.demand.may_hide_blocks()) {
            return if blocks[at] == node || document.elements(blocks[at]).all(|child| child == node) {
                Ok(Place::Block(at))
            } else {
                Err(Refusal::header("EncryptedHeader", "is not one encrypted element"))
            };
        }
        let wanted = match form {
            Form::Element => !parts.encrypted_elements.is_empty(),
            Form::Content => !parts.content_encrypted_elements.is_empty() && alone(),
        };
        let mut above = std::iter::successors(parent, |&node| document.parent(node));
        if wanted && block.is_none() && above.any(|node| node == body || blocks.contains(&node)) {
            Ok(Place::Within)
        } else {
            Err(Refusal::header("EncryptedData", "stands where the policy encrypts nothing"))
        }
    }

    /// The header block that came out of an encrypted one: of a kind that the policy encrypts.
    fn hidden_block(&self, document: &Document, nodes: &[NodeId], soap: SoapVersion) -> Result<NodeId, Refusal> {
        let &[node] = nodes else { return Err(Refusal::header("EncryptedData", "does not hide one element")) };
        let name = document.name(node);
        let parts = self.demand.parts;
        // What a path must lead to is looked at when all is there.
        let wanted = parts.encrypted.has_header(name.namespace, name.local) || !parts.encrypted_elements.is_empty();
        if wanted && may_be_hidden(document, node, soap) {
            Ok(node)
        } else {
            Err(Refusal::header("EncryptedData", "hides a header block that the policy does not encrypt"))
        }
    }

    /// What the lists name, each once.
    fn listed(&self) -> Result<Vec<Listed>, Refusal> {
        let mut all: Vec<Listed> = Vec::new();
        for (by, entry) in self.header.entries.iter().enumerate() {
            let (ids, in_key) = match &entry.item {
                Item::References(ids) => (ids, false),
                Item::EncryptedKey(key) => (&key.references, true),
                _ => continue,
            };
            for id in ids {
                if all.iter().any(|other| other.id == *id) {
                    return Err(Refusal::header("DataReference", "names an element twice"));
                }
                if all.len() == self.limits.encrypted_data {
                    let limit = self.limits.encrypted_data;
                    return Err(Refusal::TooMany { what: "encrypted elements", limit });
                }
                all.push(Listed { id: id.clone(), by, in_key });
            }
        }
        Ok(all)
    }

    /// Under a strict layout, a list comes before what it lists where that is signed first.
    fn check_list_position(&self, list: usize, position: Option<usize>) -> Result<(), Refusal> {
        let before = self.demand.order() == Some(ProtectionOrder::SignBeforeEncrypt);
        if self.demand.layout() == Layout::Strict && before && position.is_some_and(|position| list > position) {
            return Err(Refusal::Layout("a reference list comes after what it lists"));
        }
        Ok(())
    }

    fn decryption_key(
        &self,
        document: &Document,
        data: &EncryptedData,
        listed: &Listed,
        position: Option<usize>,
    ) -> Result<Secret, Refusal> {
        let user = position.map_or(Use::Body, Use::Child);
        let Resolved { secret, root, derived, .. } = match data.key_info {
            Some(key_info) => self.key_info(document, key_info, user)?,
            None if listed.in_key => self.token(document, listed.by)?,
            None => return Err(Refusal::header("EncryptedData", "names no key")),
        };
        if Some(root) != self.encryption_root() {
            return Err(Refusal::KeyReference("encrypts under another token than the policy's"));
        }
        if self.demand.derived_keys() != DerivedKeys::None && !derived {
            return Err(Refusal::KeyReference(ENCRYPTS_UNDERIVED));
        }
        let size = data.key_size();
        if secret.len() == size {
            Ok(secret)
        } else if !derived && secret.len() > size {
            // A session key may be longer than the cipher's; stacks agree on its first octets.
            Ok(Secret::new(secret.expose()[..size].to_vec()))
        } else {
            Err(Refusal::KeyReference("is of another length than the cipher's"))
        }
    }
}
