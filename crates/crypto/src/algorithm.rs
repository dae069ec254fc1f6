//! Every algorithm this crate has, and the URI by which the specifications name it.
//!
//! The tables are [XML Signature 1.1] section 6.1, [XML Encryption 1.1] section 5.1 and [RFC 6931]. A URI that is not
//! here has no implementation behind it, so it cannot be asked for by a peer; which of these a route allows is its
//! suite's affair.

/// A digest function ([XML Signature 1.1] section 6.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DigestAlgorithm {
    /// SHA-1, 20 octets. The digest of every suite without `Sha256` in its name.
    Sha1,
    /// SHA-256, 32 octets.
    Sha256,
    /// SHA-384, 48 octets.
    Sha384,
    /// SHA-512, 64 octets.
    Sha512,
}

impl DigestAlgorithm {
    /// Every digest, shortest first.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The URI of `ds:DigestMethod/@Algorithm`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The digest of that URI, compared octet by octet; `None` for one that is not built.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The URI of `xenc11:MGF/@Algorithm`: MGF1 with this digest ([XML Encryption 1.1] section 5.5.2).
    pub const fn mask_uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2009/xmlenc11#mgf1sha1",
            Self::Sha256 => "http://www.w3.org/2009/xmlenc11#mgf1sha256",
            Self::Sha384 => "http://www.w3.org/2009/xmlenc11#mgf1sha384",
            Self::Sha512 => "http://www.w3.org/2009/xmlenc11#mgf1sha512",
        }
    }

    /// The digest under the mask generation function of that URI.
    pub fn from_mask_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.mask_uri() == uri)
    }

    /// Octets of a digest.
    pub const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// A keyed digest under a symmetric signature ([XML Signature 1.1] section 6.3). Always of full length:
/// `HMACOutputLength` has no place here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MacAlgorithm {
    /// HMAC with SHA-1, 20 octets.
    HmacSha1,
    /// HMAC with SHA-256, 32 octets.
    HmacSha256,
    /// HMAC with SHA-384, 48 octets.
    HmacSha384,
    /// HMAC with SHA-512, 64 octets.
    HmacSha512,
}

impl MacAlgorithm {
    /// Every MAC, shortest first.
    pub const ALL: [Self; 4] = [Self::HmacSha1, Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// The URI of `ds:SignatureMethod/@Algorithm`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::HmacSha1 => "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
            Self::HmacSha256 => "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
            Self::HmacSha384 => "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384",
            Self::HmacSha512 => "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512",
        }
    }

    /// The MAC of that URI, compared octet by octet; `None` for one that is not built.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The digest inside.
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::HmacSha1 => DigestAlgorithm::Sha1,
            Self::HmacSha256 => DigestAlgorithm::Sha256,
            Self::HmacSha384 => DigestAlgorithm::Sha384,
            Self::HmacSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// Octets of a tag.
    pub const fn size(self) -> usize {
        self.digest().size()
    }
}

/// A block encryption ([XML Encryption 1.1] section 5.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CipherAlgorithm {
    /// Triple DES (EDE, three keys) in CBC mode. For the `TripleDes` suites of [WS-SP 1.3] section 6.1: its blocks of 8
    /// octets begin to repeat after some 32 GiB under one key, and it is some seventy times as slow as AES to encrypt
    /// with: a MiB takes a tenth of a second.
    TripleDesCbc,
    /// AES-128 in CBC mode.
    Aes128Cbc,
    /// AES-192 in CBC mode.
    Aes192Cbc,
    /// AES-256 in CBC mode.
    Aes256Cbc,
    /// AES-128 in GCM ([XML Encryption 1.1] section 5.2.4).
    Aes128Gcm,
    /// AES-192 in GCM.
    Aes192Gcm,
    /// AES-256 in GCM.
    Aes256Gcm,
}

impl CipherAlgorithm {
    /// Every cipher.
    pub const ALL: [Self; 7] = [
        Self::TripleDesCbc,
        Self::Aes128Cbc,
        Self::Aes192Cbc,
        Self::Aes256Cbc,
        Self::Aes128Gcm,
        Self::Aes192Gcm,
        Self::Aes256Gcm,
    ];

