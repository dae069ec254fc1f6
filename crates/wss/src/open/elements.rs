//! Encrypted elements, held against the paths of the policy (WS-SecurityPolicy 1.2, section 4.2).

use std::collections::HashSet;

use nuncio_policy::model::{ElementPath, Step};
use nuncio_xml::NodeId;
use nuncio_xmlsec::XENC;
use nuncio_xmlsec::encryption::Form;

use super::Opening;
use crate::elements;
use crate::envelope::Envelope;
use crate::refusal::Refusal;

impl Opening<'_> {
    /// Every element that a path leads to came out of an encrypted one, or is within what did, but for those of the security
    /// header, of which the policy speaks otherwise. Nothing came out that no part and no path asks for, and nothing is still encrypted.
    pub(super) fn check_encrypted_elements(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let (document, parts) = (&envelope.document, self.demand.parts);
        if parts.encrypted_elements.is_empty() && parts.content_encrypted_elements.is_empty() {
            // Nothing was decrypted but the body, header blocks that are parts, and children of the security header.
            return Ok(());
        }
        let came_out: HashSet<NodeId> = self.decrypted.iter().flat_map(|decrypted| &decrypted.now).copied().collect();
        let with_hidden_content: HashSet<NodeId> =
            self.of_form(Form::Content).map(|(parent, _)| parent).filter(|&parent| parent != envelope.body).collect();
        let is_hidden = |node| came_out.contains(&node) || self.header.is(node);
        let has_hidden_content = |node| is_hidden(node) || with_hidden_content.contains(&node);
        let (mut within, mut within_contents) = (HashSet::new(), HashSet::new());
        for path in &parts.encrypted_elements {
            if !elements::are_covered(document, path, &mut within, is_hidden) {
                return Err(Refusal::NotEncrypted(path.text.clone()));
            }
        }
        for path in &parts.content_encrypted_elements {
            if !elements::are_covered(document, path, &mut within_contents, has_hidden_content) {
                return Err(Refusal::NotEncrypted(path.text.clone()));
            }
        }
        // No signature covers the lists: where one covers what is encrypted, an element that was struck off would stay so. What
        // came out is the sender's, and so is what is addressed to others.
        let passing: HashSet<NodeId> = envelope.passing.iter().map(|(_, block)| *block).collect();
        let is_told = |node| is_hidden(node) || passing.contains(&node);
        if !elements::are_covered(document, &still_encrypted(), &mut HashSet::new(), is_told) {
            return Err(Refusal::header("EncryptedData", "is not listed"));
        }
        let all = |paths: &[ElementPath]| -> HashSet<NodeId> {
            paths.iter().flat_map(|path| elements::at(document, path)).collect()
        };
        let (wanted, wanted_contents) = (all(&parts.encrypted_elements), all(&parts.content_encrypted_elements));
        let is_block = |node: &NodeId| {
            let name = document.name(*node);
            envelope.blocks.contains(node) && parts.encrypted.has_header(name.namespace, name.local)
        };
        let mut elements = self.of_form(Form::Element).filter(|(parent, _)| !self.header.is(*parent));
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
}

/// The path to all that is encrypted.
fn still_encrypted() -> ElementPath {
    let step = Step { anywhere_below: true, namespace: Some(XENC.to_owned()), local: Some("EncryptedData".to_owned()) };
    ElementPath { text: "//EncryptedData".to_owned(), steps: vec![step] }
}
