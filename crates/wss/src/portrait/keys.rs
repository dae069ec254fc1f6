//! What keys are called, and which of them are at hand.

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::path::CertificatePath;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{digest, keywrap, transport};
use nuncio_xml::NodeId;
use nuncio_xmlsec::XENC;
use nuncio_xmlsec::encryption::{EncryptedKey, KeyMethod};

use super::{Looking, NoKey};
use crate::dialect::Dialect;
use crate::names::WSSE;
use crate::token::context::SecurityContextToken;
use crate::token::derived::{Derivation, DerivedKeyToken};
use crate::token::reference::{CertificateReference, Reference};
use crate::token::username::Username;
use crate::token::x509;

/// Lengths of keys that RSA 1.5 may have wrapped, the usual first.
const WRAPPED: [usize; 3] = [32, 24, 16];

/// Which kind of token a key comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyToken {
    /// A security context.
    Context,
    /// A key that came encrypted.
    EncryptedKey,
    /// A certificate.
    Certificate,
    /// The password of a user.
    Password,
    /// It cannot be seen.
    Unknown,
}

/// A key, as a message names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyName {
    /// The token it comes from.
    pub token: KeyToken,
    /// Whether it was derived from that token's key.
    pub derived: bool,
    /// What people call it.
    pub words: String,
}

impl KeyName {
    fn new(token: KeyToken, words: String) -> Self {
        Self { token, derived: false, words }
    }

    fn derived(self) -> Self {
        Self { derived: true, words: format!("a key derived from {}", self.words), ..self }
    }

    pub(super) fn unknown(words: &str) -> Self {
        Self::new(KeyToken::Unknown, words.to_owned())
    }
}