    /// The URI of `xenc:EncryptionMethod/@Algorithm` in an `xenc:EncryptedData`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::TripleDesCbc => "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
            Self::Aes128Cbc => "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
            Self::Aes192Cbc => "http://www.w3.org/2001/04/xmlenc#aes192-cbc",
            Self::Aes256Cbc => "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes192Gcm => "http://www.w3.org/2009/xmlenc11#aes192-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        }
    }

    /// The cipher of that URI, compared octet by octet; `None` for one that is not built.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// Octets of the key. Of a key of Triple DES every eighth bit counts for nothing; none is asked to be a parity bit.
    pub const fn key_size(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes128Gcm => 16,
            Self::TripleDesCbc | Self::Aes192Cbc | Self::Aes192Gcm => 24,
            Self::Aes256Cbc | Self::Aes256Gcm => 32,
        }
    }

    /// Octets of the initialization vector in front of the ciphertext.
    pub const fn iv_size(self) -> usize {
        match self {
            Self::TripleDesCbc => 8,
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => 16,
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => 12,
        }
    }

    /// Octets of the authentication tag behind the ciphertext; `None` for a cipher that protects nothing against
    /// change.
    pub const fn tag_size(self) -> Option<usize> {
        match self {
            Self::TripleDesCbc | Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => None,
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => Some(16),
        }
    }
}

/// An asymmetric signature ([XML Signature 1.1] section 6.4): RSASSA-PKCS1-v1_5 or ECDSA.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SignatureAlgorithm {
    /// RSA over SHA-1. What every suite of [WS-SP 1.3] section 6.1 names.
    RsaSha1,
    /// RSA over SHA-256. What WCF reads into the `Sha256` suites.
    RsaSha256,
    /// RSA over SHA-384.
    RsaSha384,
    /// RSA over SHA-512.
    RsaSha512,
    /// ECDSA over SHA-256, on whichever curve the key is. ECDSA is verified, and never made: our own keys are RSA.
    EcdsaSha256,
    /// ECDSA over SHA-384.
    EcdsaSha384,
    /// ECDSA over SHA-512.
    EcdsaSha512,
}

impl SignatureAlgorithm {
    /// Every signature algorithm, RSA first, shortest digest first.
    pub const ALL: [Self; 7] = [
        Self::RsaSha1,
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
    ];

    /// The URI of `ds:SignatureMethod/@Algorithm`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha1 => "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::EcdsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The signature algorithm of that URI, compared octet by octet; `None` for one that is not built.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The digest inside.
    pub const fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaSha1 => DigestAlgorithm::Sha1,
            Self::RsaSha256 | Self::EcdsaSha256 => DigestAlgorithm::Sha256,
            Self::RsaSha384 | Self::EcdsaSha384 => DigestAlgorithm::Sha384,
            Self::RsaSha512 | Self::EcdsaSha512 => DigestAlgorithm::Sha512,
        }
    }

    /// Whether the key is one on a curve, and not an RSA key.
    pub const fn is_ecdsa(self) -> bool {
        match self {
            Self::RsaSha1 | Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => false,
            Self::EcdsaSha256 | Self::EcdsaSha384 | Self::EcdsaSha512 => true,
        }
    }
}

/// A key transport ([XML Encryption 1.1] section 5.5), with the parameters that the children of
/// `xenc:EncryptionMethod` carry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyTransport {
    /// RSAES-OAEP with an empty label.
    Oaep {
        /// The digest of the label.
        digest: DigestAlgorithm,
        /// The digest under the mask generation function MGF1.
        mask: DigestAlgorithm,
        /// Whether the URI is that of [XML Encryption 1.1], `xmlenc11#rsa-oaep`, and not `xmlenc#rsa-oaep-mgf1p`.
        v11: bool,
    },
    /// RSAES-PKCS1-v1_5. For the `Rsa15` suites of [WS-SP 1.3] section 6.1, and for nobody else: what
    /// [`unwrap`](crate::transport::unwrap) makes of it proves nothing.
    Rsa15,
}

