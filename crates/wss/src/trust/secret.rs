//! Secrets of trust messages: in clear within a body that is encrypted, or encrypted once more by themselves
//! ([WS-Trust 1.4] sections 4.4.3 and 9.1).

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyWrap};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::{base64, digest, keywrap, transport};
use nuncio_policy::model::X509Reference;
use nuncio_policy::suite::Suite;
use nuncio_xml::{Document, NodeId, Writer};
use nuncio_xmlsec::encryption::{EncryptedKey, KeyMethod, encrypted_key};
use nuncio_xmlsec::{Accepted, XENC};

use super::{KEYS, child};
use crate::conversation::Context;
use crate::dialect::Dialect;
use crate::keys::{Credentials, SharedKey};
use crate::names::{WSSE, WSU};
use crate::recipient::Opened;
use crate::token::context::SecurityContextToken;
use crate::token::derived::DerivedKeyToken;
use crate::token::reference::{CertificateReference, Reference, write_certificate, write_encrypted_key_sha1};
use crate::token::x509;

/// A secret as it came.
pub(crate) struct Brought {
    pub(crate) secret: Secret,
    /// Whether it came encrypted by itself: an answer does as much for its own.
    pub(crate) wrapped: bool,
}

/// What a secret may have been encrypted under.
pub(crate) struct Unwrapping<'a> {
    pub(crate) credentials: Credentials<'a>,
    /// The key of the message, where it came as an encrypted key.
    pub(crate) shared: Option<&'a SharedKey>,
    /// The context that the message belongs to.
    pub(crate) context: Option<&'a Context>,
    /// The suite of the bootstrap policy.
    pub(crate) suite: &'static Suite,
}

impl<'a> Unwrapping<'a> {
    /// What the secrets of a request may have been encrypted under.
    pub(crate) fn of(opened: &'a Opened) -> Self {
        Self {
            credentials: Credentials::at(&opened.recipient.settings.credentials, opened.at),
            shared: opened.evidence.shared.as_ref(),
            context: opened.context.as_deref(),
            suite: opened.terms.bootstrap_suite(),
        }
    }

    /// The secret in an `Entropy` or `RequestedProofToken`: a `BinarySecret`, a symmetric key or entropy by its type, or an
    /// `EncryptedKey`. `octets` is how long it should be. `None` where it is not exactly one of them, cannot be decrypted,
    /// or has no sensible length.
    pub(crate) fn read(
        &self,
        document: &Document,
        parent: NodeId,
        dialect: &Dialect,
        octets: usize,
    ) -> Option<Brought> {
        let clear = child(document, parent, dialect.trust, "BinarySecret").ok()?;
        let wrapped = child(document, parent, XENC, "EncryptedKey").ok()?;
        let brought = match (clear, wrapped) {
            (Some(node), None) => {
                if document.attribute(node, "", "Type").is_some_and(|kind| !is_symmetric(&kind)) {
                    return None;
                }
                Brought { secret: Secret::new(base64::decode(&document.only_text(node)?).ok()?), wrapped: false }
            }
            (None, Some(node)) => Brought { secret: self.unwrap(document, node, octets)?, wrapped: true },
            _ => return None,
        };
        KEYS.contains(&brought.secret.len()).then_some(brought)
    }

    fn unwrap(&self, document: &Document, node: NodeId, octets: usize) -> Option<Secret> {
        let key = EncryptedKey::read(document, node, &self.accepted(), 0).ok()?;
        let reference = Reference::of_key_info(document, key.key_info).ok()?;
        match key.method {
            KeyMethod::Transport(method) => {
                let wanted = match reference {
                    Reference::Certificate(wanted) => wanted,
                    Reference::Local(id) => {
                        let token =
                            document.by_id(&id).filter(|&node| document.is(node, WSSE, "BinarySecurityToken"))?;
                        CertificateReference::Embedded(x509::read_one(document, token).ok()?)
                    }
                    Reference::External { .. } | Reference::EncryptedKeySha1(_) => return None,
                };
                let credential = self.credentials.find(|certificate| wanted.names(certificate))?;
                transport::unwrap(&credential.key, method, &key.value, &[octets]).ok()
            }
            KeyMethod::Wrap(method) => {
                let secret = self.symmetric(document, &reference, true)?;
                keywrap::unwrap(&secret, method, &key.value).ok()
            }
        }
    }

