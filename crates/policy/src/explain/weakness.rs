//! What of a policy is weak, and how much.

use std::fmt;

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};

use super::algorithms::{signs_by_certificate, signs_by_key, wraps_keys};
use super::messages::{Group, groups, namespace};
use crate::model::{
    Addressing, Binding, DerivedKeys, MessageKind, Operation, Parts, PasswordKind, Policy, ProtectionOrder, Token,
};

/// How much a weakness matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Grade {
    /// Worth knowing; common, and no reason to change anything.
    Note,
    /// Choose better wherever peers can.
    Warning,
    /// What should be protected is not.
    Danger,
}

impl fmt::Display for Grade {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Danger => "danger",
        })
    }
}

/// A weakness, and where it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Warning {
    /// What is weak.
    pub weakness: Weakness,
    /// Whether it is in the policy under which conversations begin, not in the one of the messages themselves.
    pub bootstrap: bool,
}

impl Warning {
    /// How much it matters.
    pub fn grade(&self) -> Grade {
        self.weakness.grade()
    }
}

/// Grade, words, and where it is: one line.
impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.bootstrap { "where conversations begin: " } else { "" };
        write!(out, "{}: {place}{}", self.grade(), self.weakness)
    }
}

/// What may be weak in a policy.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Weakness {
    /// Messages without the security binding: which.
    InClear(String),
    /// The body is not signed: of which messages.
    BodyNotSigned(String),
    /// The body is encrypted by a cipher that alone keeps nothing from being altered, and not signed: of which messages.
    EncryptedNotSigned(String),
    /// The body is not encrypted: of which messages.
    BodyNotEncrypted(String),
    /// What says where a message goes and what it asks for is not signed: of which messages.
    AddressingNotSigned(String),
    /// A user name that nothing proves.
    NameAlone,
    /// A user name that is not bound to its message.
    NameNotSigned,
    /// A token that callers may leave out, where nothing else tells who they are.
    TokenOptional,
    /// Nothing tells who calls.
    AnonymousCallers,
    /// Digests of passwords.
    PasswordDigest,
    /// Keys that are derived from passwords.
    PasswordKey,
    /// No timestamp.
    NoTimestamp,
    /// Nothing binds an answer to its request: neither a confirmation nor a signed header.
    AnswersNotBound,
    /// Signatures are not confirmed.
    NoSignatureConfirmation,
    /// No addressing: a message can be sent to another service of the same certificate.
    NotAddressed,
    /// RSA of PKCS #1 1.5 encrypts keys.
    Rsa15,
    /// Triple DES.
    TripleDes,
    /// Certificates sign over SHA-1.
    Sha1Signature,
    /// What is signed is digested by SHA-1.
    Sha1Digest,
    /// HMAC over SHA-1.
    Sha1Mac,
    /// A cipher in CBC mode, and the signature is over what was encrypted, not over the ciphertext.
    CbcSignedInside,
    /// A signature in clear over what is encrypted.
    SignatureInClear,
    /// One key signs and encrypts.
    NoDerivedKeys,
    /// Contexts are never cancelled.
    NoCancel,
}

impl Weakness {
    /// How much it matters.
    pub fn grade(&self) -> Grade {
        match self {
            Self::InClear(_)
            | Self::BodyNotSigned(_)
            | Self::EncryptedNotSigned(_)
            | Self::NameAlone
            | Self::NameNotSigned => Grade::Danger,
            Self::BodyNotEncrypted(_)
            | Self::AddressingNotSigned(_)
            | Self::TokenOptional
            | Self::PasswordDigest
            | Self::PasswordKey
            | Self::NoTimestamp
            | Self::AnswersNotBound
            | Self::Rsa15
            | Self::TripleDes
            | Self::Sha1Signature
            | Self::Sha1Digest => Grade::Warning,
            Self::AnonymousCallers
            | Self::NoSignatureConfirmation
            | Self::NotAddressed
            | Self::Sha1Mac
            | Self::CbcSignedInside
            | Self::SignatureInClear
            | Self::NoDerivedKeys
            | Self::NoCancel => Grade::Note,
        }
    }
}

