//! What is encrypted, and what comes out of it with the keys at hand.

use std::collections::HashMap;

use nuncio_crypto::algorithm::CipherAlgorithm;
use nuncio_crypto::secret::Secret;
use nuncio_policy::explain::algorithms;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::XENC;
use nuncio_xmlsec::encryption::{EncryptedData, EncryptedKey, Form, decrypt, read_reference_list};

use super::{KeyName, Looking, Named, NoKey, Part, Proof};
use crate::refusal::Refusal;

/// How many elements may fail to open before no other is tried: each costs reading the message anew.
const FAILURES: usize = 4;

/// Something encrypted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hidden {
    /// What it stands for, as far as that can be seen.
    pub part: Part,
    /// Its algorithm, in words.
    pub algorithm: String,
    /// The same, if it is built.
    pub cipher: Option<CipherAlgorithm>,
    /// The key.
    pub key: KeyName,
    /// Whether it opened.
    pub proof: Proof,
    /// The elements that came out.
    pub reveals: Vec<Named>,
    /// Whether a list names it: what none names is not decrypted by those who read it.
    pub listed: bool,
    /// What is in the place of what.
    pub(super) node: NodeId,
    parent: Option<NodeId>,
    content: bool,
}

impl Hidden {
    /// Whether it is all of `node`, or all that is in it.
    pub(super) fn stands_for(&self, document: &Document, node: NodeId) -> bool {
        self.node == node
            || self.content && self.parent == Some(node)
            || self.parent == Some(node) && { document.name(node).local == "EncryptedHeader" }
    }
}

