//! The algorithms of a policy, as far as it uses them, and each in words.

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};

use crate::model::{Binding, Canonicalization, Policy, Token};

/// Whether keys sign that both sides have: those of conversations, transported or derived ones.
pub(super) fn signs_by_key(policy: &Policy) -> bool {
    matches!(policy.binding, Binding::Symmetric(_))
        || policy.supporting.iter().any(|own| own.endorsing && !matches!(own.token, Token::X509(_)))
}

/// Whether the keys of certificates sign.
pub(super) fn signs_by_certificate(policy: &Policy) -> bool {
    matches!(policy.binding, Binding::Asymmetric(_))
        || policy.supporting.iter().any(|own| own.endorsing && matches!(own.token, Token::X509(_)))
}

/// Whether keys are encrypted for certificates.
pub(super) fn wraps_keys(policy: &Policy) -> bool {
    match &policy.binding {
        Binding::Transport(_) => false,
        Binding::Symmetric(binding) => matches!(binding.protection, Token::X509(_)),
        Binding::Asymmetric(binding) => {
            binding.encryption.as_ref().is_none_or(|tokens| tokens.initiator.is_some() || tokens.recipient.is_some())
        }
    }
}

/// The algorithms that a policy uses, and what for.
pub(super) fn algorithms(policy: &Policy) -> Vec<String> {
    let suite = policy.properties.suite;
    let mut said = Vec::new();
    let mut uses = Vec::new();
    if !matches!(policy.binding, Binding::Transport(_)) {
        uses.push(format!("{} encrypts", cipher(suite.cipher)));
    }
    if signs_by_key(policy) {
        uses.push(format!("{} signs by keys that both sides have", mac(suite.mac)));
    }
    if signs_by_certificate(policy) {
        uses.push(format!("{} signs by certificates", signature(suite.signature)));
    }
    if !uses.is_empty() {
        uses.push(format!("{} digests what is signed", digest(suite.digest)));
    }
    if wraps_keys(policy) {
        uses.push(format!("{} encrypts keys", transport(suite.transport)));
    }
    if uses.is_empty() {
        said.push("What protects the messages is what TLS agrees upon.".to_owned());
    } else {
        said.push(format!("{}: {}.", suite.name, uses.join(", ")));
    }
    match policy.properties.options.canonicalization {
        Canonicalization::Exclusive => {}
        Canonicalization::Inclusive => said.push("What is signed is in canonical XML 1.0, inclusive.".to_owned()),
        Canonicalization::Inclusive11 => said.push("What is signed is in canonical XML 1.1, inclusive.".to_owned()),
    }
    said
}

/// A digest in words.
pub fn digest(algorithm: DigestAlgorithm) -> &'static str {
    match algorithm {
        DigestAlgorithm::Sha1 => "SHA-1",
        DigestAlgorithm::Sha256 => "SHA-256",
        DigestAlgorithm::Sha384 => "SHA-384",
        DigestAlgorithm::Sha512 => "SHA-512",
    }
}

/// A symmetric signature in words.
pub fn mac(algorithm: MacAlgorithm) -> &'static str {
    match algorithm {
        MacAlgorithm::HmacSha1 => "HMAC-SHA-1",
        MacAlgorithm::HmacSha256 => "HMAC-SHA-256",
        MacAlgorithm::HmacSha384 => "HMAC-SHA-384",
        MacAlgorithm::HmacSha512 => "HMAC-SHA-512",
    }
}

/// An asymmetric signature in words.
pub fn signature(algorithm: SignatureAlgorithm) -> &'static str {
    match algorithm {
        SignatureAlgorithm::RsaSha1 => "RSA with SHA-1",
        SignatureAlgorithm::RsaSha256 => "RSA with SHA-256",
        SignatureAlgorithm::RsaSha384 => "RSA with SHA-384",
        SignatureAlgorithm::RsaSha512 => "RSA with SHA-512",
        SignatureAlgorithm::EcdsaSha256 => "ECDSA with SHA-256",
        SignatureAlgorithm::EcdsaSha384 => "ECDSA with SHA-384",
        SignatureAlgorithm::EcdsaSha512 => "ECDSA with SHA-512",
    }
}

/// An encryption of data in words.
pub fn cipher(algorithm: CipherAlgorithm) -> &'static str {
    match algorithm {
        CipherAlgorithm::TripleDesCbc => "Triple DES in CBC mode",
        CipherAlgorithm::Aes128Cbc => "AES-128 in CBC mode",
        CipherAlgorithm::Aes192Cbc => "AES-192 in CBC mode",
        CipherAlgorithm::Aes256Cbc => "AES-256 in CBC mode",
        CipherAlgorithm::Aes128Gcm => "AES-128 in GCM mode",
        CipherAlgorithm::Aes192Gcm => "AES-192 in GCM mode",
        CipherAlgorithm::Aes256Gcm => "AES-256 in GCM mode",
    }
}

/// An encryption of a key under a certificate in words.
pub fn transport(algorithm: KeyTransport) -> &'static str {
    match algorithm {
        KeyTransport::Oaep { .. } => "RSA-OAEP",
        KeyTransport::Rsa15 => "RSA of PKCS #1 1.5",
    }
}