impl KeyTransport {
    /// `rsa-oaep-mgf1p` without children: SHA-1 twice. What the suites of [WS-SP 1.3] and WCF mean by OAEP.
    pub const OAEP_SHA1: Self = Self::Oaep { digest: DigestAlgorithm::Sha1, mask: DigestAlgorithm::Sha1, v11: false };

    /// The URI of `xenc:EncryptionMethod/@Algorithm` in an `xenc:EncryptedKey`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::Oaep { v11: false, .. } => "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            Self::Oaep { v11: true, .. } => "http://www.w3.org/2009/xmlenc11#rsa-oaep",
            Self::Rsa15 => "http://www.w3.org/2001/04/xmlenc#rsa-1_5",
        }
    }

    /// The key transport of an `xenc:EncryptionMethod`: its URI, and the URIs of its children `ds:DigestMethod` and
    /// `xenc11:MGF` where they are there ([XML Encryption 1.1] sections 5.5.2 and 5.5.3).
    ///
    /// Without a child its digest is SHA-1, each on its own. `rsa-oaep-mgf1p` fixes MGF1 with SHA-1, so under that URI
    /// a mask that says otherwise gives `None`, as does `rsa-1_5` with any child, and whatever is not built.
    pub fn from_parts(uri: &str, digest: Option<&str>, mask: Option<&str>) -> Option<Self> {
        if uri == Self::Rsa15.uri() {
            return (digest.is_none() && mask.is_none()).then_some(Self::Rsa15);
        }
        let digest = digest.map_or(Some(DigestAlgorithm::Sha1), DigestAlgorithm::from_uri)?;
        let mask = mask.map_or(Some(DigestAlgorithm::Sha1), DigestAlgorithm::from_mask_uri)?;
        [false, true]
            .into_iter()
            .filter(|v11| *v11 || mask == DigestAlgorithm::Sha1)
            .map(|v11| Self::Oaep { digest, mask, v11 })
            .find(|a| a.uri() == uri)
    }
}

/// A key wrap under a symmetric key ([XML Encryption 1.1] section 5.6).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyWrap {
    /// Triple DES in CBC mode, twice, with a checksum ([RFC 3217]).
    TripleDes,
    /// AES-128 ([RFC 3394]).
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
}

impl KeyWrap {
    /// Every key wrap.
    pub const ALL: [Self; 4] = [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256];

