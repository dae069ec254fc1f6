//! The algorithm suites: those of WS-SecurityPolicy 1.2, section 6.1, and those that stacks added under names of their
//! own. What each name means.
//!
//! Nothing else in the program knows these numbers.

use nuncio_crypto::algorithm::{CipherAlgorithm, DigestAlgorithm, KeyTransport, MacAlgorithm, SignatureAlgorithm};

/// One row of the table. Sizes are in octets.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The assertion's name, as policies write it.
    pub name: &'static str,
    /// Whose suite it is: the namespace of the assertion, empty for those of WS-SecurityPolicy, in whichever version.
    pub namespace: &'static str,
    /// The digest of references.
    pub digest: DigestAlgorithm,
    /// The symmetric signature, as WCF reads the suite, or whoever made it.
    pub mac: MacAlgorithm,
    /// The asymmetric signature, as WCF reads the suite, or whoever made it.
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
    /// The suite of WS-SecurityPolicy of that name, if it is built.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::of("", name)
    }

    /// The suite of that name among those of a namespace, which is empty for WS-SecurityPolicy's own.
    pub(crate) fn of(namespace: &str, name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name && suite.namespace == namespace)
    }
}

impl PartialEq for Suite {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.namespace) == (other.name, other.namespace)
    }
}

impl Eq for Suite {}

/// CXF's namespace, for the suites that it knows by itself and those that its tests load.
const CXF: &str = "http://cxf.apache.org/custom/security-policy";
/// The European e-delivery profile's namespace, as Domibus loads its suites.
const E_DELIVERY: &str = "http://e-delivery.eu/custom/security-policy";
/// The namespace of the Peppol access point Oxalis, whose suites are e-delivery's.
const OXALIS: &str = "http://oxalis.difi.no/custom/security-policy";

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
    cxf("Basic256GCM", sha1("", CipherAlgorithm::Aes256Gcm, 24, 32)),
    cxf("Basic192GCM", sha1("", CipherAlgorithm::Aes192Gcm, 24, 24)),
    cxf("Basic128GCM", sha1("", CipherAlgorithm::Aes128Gcm, 16, 16)),
    cxf("Basic256GCMRsa15", rsa15("", sha1("", CipherAlgorithm::Aes256Gcm, 24, 32))),
    cxf("Basic192GCMRsa15", rsa15("", sha1("", CipherAlgorithm::Aes192Gcm, 24, 24))),
    cxf("Basic128GCMRsa15", rsa15("", sha1("", CipherAlgorithm::Aes128Gcm, 16, 16))),
    // `Sha256` changes the digest of references alone: WSS4J keeps to the letter here too.
    cxf("Basic256GCMSha256Rsa15", rsa15("", digest256(CipherAlgorithm::Aes256Gcm, 24, 32))),
    cxf("Basic192GCMSha256Rsa15", rsa15("", digest256(CipherAlgorithm::Aes192Gcm, 24, 24))),
    cxf("Basic128GCMSha256Rsa15", rsa15("", digest256(CipherAlgorithm::Aes128Gcm, 16, 16))),
    // The names say it of the mask, and the second of the digest of OAEP and of references too. The first leaves both
    // at SHA-1. Under a symmetric binding CXF writes SHA-1 for OAEP's digest under the second name also.
    cxf("Basic256GCMMGFSHA256", Suite {
        transport: oaep11(DigestAlgorithm::Sha1),
        ..sha1("", CipherAlgorithm::Aes256Gcm, 24, 32)
    }),
    cxf("Basic256GCMMGFSHA256Digest", Suite {
        transport: oaep11(DigestAlgorithm::Sha256),
        ..digest256(CipherAlgorithm::Aes256Gcm, 24, 32)
    }),
    // SHA-512 is the digest of references too, and not that of the symmetric signature. Keys of 512 bits are admitted.
    cxf("Basic128RsaSha512", Suite {
        digest: DigestAlgorithm::Sha512,
        signature: SignatureAlgorithm::RsaSha512,
        maximum_key: 64,
        ..sha1("", CipherAlgorithm::Aes128Cbc, 16, 16)
    }),
    delivery(E_DELIVERY, "Basic128GCMSha256", OAEP),
    delivery(E_DELIVERY, "Basic128GCMSha256MgfSha256", oaep11(DigestAlgorithm::Sha256)),
    delivery(OXALIS, "Basic128GCMSha256", OAEP),
    delivery(OXALIS, "Basic128GCMSha256MgfSha256", oaep11(DigestAlgorithm::Sha256)),
];

