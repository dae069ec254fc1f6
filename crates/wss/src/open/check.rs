//! What was proved, held against what the policy demands.

use nuncio_policy::model::{Addressing, Layout, ProtectionOrder, SupportingToken, Token};
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::XENC;

use super::{Endorser, Opening};
use crate::addressing::is_addressing;
use crate::demand::Direction;
use crate::envelope::Envelope;
use crate::header::Item;
use crate::refusal::Refusal;
use crate::token::username::Username;

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
        let list = children.iter().position(|entry| matches!(entry.item, Item::References(_)));
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
                    (Some(ProtectionOrder::EncryptBeforeSign), Some(list), Some(first)) if list < first => {
                        Err(Refusal::Layout("the message was signed before it was encrypted"))
                    }
                    _ => Ok(()),
                }
            }
            // Over a transport nothing depends on the place, and .NET's bootstrap does not keep to it.
            _ if self.demand.order().is_none() => Ok(()),
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
        if self.demand.order().is_none() {
            return Ok(());
        }
        let Some((primary, node)) = &self.primary else {
            return Err(Refusal::TokenMissing("signature by the protection token"));
        };
        let parts = self.demand.parts;
        if parts.signed.body && !primary.covers(envelope.body) {
            return Err(Refusal::NotSigned("Body".to_owned()));
        }
        for &block in &envelope.blocks {
            let name = document.name(block);
            if parts.signed.has_header(name.namespace, name.local) && !primary.covers(block) {
                return Err(Refusal::NotSigned(name.local.to_owned()));
            }
        }
        if timestamp.is_some_and(|timestamp| !primary.covers(timestamp)) {
            return Err(Refusal::NotSigned("Timestamp".to_owned()));
        }
        if parts.encrypted.body && !self.decrypted.iter().any(|decrypted| decrypted.parent == envelope.body) {
            return Err(Refusal::NotEncrypted("Body".to_owned()));
        }
        if self.demand.signature_encrypted() {
            let endorsing = self.endorsements.iter().map(|endorsement| endorsement.node);
            if !std::iter::once(*node).chain(endorsing).all(|signature| self.was_encrypted(signature)) {
                return Err(Refusal::NotEncrypted("Signature".to_owned()));
            }
        }
        Ok(())
    }

    /// Whether an element came out of an encrypted one.
    fn was_encrypted(&self, node: NodeId) -> bool {
        self.decrypted.iter().any(|decrypted| decrypted.now.contains(&node))
    }

    /// Whether the primary signature covers an element, or the encrypted form of it that stood in its place.
    fn was_signed(&self, node: NodeId) -> bool {
        let Some((primary, _)) = &self.primary else { return false };
        primary.covers(node)
            || self.decrypted.iter().any(|decrypted| decrypted.now.contains(&node) && primary.covers(decrypted.was))
    }

    /// The confirmations of a response: exactly those of the request's signatures, protected as they should be; none
    /// where none are asked for.
    pub(super) fn check_confirmations(&self, confirm: Option<&[Vec<u8>]>) -> Result<(), Refusal> {
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
        let Some(confirm) = confirm else {
            return if found.is_empty() && empty == 0 {
                Ok(())
            } else {
                Err(Refusal::SignatureConfirmation("was not asked for"))
            };
        };
        let mut expected: Vec<&[u8]> = confirm.iter().map(Vec::as_slice).collect();
        expected.sort_unstable();
        found.sort_unstable();
        if found != expected || empty != usize::from(expected.is_empty()) {
            return Err(Refusal::SignatureConfirmation("does not confirm the signatures of the request"));
        }
        Ok(())
    }

    /// The supporting tokens: each that is demanded, and no others.
    pub(super) fn check_supporting(
        &self,
        envelope: &Envelope,
        timestamp: Option<NodeId>,
    ) -> Result<Option<Username>, Refusal> {
        let mut username = None;
        let mut endorsements: Vec<&super::Endorsement> = self.endorsements.iter().collect();
        for token in self.demand.supporting() {
            match &token.token {
                Token::Username(_) => {
                    username = self.username(&envelope.document, token)?;
                    if username.is_none() && !token.optional {
                        return Err(Refusal::TokenMissing("user name token"));
                    }
                }
                Token::X509(_) => {
                    let by = |endorsement: &&super::Endorsement| matches!(endorsement.by, Endorser::Certificate(_));
                    match endorsements.iter().position(by) {
                        Some(at) => {
                            let endorsement = endorsements.remove(at);
                            self.check_endorsement(endorsement, envelope, timestamp)?;
                            check_token_parts(endorsement, token, envelope)?;
                        }
                        None if token.optional => {}
                        None => return Err(Refusal::TokenMissing("signature by a certificate")),
                    }
                }
                Token::SecureConversation(_) => {
                    let by = |endorsement: &&super::Endorsement| matches!(endorsement.by, Endorser::Context);
                    match endorsements.iter().position(by) {
                        Some(at) => self.check_endorsement(endorsements.remove(at), envelope, timestamp)?,
                        None => return Err(Refusal::TokenMissing("signature by the security context")),
                    }
                }
            }
        }
        if self.demand.renew {
            let by = |endorsement: &&super::Endorsement| matches!(endorsement.by, Endorser::Context);
            let at = endorsements.iter().position(by);
            let at = at.ok_or(Refusal::TokenMissing("signature by the context that is renewed"))?;
            self.check_endorsement(endorsements.remove(at), envelope, timestamp)?;
        }
        if !endorsements.is_empty() {
            return Err(Refusal::Endorsement("is there where the policy has none"));
        }
        let named = self.header.nodes(|item| matches!(item, Item::Username)).next();
        if named.is_some() && username.is_none() {
            return Err(Refusal::header("UsernameToken", "is there where the policy has none"));
        }
        self.check_context_included()?;
        Ok(username)
    }

    fn username(&self, document: &Document, token: &SupportingToken) -> Result<Option<Username>, Refusal> {
        let Some(node) = self.header.nodes(|item| matches!(item, Item::Username)).next() else { return Ok(None) };
        if self.demand.order().is_some() {
            if token.signed && !self.was_signed(node) {
                return Err(Refusal::NotSigned("UsernameToken".to_owned()));
            }
            // WS-SecurityPolicy 1.1 has no word for it, and every stack encrypts it there: a password is not sent in clear.
            if !self.was_encrypted(node) {
                return Err(Refusal::NotEncrypted("UsernameToken".to_owned()));
            }
        }
        Username::read(document, node).map(Some)
    }

    /// An endorsing signature covers the primary one; over a transport the timestamp and, where its key is a
    /// certificate's and the message is addressed, the address (WCF signs it with no symmetric key).
    fn check_endorsement(
        &self,
        endorsement: &super::Endorsement,
        envelope: &Envelope,
        timestamp: Option<NodeId>,
    ) -> Result<(), Refusal> {
        if let Some((_, primary)) = self.primary {
            return if endorsement.verified.covers(primary) {
                Ok(())
            } else {
                Err(Refusal::Endorsement("does not cover the primary signature"))
            };
        }
        if self.demand.timestamp() && !timestamp.is_some_and(|timestamp| endorsement.verified.covers(timestamp)) {
            return Err(Refusal::Endorsement("does not cover the timestamp"));
        }
        if matches!(endorsement.by, Endorser::Certificate(_)) {
            match &envelope.addressing.to {
                Some(to) if !endorsement.verified.covers(to.node) => {
                    return Err(Refusal::Endorsement("does not cover the address"));
                }
                None if self.demand.policy.addressing != Addressing::None => {
                    return Err(Refusal::Endorsement("covers no address, since there is none"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A context that the policy includes in requests must be there.
    fn check_context_included(&self) -> Result<(), Refusal> {
        let protection = self.demand.symmetric().map(|binding| &binding.protection);
        let tokens = protection.into_iter().chain(self.demand.supporting().iter().map(|token| &token.token));
        for token in tokens {
            if let Token::SecureConversation(token) = token {
                let there = self.header.nodes(|item| matches!(item, Item::Context(..))).next().is_some();
                if self.demand.direction == Direction::Request && token.include.to_recipient() && !there {
                    return Err(Refusal::TokenMissing("security context token"));
                }
            }
        }
        Ok(())
    }

    /// The header blocks that no signature covers; refused where one of them must be understood and is not ours.
    pub(super) fn check_understood(&self, envelope: &Envelope) -> Result<Vec<NodeId>, Refusal> {
        let mut unverified = Vec::new();
        for &block in &envelope.blocks {
            let covered = self.primary.as_ref().is_some_and(|(primary, _)| primary.covers(block))
                || self.endorsements.iter().any(|endorsement| endorsement.verified.covers(block));
            if covered {
                continue;
            }
            let name = envelope.document.name(block);
            let ours = is_addressing(name.namespace) && self.demand.policy.addressing != Addressing::None;
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

/// The headers that an endorsing certificate must sign beside its duty. Of a security context WCF's policies say so too,
/// and no WCF does it.
fn check_token_parts(
    endorsement: &super::Endorsement,
    token: &SupportingToken,
    envelope: &Envelope,
) -> Result<(), Refusal> {
    for &block in &envelope.blocks {
        let name = envelope.document.name(block);
        if token.parts.signed.has_header(name.namespace, name.local) && !endorsement.verified.covers(block) {
            return Err(Refusal::NotSigned(name.local.to_owned()));
        }
    }
    Ok(())
}
