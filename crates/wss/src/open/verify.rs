//! The signatures of a message: one primary by the protection token, others that endorse.

use nuncio_crypto::password;
use nuncio_policy::model::{Binding, DerivedKeys, ProtectionOrder, Token};
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::signature::{self, Authentic, Method, Signature, VerifyKey, verify};

use super::resolve::{Resolved, Use};
use super::{Endorsement, Endorser, Opening, Primary, Root, Uncovered};
use crate::header::Item;
use crate::refusal::{Refusal, SIGNS_UNDERIVED};
use crate::time::Time;

impl Opening<'_> {
    /// The token under whose key parts are encrypted; none over a transport.
    pub(super) fn encryption_root(&self) -> Option<Root> {
        match &self.demand.policy.binding {
            Binding::Transport(_) => None,
            Binding::Asymmetric(_) => Some(Root::Shared),
            Binding::Symmetric(binding) => match &binding.protection {
                Token::SecureConversation(_) => Some(Root::Context),
                Token::X509(_) | Token::Username(_) => Some(Root::Shared),
            },
        }
    }

    /// The token whose symmetric key makes the primary signature; none where a certificate's key does, or none is made.
    pub(super) fn signing_root(&self) -> Option<Root> {
        self.demand.symmetric().and_then(|_| self.encryption_root())
    }

    /// Reads every signature, and verifies the value of the primary one. What it covers is verified by
    /// [`Self::cover_primary`], and what endorses it waits in `self.endorsing`: where encryption comes first, tokens may be
    /// encrypted that the one covers and the other is made with.
    pub(super) fn authenticate(&mut self, document: &Document) -> Result<(), Refusal> {
        let limits = signature::Limits { references: self.limits.references, prefixes: self.limits.prefixes };
        for at in 0..self.header.entries.len() {
            if !matches!(self.header.entries[at].item, Item::Signature) {
                continue;
            }
            let node = self.header.entries[at].node;
            let signature = Signature::read(document, node, &self.accepted, &limits)?;
            let endorsing = match signature.method {
                // What endorses may be made with a token that is still encrypted.
                Method::Mac(algorithm)
                    if self.demand.symmetric().is_some() && !self.names_a_signature(document, &signature) =>
                {
                    let key = self.key_info(document, signature.key_info, Use::Child(at))?;
                    if Some(key.root) == self.signing_root() {
                        self.check_signing_key(&key, true)?;
                        let authentic = Authentic::new(document, signature, &VerifyKey::Secret(&key.secret))?;
                        self.mac = Some(algorithm);
                        self.set_primary(Uncovered { authentic, node, token: key.token })?;
                        continue;
                    }
                    signature
                }
                Method::Asymmetric(algorithm)
                    if self.demand.asymmetric().is_some() && !self.names_a_signature(document, &signature) =>
                {
                    let (certificate, token) = self.certificate(document, signature.key_info, at)?;
                    let key = VerifyKey::Public(certificate.public_key());
                    let authentic = Authentic::new(document, signature, &key)?;
                    self.signature = Some(algorithm);
                    self.set_primary(Uncovered { authentic, node, token })?;
                    self.signer = Some(certificate);
                    continue;
                }
                Method::Mac(_) | Method::Asymmetric(_) => signature,
            };
            self.endorsing.push((at, endorsing));
        }
        Ok(())
    }

    /// Verifies what the primary signature covers: what is there now or, where encryption comes first, what stood there as it
    /// was encrypted.
    pub(super) fn cover_primary(&mut self, document: &Document) -> Result<(), Refusal> {
        if let Some(Uncovered { authentic, node, token }) = self.uncovered.take() {
            let mut budget = self.budget;
            let tokens = |node| self.signed_token(document, node);
            let verified = authentic.cover(document, &tokens, &self.ciphertext(), &mut budget)?;
            self.budget = budget;
            self.primary = Some(Primary { verified, node, token });
        }
        Ok(())
    }

    /// What was decrypted before the primary signature was verified, and may be covered as it was encrypted.
    fn ciphertext(&self) -> Vec<NodeId> {
        match self.demand.order() {
            Some(ProtectionOrder::EncryptBeforeSign) => self.decrypted.iter().map(|decrypted| decrypted.was).collect(),
            Some(ProtectionOrder::SignBeforeEncrypt) | None => Vec::new(),
        }
    }

    fn set_primary(&mut self, primary: Uncovered) -> Result<(), Refusal> {
        match self.uncovered.replace(primary) {
            Some(_) => Err(Refusal::header("Signature", "is there twice under the token that signs")),
            None => Ok(()),
        }
    }

    /// Whether a signature refers to another of the header: one that does endorses, whatever its key.
    fn names_a_signature(&self, document: &Document, signature: &Signature) -> bool {
        signature.references.iter().any(|reference| {
            let node = document.by_id(&reference.id);
            let at = node.and_then(|node| self.header.position(node));
            at.is_some_and(|at| matches!(self.header.entries[at].item, Item::Signature))
        })
    }

    /// Verifies the signatures that are not primary. One that does not verify, or whose key the policy has no use for,
    /// refuses the message.
    pub(super) fn verify_endorsing(&mut self, document: &Document) -> Result<(), Refusal> {
        for (at, signature) in std::mem::take(&mut self.endorsing) {
            let node = signature.node;
            let (verified, by, token) = match signature.method {
                Method::Mac(algorithm) => {
                    let useless = Refusal::KeyReference("signs under a token that the policy has no use for");
                    let contexts = self.demand.endorsed_by(|token| matches!(token, Token::SecureConversation(_)));
                    let (contexts, users) = (contexts || self.demand.renew(), self.demand.has_password_key());
                    if !contexts && !users {
                        return Err(useless);
                    }
                    let key = self.key_info(document, signature.key_info, Use::Child(at))?;
                    self.check_signing_key(&key, false)?;
                    let (verified, by) = match key.root {
                        Root::Context if contexts => {
                            let secret = VerifyKey::Secret(&key.secret);
                            (verify(document, signature, &secret, &mut self.budget)?, Endorser::Context)
                        }
                        Root::Username if users => {
                            let verified = self.verify_by_user(document, signature, &key.secret)?;
                            (verified, Endorser::User { derived: key.derived })
                        }
                        Root::Context | Root::Username | Root::Shared => return Err(useless),
                    };
                    self.mac = self.mac.or(Some(algorithm));
                    (verified, by, key.token)
                }
                Method::Asymmetric(algorithm) => {
                    // Anybody has a certificate: where the policy has no use for one, its signature costs nothing.
                    if !self.demand.endorsed_by(|token| matches!(token, Token::X509(_))) {
                        return Err(Refusal::Endorsement("is there where the policy has none"));
                    }
                    let (certificate, token) = self.certificate(document, signature.key_info, at)?;
                    let key = VerifyKey::Public(certificate.public_key());
                    let verified = verify(document, signature, &key, &mut self.budget)?;
                    self.signature = self.signature.or(Some(algorithm));
                    (verified, Endorser::Certificate(certificate), token)
                }
            };
            self.endorsements.push(Endorsement { verified, node, by, token });
        }
        Ok(())
    }

    /// Whether who made the primary signature is trusted. Asked before anything is decrypted that the signature covers.
    pub(super) fn check_signer(&self, now: Time) -> Result<(), Refusal> {
        let Some(signer) = &self.signer else { return Ok(()) };
        // What we signed ourselves came from us, and is nobody's message to us, however much its certificate is trusted.
        if self.keys.credentials.has(signer) {
            return Err(Refusal::KeyReference("signs under our own certificate"));
        }
        self.keys
            .trust
            .check(signer, &self.carried_besides(signer)?, now.seconds())
            .map_err(|cause| Refusal::UntrustedSigner { subject: signer.subject().to_owned(), cause })
    }

    /// Whether who endorsed is trusted: asked last, so that a stranger's certificate is told from a bad signature only by
    /// whoever could make the primary one.
    pub(super) fn check_trust(&self, now: Time) -> Result<(), Refusal> {
        for endorsement in &self.endorsements {
            if let Endorser::Certificate(certificate) = &endorsement.by {
                self.keys.trust.check(certificate, &self.carried_besides(certificate)?, now.seconds()).map_err(
                    |cause| Refusal::UntrustedCertificate { subject: certificate.subject().to_owned(), cause },
                )?;
            }
        }
        Ok(())
    }

    /// A primary signature's key is derived where the policy says so, and no key is shorter than the suite's, but that of a
    /// password, which has one length in all of them. WCF's policies ask for derived keys of contexts that endorse over a
    /// transport too, and its clients use none.
    fn check_signing_key(&self, key: &Resolved, primary: bool) -> Result<(), Refusal> {
        if primary && self.demand.derived_keys() != DerivedKeys::None && !key.derived {
            return Err(Refusal::KeyReference(SIGNS_UNDERIVED));
        }
        let suite = self.demand.suite();
        let least = match key.root {
            _ if key.derived => suite.signature_key,
            Root::Username => password::KEY,
            Root::Context | Root::Shared => suite.minimum_key,
        };
        if key.secret.len() < least {
            return Err(Refusal::KeyReference("signs with a shorter key than the suite's"));
        }
        Ok(())
    }
}
