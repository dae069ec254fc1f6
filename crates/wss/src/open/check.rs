//! What was proved, held against what the policy demands.

use std::collections::HashSet;

use nuncio_policy::model::{Addressing, Layout, ProtectionOrder};
use nuncio_xml::NodeId;
use nuncio_xmlsec::XENC;
use nuncio_xmlsec::encryption::Form;
use nuncio_xmlsec::signature::Verified;

use super::{Confirm, Decrypted, Opening, Primary};
use crate::addressing::is_addressing;
use crate::elements;
use crate::envelope::Envelope;
use crate::header::{Entry, Item};
use crate::refusal::{CONFIRMS_NOTHING, CONFIRMS_OTHERS, Refusal};

impl Opening<'_> {
    /// The order of the children, beyond declaration before use.
    pub(super) fn check_layout(&self, timestamp: Option<NodeId>) -> Result<(), Refusal> {
        let children = &self.header.entries;
        // What was listed has been replaced by what came out of it.
        if children.iter().any(|entry| matches!(entry.item, Item::Encrypted)) {
            return Err(Refusal::header("EncryptedData", "is not listed"));
        }
        let timestamp = timestamp.and_then(|node| self.header.position(node));
        let first = children.iter().position(|entry| matches!(entry.item, Item::Signature));
        let is_list = |entry: &Entry| matches!(entry.item, Item::References(_));
        let list = children.iter().position(is_list);
        // WSS4J encrypts tokens in the header after it signed, and lists them before the signature.
        let last_list = children.iter().rposition(is_list);
        // An encrypted signature is listed before itself, and there may be nothing else to list.
        let hides_all = self.demand.signature_encrypted()
            && self.decrypted.iter().all(|decrypted| self.header.is(decrypted.parent));
        match self.demand.layout() {
            Layout::Strict => {
                if matches!((timestamp, first), (Some(timestamp), Some(first)) if timestamp > first) {
                    return Err(Refusal::Layout("the timestamp comes after the signature over it"));
                }
                let confirmed = children.iter().rposition(|entry| matches!(entry.item, Item::Confirmation(_)));
                if matches!((confirmed, first), (Some(confirmed), Some(first)) if confirmed > first) {
                    return Err(Refusal::Layout("a confirmation comes after the signature over it"));
                }
                let order = self.demand.order();
                match (order, list, first) {
                    (Some(ProtectionOrder::SignBeforeEncrypt), Some(list), Some(first)) if list > first => {
                        Err(Refusal::Layout("the message was encrypted before it was signed"))
                    }
                    (Some(ProtectionOrder::EncryptBeforeSign), _, Some(first))
                        if !hides_all && last_list.is_some_and(|list| list < first) =>
                    {
                        Err(Refusal::Layout("the message was signed before it was encrypted"))
                    }
                    _ => Ok(()),
                }
            }
            // Over a transport nothing depends on the place, and .NET's bootstrap does not keep to it.
            _ if self.demand.order().is_none() || self.demand.cancelled => Ok(()),
            Layout::LaxTimestampFirst if timestamp.is_some_and(|at| at != 0) => {
                Err(Refusal::Layout("the timestamp is not first"))
            }
            Layout::LaxTimestampLast if timestamp.is_some_and(|at| at + 1 != children.len()) => {
                Err(Refusal::Layout("the timestamp is not last"))
            }
            Layout::Lax | Layout::LaxTimestampFirst | Layout::LaxTimestampLast => Ok(()),
        }
    }

    /// Body, headers and timestamp: signed and encrypted as demanded. Over a transport, the transport does it.
    pub(super) fn check_parts(&self, envelope: &Envelope, timestamp: Option<NodeId>) -> Result<(), Refusal> {
        let document = &envelope.document;
        if document.elements(envelope.body).any(|child| document.is(child, XENC, "EncryptedData")) {
            return Err(Refusal::header("EncryptedData", "in the body is not listed"));
        }
        self.check_required(envelope)?;
        if self.demand.order().is_none() {
            return Ok(());
        }
        let Some(Primary { verified: primary, node, token }) = &self.primary else {
            return Err(Refusal::TokenMissing("signature by the protection token"));
        };
        // A token that does not travel cannot be exchanged on its way.
        if self.demand.protect_tokens() && token.is_some_and(|token| !primary.covers(token)) {
            return Err(Refusal::NotSigned("the token that signs".to_owned()));
        }
        let parts = self.demand.parts;
        if parts.signed.body && !primary.covers(envelope.body) {
            return Err(Refusal::NotSigned("Body".to_owned()));
        }
        for &block in &envelope.blocks {
            let name = document.name(block);
            if parts.signed.has_header(name.namespace, name.local) && !self.was_signed(block) {
                return Err(Refusal::NotSigned(name.local.to_owned()));
            }
            if parts.encrypted.has_header(name.namespace, name.local) && !self.was_encrypted(block) {
                return Err(Refusal::NotEncrypted(name.local.to_owned()));
            }
        }
        let mut within = HashSet::new();
        for path in &parts.signed_elements {
            if !elements::are_covered(document, path, &mut within, |node| self.was_signed(node)) {
                return Err(Refusal::NotSigned(path.text.clone()));
            }
        }
        if timestamp.is_some_and(|timestamp| !primary.covers(timestamp)) {
            return Err(Refusal::NotSigned("Timestamp".to_owned()));
        }
        let is_body = |decrypted: &Decrypted| decrypted.parent == envelope.body && decrypted.form == Form::Content;
        if parts.encrypted.body && !self.decrypted.iter().any(is_body) {
            return Err(Refusal::NotEncrypted("Body".to_owned()));
        }
        self.check_encrypted_elements(envelope)?;
        if self.demand.signature_encrypted() {
            let endorsing = self.endorsements.iter().map(|endorsement| endorsement.node);
            if !std::iter::once(*node).chain(endorsing).all(|signature| self.was_encrypted(signature)) {
                return Err(Refusal::NotEncrypted("Signature".to_owned()));
            }
        }
        Ok(())
    }

    /// Whether everything is there that the policy requires.
    fn check_required(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let document = &envelope.document;
        for part in &self.demand.parts.required {
            let is = |&block: &NodeId| {
                let name = document.name(block);
                part.namespace == name.namespace && part.name.as_deref().is_none_or(|local| local == name.local)
            };
            if !envelope.blocks.iter().any(is) {
                return Err(Refusal::PartMissing(part.name.clone().unwrap_or_else(|| part.namespace.clone())));
            }
        }
        for path in &self.demand.parts.required_elements {
            if elements::at(document, path).is_empty() {
                return Err(Refusal::PartMissing(path.text.clone()));
            }
        }
        Ok(())
    }

    /// Whether an element came out of an encrypted one.
    pub(super) fn was_encrypted(&self, node: NodeId) -> bool {
        self.out_of(node).is_some()
    }

    /// What an element came out of. Later ones have higher ids, those of one come in their order: so it is searched for by
    /// halves, however much there is.
    fn out_of(&self, node: NodeId) -> Option<&Decrypted> {
        let until = self.decrypted.partition_point(|decrypted| decrypted.from <= node);
        // Nothing came out of some, which then are where the one before them is.
        let found = self.decrypted[..until].iter().rev().find(|decrypted| !decrypted.now.is_empty())?;
        found.now.binary_search(&node).is_ok().then_some(found)
    }

    /// Whether the primary signature covers an element, as [`Self::is_covered`] says.
    pub(super) fn was_signed(&self, node: NodeId) -> bool {
        self.primary.as_ref().is_some_and(|primary| self.is_covered(&primary.verified, node))
    }

    /// Whether a signature covers an element, or the encrypted form of it that stood in its place, or what that was wrapped in.
    pub(super) fn is_covered(&self, by: &Verified, node: NodeId) -> bool {
        by.covers(node)
            || self.out_of(node).is_some_and(|decrypted| by.covers(decrypted.was) || by.covers(decrypted.parent))
    }

    /// The confirmations of a response: exactly those of the request's signatures, protected as they should be; none
    /// where none are asked for. The answer to a Cancel may leave them out.
    pub(super) fn check_confirmations(&self, confirm: Confirm<'_>) -> Result<(), Refusal> {
        let mut found: Vec<&[u8]> = Vec::new();
        let mut empty = 0;
        for entry in &self.header.entries {
            let Item::Confirmation(value) = &entry.item else { continue };
            if !self.was_signed(entry.node) && self.demand.order().is_some() {
                return Err(Refusal::NotSigned("SignatureConfirmation".to_owned()));
            }
            if self.demand.signature_encrypted() && !self.was_encrypted(entry.node) {
                return Err(Refusal::NotEncrypted("SignatureConfirmation".to_owned()));
            }
            match value {
                Some(value) => found.push(value),
                None => empty += 1,
            }
        }
        if let Confirm::Nothing = confirm {
            return if found.is_empty() && empty == 0 {
                Ok(())
            } else {
                Err(Refusal::SignatureConfirmation("was not asked for"))
            };
        }
        // One without a value says that there was no signature: CXF has forgotten it.
        if self.demand.cancelled && found.is_empty() {
            return Ok(());
        }
        let Confirm::These(confirm) = confirm else {
            // Either it confirms signatures, or it says that there was none.
            let one_of_both = if found.is_empty() { empty == 1 } else { empty == 0 };
            return one_of_both.then_some(()).ok_or(Refusal::SignatureConfirmation(CONFIRMS_NOTHING));
        };
        let mut expected: Vec<&[u8]> = confirm.iter().map(Vec::as_slice).collect();
        expected.sort_unstable();
        found.sort_unstable();
        if found != expected || empty != usize::from(expected.is_empty()) {
            return Err(Refusal::SignatureConfirmation(CONFIRMS_OTHERS));
        }
        Ok(())
    }

    /// The header blocks that no signature covers; refused where one of them must be understood and is not ours.
    pub(super) fn check_understood(&self, envelope: &Envelope) -> Result<Vec<NodeId>, Refusal> {
        let mut unverified = Vec::new();
        for &block in &envelope.blocks {
            let covered = self.was_signed(block)
                || self.endorsements.iter().any(|endorsement| self.is_covered(&endorsement.verified, block));
            if covered {
                continue;
            }
            let name = envelope.document.name(block);
            let ours = is_addressing(name.namespace) && self.demand.policy.addressing != Addressing::None
                // Headers of a sequence are for whoever keeps it, behind us.
                || self.demand.policy.reliable.is_some_and(|version| version.namespace() == name.namespace);
            if envelope.must_be_understood(block) && !ours {
                return Err(Refusal::NotUnderstood {
                    namespace: name.namespace.to_owned(),
                    local: name.local.to_owned(),
                });
            }
            unverified.push(block);
        }
        Ok(unverified)
    }
}