    /// The symmetric key that a reference names: the message's own, or one derived from it.
    fn symmetric(&self, document: &Document, reference: &Reference, derived: bool) -> Option<Secret> {
        match reference {
            Reference::External { uri, instance } => self.context?.key(uri, instance.as_deref()).cloned(),
            Reference::EncryptedKeySha1(sha1) => {
                self.shared.filter(|shared| shared.sha1 == *sha1).map(|shared| shared.secret.clone())
            }
            Reference::Certificate(_) => None,
            Reference::Local(id) => {
                let node = document.by_id(id)?;
                if document.is(node, XENC, "EncryptedKey") {
                    let key = EncryptedKey::read(document, node, &self.accepted(), usize::MAX).ok()?;
                    let sha1 = digest::hash(DigestAlgorithm::Sha1, &key.value).as_ref().to_vec();
                    return self.symmetric(document, &Reference::EncryptedKeySha1(sha1), false);
                }
                let name = document.name(node);
                let dialect = Dialect::of_conversation(name.namespace)?;
                match name.local {
                    "SecurityContextToken" => {
                        let token = SecurityContextToken::read(document, node, dialect).ok()?;
                        self.context?.key(&token.identifier, token.instance.as_deref()).cloned()
                    }
                    // One hop and no more, as everywhere.
                    "DerivedKeyToken" if derived => {
                        let token = DerivedKeyToken::read(document, node, dialect).ok()?;
                        let source = self.symmetric(document, &token.source, false)?;
                        token.derivation.derive(&source, None).ok()
                    }
                    _ => None,
                }
            }
        }
    }

    fn accepted(&self) -> Accepted {
        Accepted {
            canonicalisations: &[],
            transforms: &[],
            digests: Vec::new(),
            macs: Vec::new(),
            signatures: Vec::new(),
            ciphers: Vec::new(),
            transports: vec![self.suite.transport],
            wraps: vec![key_wrap(self.suite)],
        }
    }
}

/// Whether a `BinarySecret` of that type is a symmetric key or entropy, of either generation: WCF takes both.
fn is_symmetric(kind: &str) -> bool {
    Dialect::all().into_iter().any(|dialect| kind == dialect.nonce() || kind == dialect.symmetric_key())
}

/// The encryption of a key under a symmetric one, in a suite.
fn key_wrap(suite: &Suite) -> KeyWrap {
    match (suite.cipher, suite.cipher.key_size()) {
        (CipherAlgorithm::TripleDesCbc, _) => KeyWrap::TripleDes,
        (_, 16) => KeyWrap::Aes128,
        (_, 24) => KeyWrap::Aes192,
        _ => KeyWrap::Aes256,
    }
}

/// A secret as it is written.
pub(crate) enum Written {
    /// In clear.
    Clear(Secret),
    /// Encrypted by itself.
    Wrapped { method: KeyMethod, value: Vec<u8>, under: Under },
}

/// What a secret is encrypted under, as its reader finds it.
pub(crate) enum Under {
    /// A certificate.
    Certificate(Box<Certificate>),
    /// The key of the request, by the SHA-1 of its encrypted key.
    Request(Vec<u8>),
}

impl Written {
    /// The secret encrypted under that certificate; `None` where its key cannot take it.
    pub(crate) fn for_certificate(
        secret: &Secret,
        certificate: &Certificate,
        suite: &Suite,
        random: &mut dyn Random,
    ) -> Option<Self> {
        let value = transport::wrap(certificate.public_key(), suite.transport, secret, random).ok()?;
        let under = Under::Certificate(Box::new(certificate.clone()));
        Some(Self::Wrapped { method: suite.transport.into(), value, under })
    }

    /// The secret encrypted under the key of the request; `None` where that is not as long as the suite's key wrap takes.
    pub(crate) fn for_request(
        secret: &Secret,
        shared: &SharedKey,
        suite: &Suite,
        random: &mut dyn Random,
    ) -> Option<Self> {
        let wrap = key_wrap(suite);
        let value = keywrap::wrap(&shared.secret, wrap, secret, random).ok()?;
        Some(Self::Wrapped { method: wrap.into(), value, under: Under::Request(shared.sha1.clone()) })
    }

    /// Writes it with that id, and in clear with that type.
    pub(crate) fn write(&self, writer: &mut Writer, dialect: &Dialect, id: &str, kind: Option<&str>) {
        match self {
            Self::Clear(secret) => {
                writer.start(dialect.prefixes.0, dialect.trust, "BinarySecret");
                writer.attribute_ns("u", WSU, "Id", id);
                if let Some(kind) = kind {
                    writer.attribute("Type", kind);
                }
                writer.text_with(|out| base64::encode_to(secret.expose(), out));
                writer.end();
            }
            Self::Wrapped { method, value, under } => {
                let key_info = |writer: &mut Writer| match under {
                    // A thumbprint, which every certificate has and every stack reads.
                    Under::Certificate(certificate) => {
                        write_certificate(writer, certificate, X509Reference::Thumbprint, true, None);
                    }
                    Under::Request(sha1) => write_encrypted_key_sha1(writer, sha1, None),
                };
                encrypted_key(writer, id, *method, value, key_info, &[]);
            }
        }
    }
}
