//! The algorithm suites (WS-SecurityPolicy 1.2, section 6.1): what each name of the table means.
//!
//! Nothing else in the program knows these numbers.

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};

/// One row of the table. Sizes are in octets.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The assertion's name, as policies write it.
    pub name: &'static str,
    /// The digest of references.
    pub digest: DigestAlgorithm,
    /// The symmetric signature, as WCF reads the suite.
    pub mac: MacAlgorithm,
    /// The asymmetric signature, as WCF reads the suite.
    pub signature: SignatureAlgorithm,
    /// The symmetric signature by the letter of the table, where WCF departs from it: WSS4J, and so CXF, keeps to it.
    pub also_mac: Option<MacAlgorithm>,
    /// The asymmetric signature by the letter of the table, where WCF departs from it.
    pub also_signature: Option<SignatureAlgorithm>,
    /// The encryption of parts.
    pub cipher: CipherAlgorithm,
    /// The encryption of a key under a certificate.
    pub transport: KeyTransport,
    /// The length of a derived key that signs.
    pub signature_key: usize,
    /// The length of a derived key that encrypts.
    pub encryption_key: usize,
    /// The length of a symmetric key that is made for the suite: a session's, or a transported one.
    pub key: usize,
    /// The shortest symmetric key that the suite admits.
    pub minimum_key: usize,
    /// The longest symmetric key that the suite admits.
    pub maximum_key: usize,
}

impl Suite {
    /// The suite of that name, if it is built.
    pub fn named(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name)
    }
}

impl PartialEq for Suite {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Suite {}

/// The table.
#[rustfmt::skip]
pub const SUITES: &[Suite] = &[
    sha1("Basic256", CipherAlgorithm::Aes256Cbc, 24, 32),
    sha1("Basic192", CipherAlgorithm::Aes192Cbc, 24, 24),
    sha1("Basic128", CipherAlgorithm::Aes128Cbc, 16, 16),
    sha1("TripleDes", CipherAlgorithm::TripleDesCbc, 24, 24),
    sha256("Basic256Sha256", CipherAlgorithm::Aes256Cbc, 24, 32),
    sha256("Basic192Sha256", CipherAlgorithm::Aes192Cbc, 24, 24),
    sha256("Basic128Sha256", CipherAlgorithm::Aes128Cbc, 16, 16),
    sha256("TripleDesSha256", CipherAlgorithm::TripleDesCbc, 24, 24),
    rsa15("Basic256Rsa15", sha1("", CipherAlgorithm::Aes256Cbc, 24, 32)),
    rsa15("Basic192Rsa15", sha1("", CipherAlgorithm::Aes192Cbc, 24, 24)),
    rsa15("Basic128Rsa15", sha1("", CipherAlgorithm::Aes128Cbc, 16, 16)),
    rsa15("TripleDesRsa15", sha1("", CipherAlgorithm::TripleDesCbc, 24, 24)),
    rsa15("Basic256Sha256Rsa15", sha256("", CipherAlgorithm::Aes256Cbc, 24, 32)),
    rsa15("Basic192Sha256Rsa15", sha256("", CipherAlgorithm::Aes192Cbc, 24, 24)),
    rsa15("Basic128Sha256Rsa15", sha256("", CipherAlgorithm::Aes128Cbc, 16, 16)),
    rsa15("TripleDesSha256Rsa15", sha256("", CipherAlgorithm::TripleDesCbc, 24, 24)),
];

/// Names beside the table that are not built: they are known, and refused as such.
pub(crate) const OTHER_NAMES: &[&str] = &["CustomAlgorithmSuite"];

/// RSA-OAEP as XML Encryption 1.0 has it (`rsa-oaep-mgf1p`), under every suite without `Rsa15`.
const OAEP: KeyTransport =
    KeyTransport::Oaep { digest: DigestAlgorithm::Sha1, mask: DigestAlgorithm::Sha1, v11: false };

const fn sha1(name: &'static str, cipher: CipherAlgorithm, signature_key: usize, encryption_key: usize) -> Suite {
    Suite {
        name,
        digest: DigestAlgorithm::Sha1,
        mac: MacAlgorithm::HmacSha1,
        signature: SignatureAlgorithm::RsaSha1,
        also_mac: None,
        also_signature: None,
        cipher,
        transport: OAEP,
        signature_key,
        encryption_key,
        key: encryption_key,
        minimum_key: encryption_key,
        maximum_key: 32,
    }
}

/// The table says that these change the digest alone; WCF changes the signatures with it.
const fn sha256(name: &'static str, cipher: CipherAlgorithm, signature_key: usize, encryption_key: usize) -> Suite {
    Suite {
        digest: DigestAlgorithm::Sha256,
        mac: MacAlgorithm::HmacSha256,
        signature: SignatureAlgorithm::RsaSha256,
        also_mac: Some(MacAlgorithm::HmacSha1),
        also_signature: Some(SignatureAlgorithm::RsaSha1),
        ..sha1(name, cipher, signature_key, encryption_key)
    }
}

/// A suite that transports keys as PKCS #1 1.5 has it. Nothing else turns that on.
const fn rsa15(name: &'static str, suite: Suite) -> Suite {
    Suite { name, transport: KeyTransport::Rsa15, ..suite }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_found_by_its_own_name_alone() {
        for suite in SUITES {
            assert_eq!(Suite::named(suite.name), Some(suite));
            assert!(!OTHER_NAMES.contains(&suite.name));
        }
        for name in OTHER_NAMES {
            assert_eq!(Suite::named(name), None);
        }
        assert_eq!(Suite::named("basic256"), None);
    }

    #[test]
    fn a_signature_key_of_basic256_has_24_octets() {
        let suite = Suite::named("Basic256").unwrap();
        assert_eq!((suite.signature_key, suite.encryption_key, suite.key), (24, 32, 32));
        assert_eq!((suite.mac, suite.also_mac), (MacAlgorithm::HmacSha1, None));
    }

    #[test]
    fn keys_fit_the_cipher() {
        for suite in SUITES {
            assert_eq!(suite.cipher.key_size(), suite.encryption_key, "{}", suite.name);
        }
    }
}
