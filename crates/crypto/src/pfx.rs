//! Keys with their certificates in one file under a password: PKCS #12 ([RFC 7292]), which Windows calls PFX.
//!
//! For operators' files alone: what a peer sends is never read so. The crate behind it keeps copies of the key that it does
//! not zero; it is called once for each file, at load.

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12Archive, PrivateKeyChain, error::Error};
use zeroize::Zeroizing;

use crate::base64;
use crate::certificate::{Certificate, CertificateError};
use crate::key::PrivateKey;
use crate::secret::Secret;

/// The largest file that is read, in octets: some certificates and a key are a few thousand.
pub const MAX_PFX: usize = 1024 * 1024;

/// Why a file of PKCS #12 cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PfxError {
    /// Not PKCS #12, or broken.
    #[error("is not a sound PKCS #12 file")]
    Malformed,
    /// Its integrity code, or what is encrypted in it, does not fit the password.
    #[error("the password is not that of the file")]
    Password,
    /// Encrypted by a cipher that is none of those in use: AES, Triple DES, RC2 with 40 bits.
    #[error("is encrypted in a way that is not read: write it anew, with AES")]
    Unsupported,
    /// Not exactly one private key.
    #[error("there are {0} private keys in it in place of one")]
    Keys(usize),
    /// No certificate for the key.
    #[error("there is no certificate in it for its key")]
    NoCertificate,
    /// A certificate in it is none.
    #[error("a certificate in it {0}")]
    Certificate(#[from] CertificateError),
}

/// A private key with its certificate. Without `Debug`, as every secret.
pub struct Pfx {
    /// The key, in PKCS #8.
    pub key: Secret,
    /// Its certificate, and after it those above it as far as they are in the file, each the issuer of the one before.
    pub chain: Vec<Certificate>,
}

impl Pfx {
    /// Reads a file under its password.
    pub fn read(octets: &[u8], password: &Secret) -> Result<Self, PfxError> {
        if octets.len() > MAX_PFX {
            return Err(PfxError::Malformed);
        }
        let password = std::str::from_utf8(password.expose()).map_err(|_| PfxError::Password)?;
        let archive = Pkcs12Archive::from_pkcs12(octets, password).map_err(|error| told(&error))?;
        let [key] = &*archive.keys else { return Err(PfxError::Keys(archive.keys.len())) };
        let identifier = key.local_key_id.as_ref().map(|identifier| &*identifier.0);
        let key = Secret::from(key.key.as_der());
        let certificates = archive.certs.iter().map(|bag| Certificate::from_der(bag.cert.as_der().to_vec()));
        let certificates: Vec<Certificate> = certificates.collect::<Result<_, _>>()?;
        // A key's certificate is the one about it. Of a key that is not RSA the file's own word is taken, and whoever uses it
        // finds out.
        let own = match PrivateKey::from_der(key.expose()) {
            Ok(private) => certificates.iter().position(|certificate| private.matches(certificate)),
            Err(_) => {
                archive.certs.iter().position(|bag| identifier.is_some() && bag.local_key_id.as_deref() == identifier)
            }
        };
        let mut chain = vec![certificates[own.ok_or(PfxError::NoCertificate)?].clone()];
        while let Some(last) = chain.last()
            && let Some(issuer) =
                certificates.iter().find(|other| other.subject() == last.issuer() && !chain.contains(other))
        {
            chain.push(issuer.clone());
        }
        Ok(Self { key, chain })
    }

    /// Writes a file under a password: AES-256 under a key of 10,000 rounds, and an integrity code over SHA-256, as today's
    /// Windows, Java and OpenSSL do. Its salts the crate behind it draws from the system, which nothing on a message's way
    /// does.
    pub fn write(&self, password: &Secret) -> Result<Vec<u8>, PfxError> {
        let password = std::str::from_utf8(password.expose()).map_err(|_| PfxError::Password)?;
        let own = self.chain.first().ok_or(PfxError::NoCertificate)?;
        let key = p12_keystore::PrivateKey::from_der(self.key.expose()).map_err(|_| PfxError::Malformed)?;
        let chain = self.chain.iter().map(|certificate| p12_keystore::Certificate::from_der(certificate.der()));
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|_| PfxError::Malformed)?;
        let mut store = KeyStore::new();
        // By the thumbprint the key finds its certificate; the name is what people see.
        let entry = PrivateKeyChain::new(own.thumbprint().to_vec(), key, chain);
        store.add_entry(own.subject(), KeyStoreEntry::PrivateKeyChain(entry));
        store.writer(password).write().map_err(|_| PfxError::Malformed)
    }

    /// The key in PEM (`PRIVATE KEY`).
    pub fn key_pem(&self) -> Secret {
        let mut pem = Vec::with_capacity(self.key.len() * 2 + 64);
        write_pem(&mut pem, "PRIVATE KEY", self.key.expose());
        Secret::new(pem)
    }

    /// The chain in PEM, the key's own certificate first.
    pub fn chain_pem(&self) -> Vec<u8> {
        let mut pem = Vec::new();
        for certificate in &self.chain {
            write_pem(&mut pem, "CERTIFICATE", certificate.der());
        }
        pem
    }
}

fn write_pem(out: &mut Vec<u8>, label: &str, der: &[u8]) {
    let text = Zeroizing::new(base64::encode(der));
    out.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in text.as_bytes().chunks(64) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
}

fn told(error: &Error) -> PfxError {
    match error {
        Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => PfxError::Password,
        Error::UnsupportedEncryptionScheme | Error::UnsupportedMacAlgorithm => PfxError::Unsupported,
        _ => PfxError::Malformed,
    }
}