impl Looking<'_> {
    /// Opens what can be opened, and describes all that is encrypted.
    pub(super) fn open_all(mut self) -> Result<(Self, Vec<Hidden>), Refusal> {
        let mut all: Vec<Hidden> = Vec::new();
        let mut failures = 0;
        loop {
            let room = self.limits.encrypted_data.saturating_sub(all.len());
            let next: Vec<NodeId> = encrypted(&self.document)
                .into_iter()
                .filter(|node| !all.iter().any(|seen| seen.node == *node))
                .take(room)
                .collect();
            if next.is_empty() {
                return Ok((self, all));
            }
            let lists = self.lists();
            for node in next {
                let (mut hidden, key) = self.see(node, &lists);
                let key = if failures < FAILURES { key } else { Err(NoKey::NotGiven) };
                match key {
                    Err(why) => hidden.proof = why.proof(),
                    Ok(key) => {
                        let opened;
                        (self, opened) = self.open(node, key)?;
                        match opened {
                            Ok(nodes) => {
                                hidden.proof = Proof::Good;
                                let document = &self.document;
                                let elements =
                                    nodes.iter().filter(|node| document.kind(**node) == nuncio_xml::Kind::Element);
                                hidden.reveals = elements.map(|node| named(document, *node)).collect();
                                if !hidden.content
                                    && let [only] = nodes[..]
                                {
                                    hidden.part = self.places.part(document, only);
                                }
                                self.places.replace(node, &nodes);
                            }
                            Err(why) => {
                                hidden.proof = Proof::Bad(why);
                                failures += 1;
                            }
                        }
                    }
                }
                all.push(hidden);
            }
        }
    }

    /// What an `EncryptedData` says of itself, and the key that it names.
    fn see(&mut self, node: NodeId, lists: &HashMap<String, Option<NodeId>>) -> (Hidden, Result<Secret, NoKey>) {
        let id = self.document.id(node).map(std::borrow::Cow::into_owned).unwrap_or_default();
        let listed = lists.get(&id);
        let mut hidden = Hidden {
            part: self.places.part(&self.document, node),
            algorithm: "an algorithm that is not known".to_owned(),
            cipher: None,
            key: KeyName::unknown("a key that it does not name"),
            proof: Proof::Untried,
            reveals: Vec::new(),
            listed: listed.is_some(),
            node,
            parent: self.document.parent(node),
            content: false,
        };
        let data = match EncryptedData::read(&self.document, node, &self.accepted) {
            Ok(data) => data,
            Err(invalid) => return (hidden, Err(NoKey::Wrong(invalid.to_string()))),
        };
        algorithms::cipher(data.cipher()).clone_into(&mut hidden.algorithm);
        hidden.cipher = Some(data.cipher());
        hidden.content = data.form == Form::Content;
        let key = match (data.key_info, listed) {
            (Some(key_info), _) => {
                hidden.key = self.name_of_key_info(key_info);
                self.key_of_key_info(key_info)
            }
            (None, Some(Some(owner))) => {
                let owner = *owner;
                hidden.key = self.name_of_encrypted_key(owner, 2);
                self.unwrapped(owner, 2)
            }
            (None, _) => Err(NoKey::Wrong("it names no key".to_owned())),
        };
        let size = data.key_size();
        let key = key.and_then(|secret| match secret.len() {
            length if length == size => Ok(secret),
            // Stacks agree on the first octets of a longer one.
            length if length > size => Ok(Secret::new(secret.expose()[..size].to_vec())),
            length => Err(NoKey::Wrong(format!("its key has {length} octets in place of {size}"))),
        });
        (hidden, key)
    }

    /// The ids that lists name, each with the encrypted key that holds the list.
    fn lists(&self) -> HashMap<String, Option<NodeId>> {
        let mut lists = HashMap::new();
        let (document, limit) = (&self.document, self.limits.encrypted_data);
        for child in self.places.children(document) {
            if document.is(child, XENC, "ReferenceList") {
                let ids = read_reference_list(document, child, limit).unwrap_or_default();
                lists.extend(ids.into_iter().map(|id| (id, None)));
            } else if document.is(child, XENC, "EncryptedKey")
                && let Ok(key) = EncryptedKey::read(document, child, &self.accepted, limit)
            {
                lists.extend(key.references.into_iter().map(|id| (id, Some(child))));
            }
        }
        lists
    }

    /// Opens one of them. What does not open leaves the message as it was.
    fn open(mut self, node: NodeId, key: Secret) -> Result<(Self, Result<Vec<NodeId>, String>), Refusal> {
        let data = match EncryptedData::read(&self.document, node, &self.accepted) {
            Ok(data) => data,
            Err(invalid) => return Ok((self, Err(invalid.to_string()))),
        };
        match decrypt(self.document, data, &key) {
            Ok((document, nodes)) => {
                self.document = document;
                self.opened.push((node, key));
                Ok((self, Ok(nodes)))
            }
            Err(invalid) => {
                // It took the document with it: what was opened before is opened again.
                let mut document = Document::read_in(self.octets.clone(), self.encoding, &self.limits.xml)?;
                for (node, key) in &self.opened {
                    let data = EncryptedData::read(&document, *node, &self.accepted)?;
                    document = decrypt(document, data, key)?.0;
                }
                self.document = document;
                Ok((self, Err(invalid.to_string())))
            }
        }
    }

    /// Whether anything within `node` is still encrypted.
    pub(super) fn hides_something(&self, node: NodeId) -> bool {
        within(&self.document, node, usize::MAX).iter().any(|&node| self.document.is(node, XENC, "EncryptedData"))
    }

    /// Whether anything is still encrypted.
    pub(super) fn is_sealed(&self) -> bool {
        !encrypted(&self.document).is_empty()
    }
}

/// Everything encrypted, in document order.
fn encrypted(document: &Document) -> Vec<NodeId> {
    let mut all = within(document, document.root(), usize::MAX);
    all.retain(|&node| document.is(node, XENC, "EncryptedData"));
    all
}

/// An element and those within it, in document order; what is within something encrypted is its own.
fn within(document: &Document, node: NodeId, most: usize) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop()
        && found.len() < most
    {
        found.push(node);
        if !document.is(node, XENC, "EncryptedData") {
            let mut children: Vec<NodeId> = document.elements(node).collect();
            children.reverse();
            open.extend(children);
        }
    }
    found
}

fn named(document: &Document, node: NodeId) -> Named {
    let name = document.name(node);
    Named { namespace: name.namespace.to_owned(), local: name.local.to_owned() }
}