/// Names beside the table that are not built: they are known, and refused as such.
///
/// What a `CustomAlgorithmSuite` is made of, in CXF's namespace or in that of WS-SecurityPolicy, stands in the
/// configuration of each side, and not in the policy.
pub(crate) const OTHER_NAMES: &[&str] = &["CustomAlgorithmSuite"];

/// RSA-OAEP as XML Encryption 1.0 has it (`rsa-oaep-mgf1p`), under every suite without `Rsa15`.
const OAEP: KeyTransport =
    KeyTransport::Oaep { digest: DigestAlgorithm::Sha1, mask: DigestAlgorithm::Sha1, v11: false };

/// RSA-OAEP as XML Encryption 1.1 has it, its mask over SHA-256.
const fn oaep11(digest: DigestAlgorithm) -> KeyTransport {
    KeyTransport::Oaep { digest, mask: DigestAlgorithm::Sha256, v11: true }
}

const fn sha1(name: &'static str, cipher: CipherAlgorithm, signature_key: usize, encryption_key: usize) -> Suite {
    Suite {
        name,
        namespace: "",
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

/// SHA-256 as the digest of references, and nowhere else.
const fn digest256(cipher: CipherAlgorithm, signature_key: usize, encryption_key: usize) -> Suite {
    Suite { digest: DigestAlgorithm::Sha256, ..sha1("", cipher, signature_key, encryption_key) }
}

/// A suite of CXF's.
const fn cxf(name: &'static str, suite: Suite) -> Suite {
    Suite { name, namespace: CXF, ..suite }
}

/// A suite of e-delivery: for the asymmetric binding, whose signatures are over SHA-256. Of symmetric ones it says nothing,
/// which leaves them at SHA-1.
const fn delivery(namespace: &'static str, name: &'static str, transport: KeyTransport) -> Suite {
    Suite {
        name,
        namespace,
        transport,
        signature: SignatureAlgorithm::RsaSha256,
        ..digest256(CipherAlgorithm::Aes128Gcm, 16, 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_found_by_its_own_name_alone() {
        for suite in SUITES {
            assert_eq!(Suite::of(suite.namespace, suite.name), Some(suite));
            assert_eq!(Suite::named(suite.name).is_some(), suite.namespace.is_empty(), "{}", suite.name);
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
    fn suites_of_other_namespaces_are_what_their_makers_mean() {
        let suite = Suite::of(CXF, "Basic256GCMMGFSHA256").unwrap();
        assert_eq!((suite.digest, suite.mac), (DigestAlgorithm::Sha1, MacAlgorithm::HmacSha1));
        assert_eq!(suite.transport, oaep11(DigestAlgorithm::Sha1));
        let suite = Suite::of(CXF, "Basic128GCMSha256Rsa15").unwrap();
        assert_eq!((suite.digest, suite.signature), (DigestAlgorithm::Sha256, SignatureAlgorithm::RsaSha1));
        assert_eq!((suite.transport, suite.also_signature), (KeyTransport::Rsa15, None));
        let suite = Suite::of(E_DELIVERY, "Basic128GCMSha256").unwrap();
        assert_eq!((suite.transport, suite.signature), (OAEP, SignatureAlgorithm::RsaSha256));
        assert_ne!(Some(suite), Suite::of(OXALIS, "Basic128GCMSha256"), "another namespace's is another suite");
    }

    #[test]
    fn keys_fit_the_cipher() {
        for suite in SUITES {
            assert_eq!(suite.cipher.key_size(), suite.encryption_key, "{}", suite.name);
        }
    }
}