impl fmt::Display for Weakness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::InClear(which) => {
                return write!(out, "in clear travel: {which}. Whoever is on the way reads and alters them");
            }
            Self::BodyNotSigned(which) => {
                return write!(out, "the body is not signed in: {which}. Whoever is on the way alters it");
            }
            Self::EncryptedNotSigned(which) => {
                let words = "CBC mode keeps nobody from altering it, nor from reading it by asking often enough";
                return write!(out, "the body is encrypted and not signed in: {which}. {words}");
            }
            Self::BodyNotEncrypted(which) => {
                return write!(out, "the body is not encrypted in: {which}. Whoever is on the way reads it");
            }
            Self::AddressingNotSigned(which) => {
                let words = "They can be sent elsewhere, or for something else";
                return write!(out, "not all headers of addressing are signed in: {which}. {words}");
            }
            Self::NameAlone => "a user name comes without proof: every caller may give any name",
            Self::NameNotSigned => "the user name is not signed: it can be moved into another message",
            Self::TokenOptional => "callers may leave their token out, and are anonymous then",
            Self::AnonymousCallers => "callers are anonymous",
            Self::PasswordDigest => {
                "passwords come as digests: to check them, the passwords themselves must be kept, and who sees a digest can \
                 guess at leisure"
            }
            Self::PasswordKey => "keys are derived from passwords: who sees a message can guess at leisure",
            Self::NoTimestamp => "messages have no timestamp: they never grow too old to be sent again",
            Self::AnswersNotBound => {
                "nothing signed binds an answer to its request, which need not confirm signatures: another answer can be put \
                 in its place"
            }
            Self::NoSignatureConfirmation => {
                "signatures are not confirmed: only the header RelatesTo binds an answer to its request"
            }
            Self::NotAddressed => {
                "messages do not say where they go: what is sent to one service can be taken to another that has the same \
                 certificate or the same users"
            }
            Self::Rsa15 => {
                "keys are encrypted by RSA of PKCS #1 1.5, which has been broken over and over; use RSA-OAEP"
            }
            Self::TripleDes => "Triple DES has short blocks: some 32 GiB under one key give plain text away; use AES",
            Self::Sha1Signature => {
                "certificates sign over SHA-1, for which collisions are found; use a suite with SHA-256"
            }
            Self::Sha1Digest => {
                "what is signed is digested by SHA-1, for which collisions are found; use a suite with SHA-256"
            }
            Self::Sha1Mac => "HMAC is over SHA-1, which is still sound for that",
            Self::CbcSignedInside => {
                "a cipher in CBC mode under a signature of the plain text: what was altered is found only after it was \
                 decrypted; a suite with GCM, or EncryptBeforeSigning, finds it before"
            }
            Self::SignatureInClear => {
                "the signature stays in clear over what is encrypted: a guess of the plain text can be tested against it"
            }
            Self::NoDerivedKeys => "keys are not derived: one key signs and encrypts all",
            Self::NoCancel => "conversations are never cancelled: they end when they expire",
        };
        out.write_str(words)
    }
}

/// What is weak in a policy, the worst first.
pub(super) fn judge(policy: &Policy, operations: &[Operation]) -> Vec<Warning> {
    let mut found = Found { warnings: Vec::new(), bootstrap: false };
    found.messages(policy, &groups(policy, operations));
    found.properties(policy);
    found.tokens(policy, operations);
    if let Some(token) = policy.conversation() {
        if !token.cancel {
            found.add(Weakness::NoCancel);
        }
        found.bootstrap = true;
        found.messages(&token.bootstrap, &groups(&token.bootstrap, &[]));
        found.properties(&token.bootstrap);
        found.names(&token.bootstrap);
    }
    // Those of one grade stay in their order.
    found.warnings.sort_by_key(|warning| std::cmp::Reverse(warning.grade()));
    found.warnings
}

struct Found {
    warnings: Vec<Warning>,
    /// Whether the policy that is judged is a bootstrap's.
    bootstrap: bool,
}

impl Found {
    fn add(&mut self, weakness: Weakness) {
        // What is weak in both is said of the messages themselves.
        if !self.warnings.iter().any(|known| known.weakness == weakness) {
            self.warnings.push(Warning { weakness, bootstrap: self.bootstrap });
        }
    }

    /// What is weak in what is signed and encrypted.
    fn messages(&mut self, policy: &Policy, groups: &[Group]) {
        let over_transport = matches!(policy.binding, Binding::Transport(_));
        let cbc = is_cbc(policy.properties.suite.cipher);
        for group in groups {
            let name = group.name();
            if !group.protected {
                self.add(Weakness::InClear(name));
                continue;
            }
            if over_transport {
                continue;
            }
            let any = |is: &dyn Fn(&Parts) -> bool| group.alternatives.iter().any(|asked| is(&asked.parts));
            let signs_something = |parts: &Parts| parts.signed.body || !parts.signed_elements.is_empty();
            if any(&|parts| !(signs_something(parts) || cbc && parts.encrypted.body)) {
                self.add(Weakness::BodyNotSigned(name.clone()));
            }
            if any(&|parts| !signs_something(parts) && cbc && parts.encrypted.body) {
                self.add(Weakness::EncryptedNotSigned(name.clone()));
            }
            if any(&|parts| !parts.encrypts_in_body()) {
                self.add(Weakness::BodyNotEncrypted(name.clone()));
            }
            if any(&|parts| !signs_addressing(policy.addressing, parts)) {
                self.add(Weakness::AddressingNotSigned(name.clone()));
            }
        }
        let answers = groups.iter().filter(|group| group.has(MessageKind::Response) || group.has(MessageKind::Fault));
        let bound = |parts: &Parts| {
            namespace(policy.addressing).is_some_and(|space| parts.signed.has_header(space, "RelatesTo"))
        };
        let all_bound = answers.flat_map(|group| &group.alternatives).all(|asked| bound(&asked.parts));
        if over_transport || policy.wss.signature_confirmation {
            return;
        }
        // The key of a request, or of a conversation, already says whose answer it is; which request's, only these.
        self.add(if all_bound { Weakness::NoSignatureConfirmation } else { Weakness::AnswersNotBound });
    }

