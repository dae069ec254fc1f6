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
use crate::time::Time;

/// A certificate and its private key, and for how long they are ours.
pub struct Credential {
    /// The certificate.
    pub certificate: Certificate,
    /// Its private key.
    pub key: PrivateKey,
    /// For how long they are used.
    pub tenure: Tenure,
}

impl Credential {
    /// A certificate and its private key, used at all times.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Self {
        Self { certificate, key, tenure: Tenure::ALWAYS }
    }
}

/// For how long a credential is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tenure {
    /// From when on it signs; `None` for one that never does, and only opens what is encrypted to it.
    pub activate: Option<Time>,
    /// From when on it does nothing any more; `None` for never.
    pub retire: Option<Time>,
}

impl Tenure {
    /// It signs and opens at all times.
    pub const ALWAYS: Self = Self { activate: Some(Time::from_millis(i64::MIN)), retire: None };
    /// It opens at all times, and never signs.
    pub const OPENS: Self = Self { activate: None, retire: None };

    /// Whether what is encrypted to it is opened: as soon as it is known, since a client may be ahead of us.
    pub fn opens(&self, now: Time) -> bool {
        self.retire.is_none_or(|retire| now < retire)
    }

    /// Since when it signs, if it does.
    pub fn signs(&self, now: Time) -> Option<Time> {
        self.activate.filter(|activate| *activate <= now && self.opens(now))
    }

    /// Which of several signs: of those that do, the one that began last, and of these the first.
    pub fn newest<'a>(tenures: impl IntoIterator<Item = &'a Self>, now: Time) -> Option<usize> {
        let signing = tenures.into_iter().enumerate().filter_map(|(at, tenure)| Some((tenure.signs(now)?, at)));
        signing.max_by_key(|&(since, at)| (since, std::cmp::Reverse(at))).map(|(_, at)| at)
    }
}

/// Our credentials at some moment.
#[derive(Clone, Copy)]
pub(crate) struct Credentials<'a> {
    all: &'a [Credential],
    now: Time,
}

impl<'a> Credentials<'a> {
    pub(crate) fn at(all: &'a [Credential], now: Time) -> Self {
        Self { all, now }
    }

    /// The one whose certificate is meant so, for opening what is encrypted to it.
    pub(crate) fn find(self, is: impl Fn(&Certificate) -> bool) -> Option<&'a Credential> {
        self.all.iter().find(|credential| credential.tenure.opens(self.now) && is(&credential.certificate))
    }

    /// The one that signs.
    pub(crate) fn signing(self) -> Option<&'a Credential> {
        Tenure::newest(self.all.iter().map(|credential| &credential.tenure), self.now).map(|at| &self.all[at])
    }

    /// Whether a certificate is one of ours, at whatever time.
    pub(crate) fn has(self, certificate: &Certificate) -> bool {
        self.all.iter().any(|credential| credential.certificate == *certificate)
    }
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
    pub(crate) credentials: Credentials<'a>,
    /// The context that the message refers to.
    pub(crate) context: Option<&'a Context>,
    /// The key of the request that the message answers.
    pub(crate) shared: Option<&'a SharedKey>,
    /// The certificates that are trusted to sign and to endorse.
    pub(crate) trust: &'a Trust,
    /// The passwords that keys are derived from.
    pub(crate) passwords: Option<&'a dyn Passwords>,
}
