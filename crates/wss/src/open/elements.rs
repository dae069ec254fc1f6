//! Encrypted elements, held against the paths of the policy (WS-SecurityPolicy 1.2, section 4.2).

use std::collections::HashSet;

use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::encryption::Form;

use super::Opening;
use crate::elements;
use crate::envelope::Envelope;
use crate::refusal::Refusal;

impl Opening<'_> {
    /// Every element that a path leads to came out of an encrypted one, or is within what did, but for those of the security
    /// header, of which the policy speaks otherwise. And nothing came out that no part and no path asks for.
    pub(super) fn check_encrypted_elements(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let (document, parts) = (&envelope.document, self.demand.parts);
        if parts.encrypted_elements.is_empty() && parts.content_encrypted_elements.is_empty() {
            // Nothing was decrypted but the body, header blocks that are parts, and children of the security header.
            return Ok(());
        }
        let mut hidden: HashSet<NodeId> = self.decrypted.iter().flat_map(|decrypted| &decrypted.now).copied().collect();
        let with_hidden_content: HashSet<NodeId> =
            self.of_form(Form::Content).map(|(parent, _)| parent).filter(|&parent| parent != envelope.body).collect();
        let (mut wanted, mut wanted_contents) = (HashSet::new(), HashSet::new());
        for path in &parts.encrypted_elements {
            for node in elements::at(document, path) {
                wanted.insert(node);
                if !self.is_hidden(document, node, &mut hidden) {
                    return Err(Refusal::NotEncrypted(path.text.clone()));
                }
            }
        }
        for path in &parts.content_encrypted_elements {
            for node in elements::at(document, path) {
                wanted_contents.insert(node);
                if !with_hidden_content.contains(&node) && !self.is_hidden(document, node, &mut hidden) {
                    return Err(Refusal::NotEncrypted(path.text.clone()));
                }
            }
        }
        let is_block = |node: &NodeId| {
            let name = document.name(*node);
            envelope.blocks.contains(node) && parts.encrypted.has_header(name.namespace, name.local)
        };
        let mut elements = self.of_form(Form::Element).filter(|(parent, _)| *parent != self.header.node);
        if elements.all(|(_, nodes)| nodes.iter().all(|node| wanted.contains(node) || is_block(node)))
            && with_hidden_content.is_subset(&wanted_contents)
        {
            Ok(())
        } else {
            Err(Refusal::header("EncryptedData", "hides an element that the policy does not encrypt"))
        }
    }

    /// What was decrypted of a form: in which element, and what came out.
    fn of_form(&self, form: Form) -> impl Iterator<Item = (NodeId, &[NodeId])> {
        let decrypted = self.decrypted.iter().filter(move |decrypted| decrypted.form == form);
        decrypted.map(|decrypted| (decrypted.parent, decrypted.now.as_slice()))
    }

    /// Whether an element is one of those that came out of encrypted ones, or within one, or in the security header. What is
    /// found to be is added to them: each element is climbed over once.
    fn is_hidden(&self, document: &Document, node: NodeId, hidden: &mut HashSet<NodeId>) -> bool {
        let mut climbed = Vec::new();
        let mut at = Some(node);
        while let Some(node) = at.filter(|node| !hidden.contains(node) && *node != self.header.node) {
            climbed.push(node);
            at = document.parent(node);
        }
        if at.is_some() {
            hidden.extend(climbed);
        }
        at.is_some()
    }
}
