//! The signatures of a message: one primary by the protection token, others that endorse.

use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{Binding, Token};
use nuncio_xml::Document;
use nuncio_xmlsec::signature::{self, Method, Signature, VerifyKey, verify};

use super::resolve::Use;
use super::{Endorsement, Endorser, Opening, Root};
use crate::header::Item;
use crate::refusal::Refusal;
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
    fn signing_root(&self) -> Option<Root> {
        self.demand.symmetric().and_then(|_| self.encryption_root())
    }

    /// Verifies every signature of the message. One that does not verify, or whose key the policy has no use for,
    /// refuses the message.
    pub(super) fn verify(&mut self, document: &Document) -> Result<(), Refusal> {
        let limits = signature::Limits { references: self.limits.references, prefixes: self.limits.prefixes };
        let places: Vec<usize> = (0..self.header.entries.len())
            .filter(|&at| matches!(self.header.entries[at].item, Item::Signature))
            .collect();
        let mut budget = self.budget;
        for at in places {
            let node = self.header.entries[at].node;
            let signature = Signature::read(document, node, &self.accepted, &limits)?;
            match signature.method {
                // A certificate signs, and where a context is renewed that context endorses; no other key is asked for.
                Method::Mac(_) if self.demand.asymmetric().is_some() && !self.demand.renew => {
                    return Err(Refusal::KeyReference("signs under a token that the policy has no use for"));
                }
                Method::Mac(algorithm) => {
                    let key = self.key_info(document, signature.key_info, Use::Child(at))?;
                    let primary = Some(key.root) == self.signing_root();
                    self.check_signing_key(&key.secret, key.derived, primary)?;
                    let verified = verify(document, signature, &VerifyKey::Secret(&key.secret), &mut budget)?;
                    self.mac = Some(algorithm);
                    if primary {
                        if self.primary.replace((verified, node)).is_some() {
                            return Err(Refusal::header("Signature", "is there twice under the protection token"));
                        }
                    } else if key.root == Root::Context {
                        self.endorsements.push(Endorsement { verified, node, by: Endorser::Context });
                    } else {
                        return Err(Refusal::KeyReference("signs under a token that the policy has no use for"));
                    }
                }
                Method::Asymmetric(algorithm) => {
                    // Anybody has a certificate: where the policy has no use for one, its signature costs nothing.
                    let primary = self.demand.asymmetric().is_some();
                    let endorsing = self.demand.supporting().iter().any(|token| matches!(token.token, Token::X509(_)));
                    if !primary && !endorsing {
                        return Err(Refusal::Endorsement("is there where the policy has none"));
                    }
                    let certificate = self.certificate(document, signature.key_info, at)?;
                    let key = VerifyKey::Public(certificate.public_key());
                    let verified = verify(document, signature, &key, &mut budget)?;
                    self.signature = Some(algorithm);
                    if !primary {
                        self.endorsements.push(Endorsement { verified, node, by: Endorser::Certificate(certificate) });
                    } else if self.signer.replace(certificate).is_some() {
                        return Err(Refusal::header("Signature", "is there twice"));
                    } else {
                        self.primary = Some((verified, node));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether who made the primary signature is trusted. Asked before anything is decrypted that the signature covers.
    pub(super) fn check_signer(&self, now: Time) -> Result<(), Refusal> {
        let Some(signer) = &self.signer else { return Ok(()) };
        // What we signed ourselves came from us, and is nobody's message to us, however much its certificate is trusted.
        if self.keys.credentials.iter().any(|credential| credential.certificate == *signer) {
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

    /// A primary signature's key is derived where the policy says so, and no key is shorter than the suite's. WCF's policies
    /// ask for derived keys of contexts that endorse over a transport too, and its clients use none.
    fn check_signing_key(&self, secret: &Secret, derived: bool, primary: bool) -> Result<(), Refusal> {
        if primary && self.demand.derived_keys() && !derived {
            return Err(Refusal::KeyReference("signs with a key that is not derived"));
        }
        let suite = self.demand.suite();
        let least = if derived { suite.signature_key } else { suite.minimum_key };
        if secret.len() < least {
            return Err(Refusal::KeyReference("signs with a shorter key than the suite's"));
        }
        Ok(())
    }
}
