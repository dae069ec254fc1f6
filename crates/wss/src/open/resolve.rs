//! From a key's name to the key, among those that are already trusted: a `KeyInfo` selects, it never brings trust.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::transport;
use nuncio_policy::model::Layout;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::Invalid;
use nuncio_xmlsec::encryption::EncryptedKey;

use super::{Opening, Root};
use crate::header::Item;
use crate::keys::SharedKey;
use crate::refusal::Refusal;
use crate::token::reference::{CertificateReference, Reference};

/// A symmetric key, and where it comes from.
pub(super) struct Resolved {
    pub(super) secret: Secret,
    pub(super) root: Root,
    pub(super) derived: bool,
}

/// Where in the header a key is used; under a strict layout it must be declared before.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// By the child at that position, or by something inside it.
    Child(usize),
    /// By something in the body, after the whole header.
    Body,
}

/// That a context is not known is said before anything is decrypted, and never here: between a message that decrypts and
/// one that does not, no answer may differ.
const NOT_ITS_CONTEXT: Refusal = Refusal::KeyReference("names another security context than the message's own");

impl Opening<'_> {
    /// The key that a `KeyInfo` names.
    pub(super) fn key_info(&self, document: &Document, key_info: NodeId, user: Use) -> Result<Resolved, Refusal> {
        let reference = Reference::of_key_info(document, key_info)?;
        if let Reference::Local(id) = &reference {
            let at = self.local(document, id, user)?;
            if let Item::DerivedKey(token) = &self.header.entries[at].item {
                // One hop and no more: a key is never derived from a derived one.
                let source = match &token.source {
                    Reference::Local(id) => {
                        let from = self.local(document, id, Use::Child(at))?;
                        self.token(document, from)?
                    }
                    other => self.elsewhere(document, other)?,
                };
                return Ok(Resolved { secret: token.derive(&source.0)?, root: source.1, derived: true });
            }
            let (secret, root) = self.token(document, at)?;
            return Ok(Resolved { secret, root, derived: false });
        }
        let (secret, root) = self.elsewhere(document, &reference)?;
        Ok(Resolved { secret, root, derived: false })
    }

    /// The position of the child with that id, which a strict layout wants before its user.
    fn local(&self, document: &Document, id: &str, user: Use) -> Result<usize, Refusal> {
        let node = document.by_id(id).ok_or(Refusal::KeyReference("names an id that nothing has"))?;
        let at = self.header.position(node).ok_or(Refusal::KeyReference("leads out of the security header"))?;
        match user {
            Use::Child(user) if self.demand.layout() == Layout::Strict && at >= user => {
                Err(Refusal::Layout("a key is used before it is declared"))
            }
            _ => Ok(at),
        }
    }

    /// The key of the token at that position.
    pub(super) fn token(&self, document: &Document, at: usize) -> Result<(Secret, Root), Refusal> {
        match &self.header.entries[at].item {
            Item::Context(token, dialect) => {
                let context = self.keys.context.ok_or(NOT_ITS_CONTEXT)?;
                if context.dialect.version != dialect.version {
                    return Err(Refusal::KeyReference("names a security context in another generation than its own"));
                }
                let secret = context.key(&token.identifier, token.instance.as_deref()).ok_or(NOT_ITS_CONTEXT)?;
                Ok((secret.clone(), Root::Context))
            }
            Item::EncryptedKey(_) => self.unwrapped(document, at),
            Item::DerivedKey(_) => Err(Refusal::KeyReference("derives a key from a derived key")),
            _ => Err(Refusal::KeyReference("leads to something that has no symmetric key")),
        }
    }

    /// A key that is named without being in the message.
    fn elsewhere(&self, document: &Document, reference: &Reference) -> Result<(Secret, Root), Refusal> {
        match reference {
            Reference::External { uri, instance } => {
                let secret = self
                    .keys
                    .context
                    .and_then(|context| context.key(uri, instance.as_deref()))
                    .ok_or(NOT_ITS_CONTEXT)?;
                Ok((secret.clone(), Root::Context))
            }
            Reference::EncryptedKeySha1(sha1) => {
                if let Some(shared) = self.keys.shared.filter(|shared| shared.sha1 == *sha1) {
                    return Ok((shared.secret.clone(), Root::Shared));
                }
                let own = self.header.entries.iter().position(|entry| matches!(entry.item, Item::EncryptedKey(_)));
                let found = own.map(|at| self.unwrapped(document, at)).transpose()?;
                match (self.shared.get(), found) {
                    (Some((_, shared)), Some(found)) if shared.sha1 == *sha1 => Ok(found),
                    _ => Err(Refusal::KeyReference("names an encrypted key that is not known")),
                }
            }
            Reference::Local(_) | Reference::Certificate(_) => {
                Err(Refusal::KeyReference("names a certificate where a symmetric key is needed"))
            }
        }
    }

    /// The key in the encrypted key at that position, unwrapped once.
    fn unwrapped(&self, document: &Document, at: usize) -> Result<(Secret, Root), Refusal> {
        if let Some((unwrapped, shared)) = self.shared.get() {
            if *unwrapped != at {
                return Err(Refusal::KeyReference("uses a second encrypted key"));
            }
            return Ok((shared.secret.clone(), Root::Shared));
        }
        if self.demand.order().is_none() {
            return Err(Refusal::KeyReference("uses an encrypted key where the policy has none"));
        }
        let Item::EncryptedKey(EncryptedKey { transport, key_info, value, .. }) = &self.header.entries[at].item else {
            return Err(Refusal::KeyReference("leads to something that is no encrypted key"));
        };
        let wanted = match Reference::of_key_info(document, *key_info)? {
            Reference::Certificate(wanted) => wanted,
            Reference::Local(id) => CertificateReference::Embedded(self.certificate_token(document, &id)?),
            _ => return Err(Refusal::KeyReference("wraps a key under something that is no certificate")),
        };
        let credential = self
            .keys
            .credentials
            .iter()
            .find(|credential| wanted.names(&credential.certificate))
            .ok_or(Refusal::KeyReference("wraps a key under a certificate that is not ours"))?;
        let suite = self.demand.suite();
        // One length: of several, the one that comes out would tell.
        let secret =
            transport::unwrap(&credential.key, *transport, value, &[suite.key]).map_err(|_| Invalid::Undecryptable)?;
        if !(suite.minimum_key..=suite.maximum_key).contains(&secret.len()) {
            return Err(Refusal::KeyReference("wraps a key of another length than the suite's"));
        }
        let shared = SharedKey::new(secret, value);
        let secret = shared.secret.clone();
        // Nothing is there: it was looked for above.
        let _ = self.shared.set((at, shared));
        Ok((secret, Root::Shared))
    }

    /// The certificate with which an asymmetric signature claims to be made: in the message, or one that is pinned.
    pub(super) fn certificate(
        &self,
        document: &Document,
        key_info: NodeId,
        user: usize,
    ) -> Result<Certificate, Refusal> {
        let wanted = match Reference::of_key_info(document, key_info)? {
            Reference::Certificate(wanted) => wanted,
            Reference::Local(id) => {
                self.local(document, &id, Use::Child(user))?;
                CertificateReference::Embedded(self.certificate_token(document, &id)?)
            }
            _ => return Err(Refusal::KeyReference("names a symmetric key where a certificate is needed")),
        };
        if let CertificateReference::Embedded(octets) = &wanted {
            return self.read_certificate(octets);
        }
        let mut found: Option<Certificate> = None;
        let carried = self.header.entries.iter().filter_map(|entry| match &entry.item {
            Item::Certificate(octets) => Some(self.read_certificate(octets)),
            _ => None,
        });
        for certificate in carried.chain(self.keys.trust.certificates().iter().cloned().map(Ok)) {
            let certificate = certificate?;
            if !wanted.names(&certificate) {
                continue;
            }
            // Two certificates by one name: whose signature it is would be the sender's choice.
            if found.as_ref().is_some_and(|other| other.der() != certificate.der()) {
                return Err(Refusal::KeyReference("names more than one certificate"));
            }
            found = Some(certificate);
        }
        found.ok_or(Refusal::KeyReference("names a certificate that is not there"))
    }

    /// The other certificates that came along: between the signer's and a root there may be some.
    pub(super) fn carried_besides(&self, signer: &Certificate) -> Result<Vec<Certificate>, Refusal> {
        self.header
            .entries
            .iter()
            .filter_map(|entry| match &entry.item {
                Item::Certificate(octets) if octets.as_slice() != signer.der() => Some(self.read_certificate(octets)),
                _ => None,
            })
            .collect()
    }

    fn certificate_token(&self, document: &Document, id: &str) -> Result<Vec<u8>, Refusal> {
        let at = document.by_id(id).and_then(|node| self.header.position(node));
        match at.map(|at| &self.header.entries[at].item) {
            Some(Item::Certificate(octets)) => Ok(octets.clone()),
            _ => Err(Refusal::KeyReference("leads to something that is no certificate")),
        }
    }

    fn read_certificate(&self, octets: &[u8]) -> Result<Certificate, Refusal> {
        if octets.len() > self.limits.certificate {
            return Err(Refusal::TooMany { what: "octets of a certificate", limit: self.limits.certificate });
        }
        Certificate::from_der(octets.to_vec())
            .map_err(|_| Refusal::header("BinarySecurityToken", "is no certificate that can be read"))
    }
}