impl Looking<'_> {
    /// What the key is called that a `KeyInfo` names.
    pub(super) fn name_of_key_info(&self, key_info: NodeId) -> KeyName {
        let document = &self.document;
        let implied = document.elements(key_info).next().map(|node| Derivation::implied(document, node));
        match Reference::of_key_info(document, key_info) {
            Ok(reference) if matches!(implied, Some(Ok(Some(_)))) => self.name(&reference, 2).derived(),
            Ok(reference) => self.name(&reference, 2),
            Err(refusal) => KeyName::unknown(&format!("a key that is named in a way that is not read ({refusal})")),
        }
    }

    /// What the key is called that a reference names; `hops` is how far it is followed.
    pub(super) fn name(&self, reference: &Reference, hops: usize) -> KeyName {
        let document = &self.document;
        match reference {
            Reference::External { uri, instance } => {
                KeyName::new(KeyToken::Context, context_words(uri, instance.as_deref()))
            }
            Reference::EncryptedKeySha1(sha1) => match self.encrypted_key(sha1) {
                Some(node) => self.name_of_encrypted_key(node, hops),
                None if self.of_request(sha1).is_some() => {
                    KeyName::new(KeyToken::EncryptedKey, "the key that its request brought".to_owned())
                }
                None => KeyName::new(
                    KeyToken::EncryptedKey,
                    format!("the encrypted key of another message, the request most likely (SHA-1 {})", hex(sha1)),
                ),
            },
            Reference::Certificate(wanted) => KeyName::new(KeyToken::Certificate, self.certificate_words(wanted)),
            Reference::Local(id) => {
                let Some(node) = document.by_id(id) else {
                    return KeyName::unknown(&format!("a key with the id {id:?}, which nothing has"));
                };
                let name = document.name(node);
                match (name.namespace, name.local) {
                    (XENC, "EncryptedKey") => self.name_of_encrypted_key(node, hops),
                    (XENC, "EncryptedData") => KeyName::unknown("a token that is encrypted itself"),
                    (WSSE, "BinarySecurityToken") => {
                        let words = match self.carried(node) {
                            Ok(certificate) => format!("the certificate {} in the message", certificate.subject()),
                            Err(_) => "a token in the message that is no certificate".to_owned(),
                        };
                        KeyName::new(KeyToken::Certificate, words)
                    }
                    (WSSE, "UsernameToken") => {
                        let name = Username::read(document, node).map(|user| user.name).unwrap_or_default();
                        KeyName::new(KeyToken::Password, format!("a key of the password of {name:?}"))
                    }
                    (namespace, local) => match (Dialect::of_conversation(namespace), local) {
                        (Some(dialect), "SecurityContextToken") => {
                            let words = SecurityContextToken::read(document, node, dialect).map_or_else(
                                |_| "a security context whose token cannot be read".to_owned(),
                                |token| context_words(&token.identifier, token.instance.as_deref()),
                            );
                            KeyName::new(KeyToken::Context, words)
                        }
                        (Some(dialect), "DerivedKeyToken") if hops > 0 => {
                            match DerivedKeyToken::read(document, node, dialect) {
                                Ok(token) => self.name(&token.source, hops - 1).derived(),
                                Err(refusal) => {
                                    KeyName::unknown(&format!("a derived key that cannot be read ({refusal})"))
                                }
                            }
                        }
                        _ => KeyName::unknown(&format!("the element {local}, which has no key")),
                    },
                }
            }
        }
    }

    pub(super) fn name_of_encrypted_key(&self, node: NodeId, hops: usize) -> KeyName {
        let words = match EncryptedKey::read(&self.document, node, &self.accepted, self.limits.encrypted_data) {
            Ok(key) if hops > 0 => match Reference::of_key_info(&self.document, key.key_info) {
                Ok(reference) => format!("the key that came encrypted for {}", self.name(&reference, hops - 1).words),
                Err(_) => "the key that came encrypted for somebody unknown".to_owned(),
            },
            _ => "the key that came encrypted".to_owned(),
        };
        KeyName::new(KeyToken::EncryptedKey, words)
    }

    /// What a certificate is called that a reference names.
    pub(super) fn certificate_words(&self, wanted: &CertificateReference) -> String {
        match self.certificate(wanted) {
            Some((certificate, true)) => format!("the certificate {} in the message", certificate.subject()),
            Some((certificate, false)) => format!("the certificate {}", certificate.subject()),
            None => match wanted {
                CertificateReference::Thumbprint(octets) => {
                    format!("the certificate with the thumbprint {}", hex(octets))
                }
                CertificateReference::SubjectKeyIdentifier(octets) => {
                    format!("the certificate with the subject key identifier {}", hex(octets))
                }
                CertificateReference::IssuerSerial { issuer, serial } => {
                    format!("the certificate {serial} of {issuer}")
                }
                CertificateReference::Embedded(_) => "a certificate that cannot be read".to_owned(),
                CertificateReference::All(_) => "a certificate that is named in several ways".to_owned(),
            },
        }
    }

    /// The certificate that is named so, and whether it is in the message.
    pub(super) fn certificate(&self, wanted: &CertificateReference) -> Option<(Certificate, bool)> {
        if let CertificateReference::Embedded(octets) = wanted {
            return Some((Certificate::from_der(octets.clone()).ok()?, true));
        }
        let document = &self.document;
        let tokens = self.places.children(document).filter(|&node| document.is(node, WSSE, "BinarySecurityToken"));
        let mut carried = tokens.filter_map(|node| self.carried(node).ok());
        if let Some(found) = carried.find(|certificate| wanted.names(certificate)) {
            return Some((found, true));
        }
        let own = self.given.credentials.iter().map(|credential| &credential.certificate);
        let known = own.chain(self.given.certificates).find(|certificate| wanted.names(certificate));
        known.map(|certificate| (certificate.clone(), false))
    }

    /// The certificate in a token: its holder's, where it is a path.
    pub(super) fn carried(&self, node: NodeId) -> Result<Certificate, String> {
        let token = x509::read(&self.document, node).map_err(|refusal| refusal.to_string())?;
        if token.octets.len() > self.limits.certificate {
            return Err(format!("it has more than {} octets", self.limits.certificate));
        }
        let unreadable = |_| "it is no certificate that can be read".to_owned();
        if token.path {
            let path = CertificatePath::from_der(&token.octets);
            return path
                .map(|path| path.signer)
                .map_err(|_| "it is no path of certificates that can be read".to_owned());
        }
        Certificate::from_der(token.octets).map_err(unreadable)
    }

    /// The key that a `KeyInfo` names.
    pub(super) fn key_of_key_info(&mut self, key_info: NodeId) -> Result<Secret, NoKey> {
        let document = &self.document;
        let reference = Reference::of_key_info(document, key_info)?;
        let implied = match document.elements(key_info).next() {
            Some(node) => Derivation::implied(document, node)?,
            None => None,
        };
        let secret = self.secret(&reference, 2)?;
        match implied {
            Some(derivation) => Ok(derivation.derive(&secret, None)?),
            None => Ok(secret),
        }
    }

    /// The key of the request that is remembered, if it is called so.
    fn of_request(&self, sha1: &[u8]) -> Option<&Secret> {
        self.given.answers?.shared(sha1)
    }

    /// The symmetric key that a reference names.
    pub(super) fn secret(&mut self, reference: &Reference, hops: usize) -> Result<Secret, NoKey> {
        match reference {
            Reference::External { uri, instance } => self.of_context(uri, instance.as_deref()),
            Reference::EncryptedKeySha1(sha1) => match self.encrypted_key(sha1) {
                Some(node) => self.unwrapped(node, hops),
                None => self.of_request(sha1).cloned().ok_or(NoKey::NotGiven),
            },
            Reference::Certificate(_) => Err(NoKey::Wrong("it is a certificate's, and no symmetric one".to_owned())),
            Reference::Local(id) => {
                let Some(node) = self.document.by_id(id) else {
                    // CXF refers so to a context by its identifier.
                    return self.of_context(id, None);
                };
                let document = &self.document;
                let name = document.name(node);
                if document.is(node, XENC, "EncryptedKey") {
                    return self.unwrapped(node, hops);
                }
                if document.is(node, WSSE, "UsernameToken") {
                    let user = Username::read(document, node)?;
                    let passwords = self.given.passwords.ok_or(NoKey::NotGiven)?;
                    let password = passwords.password(&user.name).ok_or(NoKey::NotGiven)?;
                    let salted = user.salted.ok_or_else(|| NoKey::Wrong("the user name has no salt".to_owned()))?;
                    return Ok(salted.derive(&password)?);
                }
                match (Dialect::of_conversation(name.namespace), name.local) {
                    (Some(dialect), "SecurityContextToken") => {
                        let token = SecurityContextToken::read(document, node, dialect)?;
                        self.of_context(&token.identifier, token.instance.as_deref())
                    }
                    (Some(dialect), "DerivedKeyToken") if hops > 0 => {
                        let token = DerivedKeyToken::read(document, node, dialect)?;
                        let source = self.secret(&token.source, hops - 1)?;
                        Ok(token.derivation.derive(&source, None)?)
                    }
                    _ => Err(NoKey::NotGiven),
                }
            }
        }
    }

    fn of_context(&self, identifier: &str, instance: Option<&str>) -> Result<Secret, NoKey> {
        let mut contexts = self.given.contexts.iter();
        contexts.find_map(|context| context.key(identifier, instance)).cloned().ok_or(NoKey::NotGiven)
    }

    /// The encrypted key of the message whose octets have that digest.
    fn encrypted_key(&self, sha1: &[u8]) -> Option<NodeId> {
        let document = &self.document;
        self.places.children(document).filter(|&node| document.is(node, XENC, "EncryptedKey")).find(|&node| {
            let key = EncryptedKey::read(document, node, &self.accepted, self.limits.encrypted_data);
            key.is_ok_and(|key| digest::hash(DigestAlgorithm::Sha1, &key.value).matches(sha1))
        })
    }

    /// The key in the encrypted key at `node`, unwrapped once.
    pub(super) fn unwrapped(&mut self, node: NodeId, hops: usize) -> Result<Secret, NoKey> {
        if let Some(known) = self.unwrapped.get(&node) {
            return known.clone();
        }
        if self.unwrapped.len() >= self.limits.encrypted_keys {
            return Err(NoKey::Wrong("there are more encrypted keys than are looked at".to_owned()));
        }
        let unwrapped = self.unwrap(node, hops);
        self.unwrapped.insert(node, unwrapped.clone());
        unwrapped
    }

    fn unwrap(&mut self, node: NodeId, hops: usize) -> Result<Secret, NoKey> {
        let wrong = |error: &dyn std::fmt::Display| NoKey::Wrong(error.to_string());
        let key = EncryptedKey::read(&self.document, node, &self.accepted, self.limits.encrypted_data)
            .map_err(|error| wrong(&error))?;
        // Who made it has it, whoever it is encrypted for.
        if let Some(made) = self.of_request(digest::hash(DigestAlgorithm::Sha1, &key.value).as_ref()) {
            return Ok(made.clone());
        }
        let reference = Reference::of_key_info(&self.document, key.key_info)?;
        match key.method {
            KeyMethod::Transport(method) => {
                let wanted = match reference {
                    Reference::Certificate(wanted) => wanted,
                    Reference::Local(id) => {
                        let token = self.document.by_id(&id).ok_or(NoKey::NotGiven)?;
                        CertificateReference::Embedded(self.carried(token).map_err(NoKey::Wrong)?.der().to_vec())
                    }
                    _ => return Err(NoKey::Wrong("it is wrapped under something that is no certificate".to_owned())),
                };
                let credentials = self.given.credentials.iter();
                let mut own = credentials.filter(|credential| wanted.names(&credential.certificate));
                let own = own.next().ok_or(NoKey::NotGiven)?;
                transport::unwrap(&own.key, method, &key.value, &WRAPPED)
                    .map_err(|_| NoKey::Wrong("the key does not open with the certificate's private key".to_owned()))
            }
            KeyMethod::Wrap(method) if hops > 0 => {
                let secret = self.secret(&reference, hops - 1)?;
                keywrap::unwrap(&secret, method, &key.value)
                    .map_err(|_| NoKey::Wrong("the key does not open with the key it is wrapped under".to_owned()))
            }
            KeyMethod::Wrap(_) => Err(NoKey::Wrong("keys are wrapped under keys too often".to_owned())),
        }
    }
}

/// What a context is called.
pub(super) fn context_words(identifier: &str, instance: Option<&str>) -> String {
    match instance {
        Some(instance) => format!("the security context {identifier}, renewed as {instance}"),
        None => format!("the security context {identifier}"),
    }
}

/// Octets as people compare them.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().take(64).fold(String::new(), |text, octet| text + &format!("{octet:02X}"))
}