    /// The URI of `xenc:EncryptionMethod/@Algorithm` in an `xenc:EncryptedKey`.
    pub const fn uri(self) -> &'static str {
        match self {
            Self::TripleDes => "http://www.w3.org/2001/04/xmlenc#kw-tripledes",
            Self::Aes128 => "http://www.w3.org/2001/04/xmlenc#kw-aes128",
            Self::Aes192 => "http://www.w3.org/2001/04/xmlenc#kw-aes192",
            Self::Aes256 => "http://www.w3.org/2001/04/xmlenc#kw-aes256",
        }
    }

    /// The key wrap of that URI, compared octet by octet; `None` for one that is not built.
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// Octets of the key that wraps.
    pub const fn key_size(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every URI leads back to its algorithm, and a URI of one kind means nothing to another.
    #[test]
    fn uris_lead_back() {
        for a in DigestAlgorithm::ALL {
            assert_eq!(DigestAlgorithm::from_uri(a.uri()), Some(a));
            assert_eq!(DigestAlgorithm::from_mask_uri(a.mask_uri()), Some(a));
            assert_eq!(MacAlgorithm::from_uri(a.uri()), None);
        }
        for a in MacAlgorithm::ALL {
            assert_eq!(MacAlgorithm::from_uri(a.uri()), Some(a));
            assert_eq!(SignatureAlgorithm::from_uri(a.uri()), None, "an HMAC must not pass for a signature");
            assert_eq!(a.size(), a.digest().size());
        }
        for a in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::from_uri(a.uri()), Some(a));
            assert_eq!(MacAlgorithm::from_uri(a.uri()), None, "a signature must not pass for an HMAC");
        }
        for a in CipherAlgorithm::ALL {
            assert_eq!(CipherAlgorithm::from_uri(a.uri()), Some(a));
            assert_eq!(KeyWrap::from_uri(a.uri()), None, "what encrypts data must not wrap keys");
        }
        for a in KeyWrap::ALL {
            assert_eq!(KeyWrap::from_uri(a.uri()), Some(a));
            assert_eq!(
                CipherAlgorithm::from_uri(a.uri()),
                None,
                "what wraps keys must not pass for what encrypts data"
            );
            assert_eq!(KeyTransport::from_parts(a.uri(), None, None), None);
        }
    }

    /// What is weak or not built has no row, and no row is found by a near miss.
    #[test]
    fn other_uris_are_unknown() {
        for uri in [
            "",
            "http://www.w3.org/2000/09/xmldsig#SHA1",
            "http://www.w3.org/2000/09/xmldsig#sha1 ",
            "http://www.w3.org/2001/04/xmldsig-more#md5",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-md5",
            "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
            "http://www.w3.org/2001/04/xmlenc#des-cbc",
            "http://www.w3.org/2001/04/xmlenc#rsa-1_5 ",
        ] {
            assert_eq!(DigestAlgorithm::from_uri(uri), None, "{uri}");
            assert_eq!(MacAlgorithm::from_uri(uri), None, "{uri}");
            assert_eq!(CipherAlgorithm::from_uri(uri), None, "{uri}");
            assert_eq!(SignatureAlgorithm::from_uri(uri), None, "{uri}");
            assert_eq!(KeyTransport::from_parts(uri, None, None), None, "{uri}");
        }
    }

    /// The parameters of OAEP default each on its own, and the older URI fixes the mask.
    #[test]
    fn oaep_by_its_parts() {
        use DigestAlgorithm::{Sha1, Sha256};
        const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
        const OAEP11: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
        let (sha256, mask256) = (Some(Sha256.uri()), Some(Sha256.mask_uri()));
        let oaep = |digest, mask, v11| Some(KeyTransport::Oaep { digest, mask, v11 });

        assert_eq!(KeyTransport::from_parts(MGF1P, None, None), Some(KeyTransport::OAEP_SHA1));
        assert_eq!(KeyTransport::from_parts(MGF1P, sha256, None), oaep(Sha256, Sha1, false));
        assert_eq!(KeyTransport::from_parts(MGF1P, sha256, Some(Sha1.mask_uri())), oaep(Sha256, Sha1, false));
        assert_eq!(KeyTransport::from_parts(MGF1P, sha256, mask256), None);
        assert_eq!(KeyTransport::from_parts(OAEP11, None, None), oaep(Sha1, Sha1, true));
        assert_eq!(KeyTransport::from_parts(OAEP11, None, mask256), oaep(Sha1, Sha256, true));
        assert_eq!(KeyTransport::from_parts(OAEP11, sha256, mask256), oaep(Sha256, Sha256, true));
        assert_eq!(KeyTransport::from_parts(OAEP11, Some("http://www.w3.org/2001/04/xmlenc#ripemd160"), None), None);
        assert_eq!(KeyTransport::from_parts(OAEP11, None, sha256), None, "a digest's URI is not a mask's");
        assert_eq!(KeyTransport::OAEP_SHA1.uri(), MGF1P);
    }

    /// RSA 1.5 has no parameters.
    #[test]
    fn rsa15_by_its_parts() {
        let (uri, sha1) = (KeyTransport::Rsa15.uri(), DigestAlgorithm::Sha1);
        assert_eq!(KeyTransport::from_parts(uri, None, None), Some(KeyTransport::Rsa15));
        assert_eq!(KeyTransport::from_parts(uri, Some(sha1.uri()), None), None);
        assert_eq!(KeyTransport::from_parts(uri, None, Some(sha1.mask_uri())), None);
    }
}
