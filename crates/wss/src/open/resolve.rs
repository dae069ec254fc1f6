//! From a key's name to the key, among those that are already trusted: a `KeyInfo` selects, it never brings trust.

use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::path::{CertificatePath, MAX_PATH};
use nuncio_crypto::secret::Secret;
use nuncio_crypto::transport;
use nuncio_policy::model::Layout;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::Invalid;
use nuncio_xmlsec::encryption::{EncryptedKey, KeyMethod};
use nuncio_xmlsec::signature::Token;

use super::{Opening, Root};
use crate::header::Item;
use crate::keys::SharedKey;
use crate::names::X509V3;
use crate::refusal::{NO_SUCH_CERTIFICATE, NO_SUCH_KEY, NOT_OUR_CERTIFICATE, Refusal};
use crate::token::derived::Derivation;
use crate::token::reference::{CertificateReference, Reference};
use crate::token::x509::Carried;

/// A symmetric key, and where it comes from.
pub(super) struct Resolved {
    pub(super) secret: Secret,
    pub(super) root: Root,
    pub(super) derived: bool,
    /// The token that it comes from, where that is in the message.
    pub(super) token: Option<NodeId>,
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
        let implied = document.elements(key_info).next().map(|node| Derivation::implied(document, node)).transpose()?;
        if let Reference::Local(id) = &reference {
            let at = self.local(document, id, user)?;
            if let Item::DerivedKey(token) = &self.header.entries[at].item {
                // One hop and no more: a key is never derived from a derived one.
                if implied.flatten().is_some() {
                    return Err(Refusal::KeyReference("derives a key from a derived key"));
                }
                let source = match &token.source {
                    Reference::Local(id) => {
                        let from = self.local(document, id, Use::Child(at))?;
                        self.token(document, from)?
                    }
                    other => self.elsewhere(document, other)?,
                };
                return self.derive(&token.derivation, &source);
            }
        }
        let source = match &reference {
            Reference::Local(id) => self.token(document, self.local(document, id, user)?)?,
            other => self.elsewhere(document, other)?,
        };
        match implied.flatten() {
            Some(derivation) => self.derive(&derivation, &source),
            None => Ok(source),
        }
    }

    /// A key derived from that one.
    fn derive(&self, derivation: &Derivation, source: &Resolved) -> Result<Resolved, Refusal> {
        let of_context = self.keys.context.filter(|_| source.root == Root::Context);
        let secret = derivation.derive(&source.secret, of_context.map(|context| &context.derived))?;
        let Resolved { root, token, .. } = *source;
        Ok(Resolved { secret, root, derived: true, token })
    }

    /// The position of the child with that id, which a strict layout wants before its user. What nothing has for its id may
    /// be the identifier of the message's own context: CXF's streaming engine refers to it so.
    fn local(&self, document: &Document, id: &str, user: Use) -> Result<usize, Refusal> {
        let at = match document.by_id(id) {
            Some(node) => self.header.position(node).ok_or(Refusal::KeyReference("leads out of the security header")),
            None => self.identified(id).ok_or(Refusal::KeyReference("names an id that nothing has")),
        }?;
        match user {
            Use::Child(user) if self.demand.layout() == Layout::Strict && at >= user => {
                Err(Refusal::Layout("a key is used before it is declared"))
            }
            _ => Ok(at),
        }
    }

    /// The position of the context token with that identifier.
    fn identified(&self, identifier: &str) -> Option<usize> {
        let is_it = |item: &Item| matches!(item, Item::Context(token, _) if token.identifier == identifier);
        self.header.entries.iter().position(|entry| is_it(&entry.item))
    }

    /// The key of the token at that position.
    pub(super) fn token(&self, document: &Document, at: usize) -> Result<Resolved, Refusal> {
        match &self.header.entries[at].item {
            Item::Context(token, dialect) => {
                let context = self.keys.context.ok_or(NOT_ITS_CONTEXT)?;
                if context.dialect.version != dialect.version {
                    return Err(Refusal::KeyReference("names a security context in another generation than its own"));
                }
                let secret = context.key(&token.identifier, token.instance.as_deref()).ok_or(NOT_ITS_CONTEXT)?;
                let token = Some(self.header.entries[at].node);
                Ok(Resolved { secret: secret.clone(), root: Root::Context, derived: false, token })
            }
            Item::EncryptedKey(_) => self.unwrapped(document, at),
            Item::Username => self.password_key(document, at),
            Item::DerivedKey(_) => Err(Refusal::KeyReference("derives a key from a derived key")),
            _ => Err(Refusal::KeyReference("leads to something that has no symmetric key")),
        }
    }

    /// A key that is named without being in the message.
    fn elsewhere(&self, document: &Document, reference: &Reference) -> Result<Resolved, Refusal> {
        match reference {
            Reference::External { uri, instance } => {
                let secret = self
                    .keys
                    .context
                    .and_then(|context| context.key(uri, instance.as_deref()))
                    .ok_or(NOT_ITS_CONTEXT)?;
                // The context's token may come along all the same.
                let token = self.header.nodes(|item| matches!(item, Item::Context(..))).next();
                Ok(Resolved { secret: secret.clone(), root: Root::Context, derived: false, token })
            }
            Reference::EncryptedKeySha1(sha1) => {
                if let Some(shared) = self.keys.shared.filter(|shared| shared.sha1 == *sha1) {
                    let secret = shared.secret.clone();
                    return Ok(Resolved { secret, root: Root::Shared, derived: false, token: None });
                }
                let own = self.header.entries.iter().position(|entry| matches!(entry.item, Item::EncryptedKey(_)));
                let found = own.map(|at| self.unwrapped(document, at)).transpose()?;
                match (self.shared.get(), found) {
                    (Some((_, shared)), Some(found)) if shared.sha1 == *sha1 => Ok(found),
                    _ => Err(Refusal::KeyReference(NO_SUCH_KEY)),
                }
            }
            Reference::Local(_) | Reference::Certificate(_) => {
                Err(Refusal::KeyReference("names a certificate where a symmetric key is needed"))
            }
        }
    }

    /// The key in the encrypted key at that position, unwrapped once.
    fn unwrapped(&self, document: &Document, at: usize) -> Result<Resolved, Refusal> {
        let token = Some(self.header.entries[at].node);
        let resolved = |secret| Resolved { secret, root: Root::Shared, derived: false, token };
        if let Some((unwrapped, shared)) = self.shared.get() {
            if *unwrapped != at {
                return Err(Refusal::KeyReference("uses a second encrypted key"));
            }
            return Ok(resolved(shared.secret.clone()));
        }
        if self.demand.order().is_none() {
            return Err(Refusal::KeyReference("uses an encrypted key where the policy has none"));
        }
        let Item::EncryptedKey(EncryptedKey { method: KeyMethod::Transport(transport), key_info, value, .. }) =
            &self.header.entries[at].item
        else {
            return Err(Refusal::KeyReference("leads to something that is no encrypted key"));
        };
        let wanted = match Reference::of_key_info(document, *key_info)? {
            Reference::Certificate(wanted) => wanted,
            Reference::Local(id) => {
                CertificateReference::Embedded(self.certificate_token(document, &id)?.der().to_vec())
            }
            _ => return Err(Refusal::KeyReference("wraps a key under something that is no certificate")),
        };
        let credential = self
            .keys
            .credentials
            .find(|certificate| wanted.names(certificate))
            .ok_or(Refusal::KeyReference(NOT_OUR_CERTIFICATE))?;
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
        Ok(resolved(secret))
    }

    /// The token that a reference stands for under the STR-Transform: a child of the header, or the certificate that it
    /// names.
    pub(super) fn signed_token(&self, document: &Document, reference: NodeId) -> Option<Token> {
        match Reference::read(document, reference).ok()? {
            Reference::Local(id) => {
                let node = document.by_id(&id)?;
                self.header.position(node).map(|_| Token::Element(node))
            }
            // What it holds is the token, and is no child of the header.
            Reference::Certificate(CertificateReference::Embedded(_)) => None,
            Reference::Certificate(wanted) => match self.named(&wanted).ok()? {
                (_, Some(node)) => Some(Token::Element(node)),
                (certificate, None) => {
                    Some(Token::Binary { value_type: X509V3.to_owned(), octets: certificate.der().to_vec() })
                }
            },
            _ => None,
        }
    }

    /// The certificate with which an asymmetric signature claims to be made: in the message, or one that is pinned; and
    /// its token, where that is a child of the header.
    pub(super) fn certificate(
        &self,
        document: &Document,
        key_info: NodeId,
        user: usize,
    ) -> Result<(Certificate, Option<NodeId>), Refusal> {
        let wanted = match Reference::of_key_info(document, key_info)? {
            Reference::Certificate(wanted) => wanted,
            Reference::Local(id) => {
                let at = self.local(document, &id, Use::Child(user))?;
                let certificate = self.certificate_token(document, &id)?;
                return Ok((certificate, Some(self.header.entries[at].node)));
            }
            _ => return Err(Refusal::KeyReference("names a symmetric key where a certificate is needed")),
        };
        if let CertificateReference::Embedded(octets) = &wanted {
            // It is in the message, and within what no signature and no encryption covers by itself.
            return Ok((self.read_certificate(octets)?, Some(key_info)));
        }
        self.named(&wanted)
    }

    /// The one certificate that is named so, among those that are in the message and those that are pinned; and its token,
    /// where that is a child of the header.
    fn named(&self, wanted: &CertificateReference) -> Result<(Certificate, Option<NodeId>), Refusal> {
        if let CertificateReference::Embedded(octets) = wanted {
            return Ok((self.read_certificate(octets)?, None));
        }
        let mut found: Option<(Certificate, Option<NodeId>)> = None;
        let carried = self.header.entries.iter().filter_map(|entry| match &entry.item {
            Item::Certificate(token) => Some((self.read_token(token).map(|path| path.signer), Some(entry.node))),
            _ => None,
        });
        let pinned = self.keys.trust.certificates().iter().cloned().map(|certificate| (Ok(certificate), None));
        for (certificate, token) in carried.chain(pinned) {
            let certificate = certificate?;
            if !wanted.names(&certificate) {
                continue;
            }
            match &found {
                // Two certificates by one name: whose signature it is would be the sender's choice.
                Some((other, _)) if other.der() != certificate.der() => {
                    return Err(Refusal::KeyReference("names more than one certificate"));
                }
                Some(_) => {}
                None => found = Some((certificate, token)),
            }
        }
        found.ok_or(Refusal::KeyReference(NO_SUCH_CERTIFICATE))
    }

    /// The other certificates that came along: between the signer's and a root there may be some.
    pub(super) fn carried_besides(&self, signer: &Certificate) -> Result<Vec<Certificate>, Refusal> {
        let mut besides = Vec::new();
        for entry in &self.header.entries {
            let Item::Certificate(token) = &entry.item else { continue };
            if !token.path && token.octets.as_slice() == signer.der() {
                continue;
            }
            let path = self.read_token(token)?;
            besides.extend(path.above);
            besides.extend(Some(path.signer).filter(|certificate| certificate != signer));
        }
        Ok(besides)
    }

    fn certificate_token(&self, document: &Document, id: &str) -> Result<Certificate, Refusal> {
        let at = document.by_id(id).and_then(|node| self.header.position(node));
        match at.map(|at| &self.header.entries[at].item) {
            Some(Item::Certificate(token)) => Ok(self.read_token(token)?.signer),
            _ => Err(Refusal::KeyReference("leads to something that is no certificate")),
        }
    }

    /// The certificate in a token, and those above it where it is a path.
    fn read_token(&self, token: &Carried) -> Result<CertificatePath, Refusal> {
        if !token.path {
            return Ok(CertificatePath { signer: self.read_certificate(&token.octets)?, above: Vec::new() });
        }
        let limit = self.limits.certificate.saturating_mul(MAX_PATH);
        if token.octets.len() > limit {
            return Err(Refusal::TooMany { what: "octets of a path of certificates", limit });
        }
        CertificatePath::from_der(&token.octets)
            .map_err(|_| Refusal::header("BinarySecurityToken", "is no path of certificates that can be read"))
    }

    fn read_certificate(&self, octets: &[u8]) -> Result<Certificate, Refusal> {
        if octets.len() > self.limits.certificate {
            return Err(Refusal::TooMany { what: "octets of a certificate", limit: self.limits.certificate });
        }
        Certificate::from_der(octets.to_vec())
            .map_err(|_| Refusal::header("BinarySecurityToken", "is no certificate that can be read"))
    }
}