    /// What is weak in the algorithms and properties.
    fn properties(&mut self, policy: &Policy) {
        let (suite, properties) = (policy.properties.suite, &policy.properties);
        if !properties.timestamp {
            self.add(Weakness::NoTimestamp);
        }
        if policy.addressing == Addressing::None && !matches!(policy.binding, Binding::Transport(_)) {
            self.add(Weakness::NotAddressed);
        }
        let (by_key, by_certificate) = (signs_by_key(policy), signs_by_certificate(policy));
        if by_certificate && suite.signature == SignatureAlgorithm::RsaSha1 {
            self.add(Weakness::Sha1Signature);
        }
        if (by_key || by_certificate) && suite.digest == DigestAlgorithm::Sha1 {
            self.add(Weakness::Sha1Digest);
        }
        if by_key && suite.mac == MacAlgorithm::HmacSha1 {
            self.add(Weakness::Sha1Mac);
        }
        if wraps_keys(policy) && suite.transport == KeyTransport::Rsa15 {
            self.add(Weakness::Rsa15);
        }
        if matches!(policy.binding, Binding::Transport(_)) {
            return;
        }
        if suite.cipher == CipherAlgorithm::TripleDesCbc {
            self.add(Weakness::TripleDes);
        }
        if properties.order == ProtectionOrder::SignBeforeEncrypt {
            if is_cbc(suite.cipher) {
                self.add(Weakness::CbcSignedInside);
            }
            if !properties.encrypt_signature {
                self.add(Weakness::SignatureInClear);
            }
        }
        if let Binding::Symmetric(binding) = &policy.binding {
            let derived = match &binding.protection {
                Token::X509(token) => token.derived_keys,
                Token::SecureConversation(token) => token.derived_keys,
                Token::Username(_) => DerivedKeys::None,
            };
            if derived == DerivedKeys::None {
                self.add(Weakness::NoDerivedKeys);
            }
        }
    }

    /// What is weak in who calls and how he proves it, at last by the messages' own tokens.
    fn tokens(&mut self, policy: &Policy, operations: &[Operation]) {
        self.names(policy);
        let own = operations.iter().flat_map(|operation| &operation.input.alternatives).flat_map(|own| &own.supporting);
        let with_own = Policy { supporting: own.cloned().collect(), ..policy.clone() };
        self.names(&with_own);
        let proving = policy.conversation().map_or(policy, |token| &token.bootstrap);
        let by_binding = match &proving.binding {
            Binding::Asymmetric(_) => true,
            Binding::Transport(binding) => binding.client_certificate,
            Binding::Symmetric(_) => false,
        };
        let mut tokens: Vec<_> = proving.supporting.iter().chain(&with_own.supporting).collect();
        tokens.retain(|own| !matches!(own.token, Token::SecureConversation(_)));
        if by_binding || tokens.iter().any(|own| !own.optional) {
            return;
        }
        self.add(if tokens.is_empty() { Weakness::AnonymousCallers } else { Weakness::TokenOptional });
    }

    /// What is weak in the user names among a policy's tokens.
    fn names(&mut self, policy: &Policy) {
        let over_transport = matches!(policy.binding, Binding::Transport(_));
        for own in &policy.supporting {
            let Token::Username(token) = &own.token else { continue };
            if own.endorsing {
                self.add(Weakness::PasswordKey);
                continue;
            }
            match token.password {
                PasswordKind::Text => {}
                PasswordKind::Digest => self.add(Weakness::PasswordDigest),
                PasswordKind::None => self.add(Weakness::NameAlone),
            }
            if !over_transport && !own.signed {
                self.add(Weakness::NameNotSigned);
            }
        }
    }
}

fn is_cbc(cipher: CipherAlgorithm) -> bool {
    !matches!(cipher, CipherAlgorithm::Aes128Gcm | CipherAlgorithm::Aes192Gcm | CipherAlgorithm::Aes256Gcm)
}

/// Whether what says where a message goes, and what it asks for or answers, is signed.
fn signs_addressing(addressing: Addressing, parts: &Parts) -> bool {
    let Some(space) = namespace(addressing) else { return true };
    ["To", "Action", "MessageID", "RelatesTo", "ReplyTo", "FaultTo"]
        .iter()
        .all(|name| parts.signed.has_header(space, name))
}
