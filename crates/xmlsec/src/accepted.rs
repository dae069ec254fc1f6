//! The algorithms that a message may use.

use nuncio_crypto::algorithm::{
    CipherAlgorithm, DigestAlgorithm, KeyTransport, KeyWrap, MacAlgorithm, SignatureAlgorithm,
};

use crate::Invalid;
use crate::transform::C14n;

/// The algorithms that a policy's suite lets in. Checked before any data is touched.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Canonicalisations of `ds:SignedInfo`.
    pub canonicalisations: &'static [C14n],
    /// Canonicalisations of what is signed.
    pub transforms: &'static [C14n],
    /// Digests of references.
    pub digests: Vec<DigestAlgorithm>,
    /// Symmetric signatures.
    pub macs: Vec<MacAlgorithm>,
    /// Asymmetric signatures.
    pub signatures: Vec<SignatureAlgorithm>,
    /// Encryption of data.
    pub ciphers: Vec<CipherAlgorithm>,
    /// Transport of keys.
    pub transports: Vec<KeyTransport>,
    /// Keys under symmetric keys.
    pub wraps: Vec<KeyWrap>,
}

impl Accepted {
    /// Every algorithm that is built: for whoever looks at a message, and never for whoever takes one.
    pub fn whatever_is_built() -> Self {
        const FORMS: &[C14n] = &[C14n::Exclusive, C14n::Inclusive];
        let oaep = DigestAlgorithm::ALL.into_iter().flat_map(|digest| {
            let masks = DigestAlgorithm::ALL.into_iter();
            masks.flat_map(move |mask| [false, true].map(|v11| KeyTransport::Oaep { digest, mask, v11 }))
        });
        Self {
            canonicalisations: FORMS,
            transforms: FORMS,
            digests: DigestAlgorithm::ALL.to_vec(),
            macs: MacAlgorithm::ALL.to_vec(),
            signatures: SignatureAlgorithm::ALL.to_vec(),
            ciphers: CipherAlgorithm::ALL.to_vec(),
            transports: oaep.chain([KeyTransport::Rsa15]).collect(),
            wraps: KeyWrap::ALL.to_vec(),
        }
    }

    /// Refuses a canonicalisation of `ds:SignedInfo` outside the suite.
    pub fn canonicalisation(&self, algorithm: C14n) -> Result<(), Invalid> {
        within(self.canonicalisations, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses a canonicalisation of what is signed outside the suite.
    pub fn transform(&self, algorithm: C14n) -> Result<(), Invalid> {
        within(self.transforms, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses a digest outside the suite.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Result<(), Invalid> {
        within(&self.digests, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses a symmetric signature algorithm outside the suite.
    pub fn mac(&self, algorithm: MacAlgorithm) -> Result<(), Invalid> {
        within(&self.macs, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses an asymmetric signature algorithm outside the suite.
    pub fn signature(&self, algorithm: SignatureAlgorithm) -> Result<(), Invalid> {
        within(&self.signatures, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses a cipher outside the suite.
    pub fn cipher(&self, algorithm: CipherAlgorithm) -> Result<(), Invalid> {
        within(&self.ciphers, algorithm, || algorithm.uri().to_owned())
    }

    /// Refuses a key transport outside the suite, its digest and mask included.
    pub fn transport(&self, algorithm: KeyTransport) -> Result<(), Invalid> {
        within(&self.transports, algorithm, || format!("{algorithm:?}"))
    }

    /// Refuses a key wrap outside the suite.
    pub fn wrap(&self, algorithm: KeyWrap) -> Result<(), Invalid> {
        within(&self.wraps, algorithm, || algorithm.uri().to_owned())
    }
}

fn within<A: Copy + PartialEq>(accepted: &[A], algorithm: A, name: impl FnOnce() -> String) -> Result<(), Invalid> {
    if accepted.contains(&algorithm) { Ok(()) } else { Err(Invalid::AlgorithmNotAccepted(name())) }
}
