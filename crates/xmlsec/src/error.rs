//! What may be wrong with a signature or an encrypted element.

use nuncio_xml::ReadError;

/// What the sender did wrong. The text is for our log; no peer ever sees which of them it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The policy's algorithm suite does not have it.
    #[error("algorithm {0:?} is not accepted here")]
    AlgorithmNotAccepted(String),
    /// A reference points to no element.
    #[error("nothing has the id {0:?}")]
    DanglingReference(String),
    /// The digest of a referenced element is another.
    #[error("the element with id {0:?} digests to another value")]
    DigestMismatch(String),
    /// The element is not what the specification, or WS-Security's profile of it, has.
    #[error("{element}: {fault}")]
    Malformed {
        /// The local name of the element.
        element: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The decrypted text is not what may stand in its place.
    #[error("the decrypted text does not fit: {0}")]
    Plaintext(ReadError),
    /// The signature value is not that of this key over this signature.
    #[error("the signature value does not verify")]
    SignatureMismatch,
    /// More of something than the limit.
    #[error("more than {limit} of {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are let in.
        limit: usize,
    },
    /// The ciphertext does not decrypt under this key.
    #[error("an encrypted part does not decrypt")]
    Undecryptable,
}

impl Invalid {
    /// A malformed element.
    pub(crate) const fn malformed(element: &'static str, fault: &'static str) -> Self {
        Self::Malformed { element, fault }
    }
}
