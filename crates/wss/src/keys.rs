//! The keys that a message may be opened and sealed with: what we have, before any message names it.

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::digest;
use nuncio_crypto::key::PrivateKey;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::transport::{self, WrapError};
use nuncio_crypto::trust::Trust;
use nuncio_policy::suite::Suite;

use crate::conversation::Context;

/// A certificate and its private key.
pub struct Credential {
    /// The certificate.
    pub certificate: Certificate,
    /// Its private key.
    pub key: PrivateKey,
}

/// A symmetric key that came, or went, as an `EncryptedKey`, and the name by which the answer refers to it.
#[derive(Clone)]
pub(crate) struct SharedKey {
    pub(crate) secret: Secret,
    /// SHA-1 of the wrapped octets (`EncryptedKeySHA1`).
    pub(crate) sha1: Vec<u8>,
}

impl SharedKey {
    /// The key that was wrapped as those octets.
    pub(crate) fn new(secret: Secret, wrapped: &[u8]) -> Self {
        Self { secret, sha1: digest::hash(DigestAlgorithm::Sha1, wrapped).as_ref().to_vec() }
    }
}

/// A new symmetric key, and its octets as wrapped for a certificate.
pub(crate) struct Fresh {
    pub(crate) shared: SharedKey,
    pub(crate) wrapped: Vec<u8>,
}

impl Fresh {
    /// Makes a key of the suite's length and wraps it.
    pub(crate) fn new(certificate: &Certificate, suite: &Suite, random: &mut dyn Random) -> Result<Self, WrapError> {
        let mut octets = vec![0; suite.key];
        random.fill(&mut octets);
        let secret = Secret::new(octets);
        let wrapped = transport::wrap(certificate.public_key(), suite.transport, &secret, random)?;
        Ok(Self { shared: SharedKey::new(secret, &wrapped), wrapped })
    }
}

/// Passwords that can be read again, by their users' names: what keys are derived from ([WSS `UsernameToken` Profile 1.1]
/// section 4).
pub trait Passwords: Send + Sync {
    /// The password of that user; `None` where there is no such user. It should take as long for either.
    fn password(&self, user: &str) -> Option<Secret>;
}

/// What a message may be opened with.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    /// Our certificates with their private keys.
    pub(crate) credentials: &'a [Credential],
    /// The context that the message refers to.
    pub(crate) context: Option<&'a Context>,
    /// The key of the request that the message answers.
    pub(crate) shared: Option<&'a SharedKey>,
    /// The certificates that are trusted to sign and to endorse.
    pub(crate) trust: &'a Trust,
    /// The passwords that keys are derived from.
    pub(crate) passwords: Option<&'a dyn Passwords>,
}
