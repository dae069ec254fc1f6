//! What may become of a case. A word before a colon says that it was not looked at further, and the rest why.

pub(crate) const VERIFIED: &str = "verified";
pub(crate) const DECRYPTED: &str = "decrypted";
pub(crate) const IN_PLACE: &str = "decrypted into its place";
pub(crate) const REFUSED: &str = "refused, as it must be";
pub(crate) const DSA: &str = "digests verified, of a signature by DSA, which is not built";
pub(crate) const SHORT_RSA: &str = "digests verified, of a signature by an RSA key that is too short";
pub(crate) const OTHER_DIGEST: &str = "digests verified, of a signature over a digest that is not built for it";
pub(crate) const NAMED: &str = "digests verified, of a signature whose key only has a name here";
pub(crate) const TRUNCATED: &str = "refused here: a shortened HMAC (CVE-2009-0217)";
pub(crate) const SHORT_VALUE: &str = "refused here: a value of ECDSA that is shorter than two coordinates of its curve";
pub(crate) const RETRIEVAL: &str = "refused here: a RetrievalMethod, which is not followed";
pub(crate) const CIPHER_REFERENCE: &str = "refused here: a CipherReference";
pub(crate) const NO_WRAP: &str = "refused here: a key under what wraps no keys";
pub(crate) const KEY_WITH_MORE: &str =
    "refused here: an EncryptedKey with more than messages have (OAEPparams, CarriedKeyName …)";
pub(crate) const DATA_WITH_MORE: &str =
    "refused here: an EncryptedData with more than messages have (MimeType, properties)";
pub(crate) const NO_DIGEST: &str = "skipped: a digest that is not built (MD5, RIPEMD-160, SHA-224, GOST)";
pub(crate) const NO_ID: &str = "skipped: a name that is an id by a document type, or an XPointer that is more than one";
pub(crate) const OUTSIDE: &str = "skipped: a transform of something outside the document";
pub(crate) const NOT_HELD: &str = "skipped: refers to something that the suite does not hold";
pub(crate) const TRANSFORM: &str = "skipped: a transform that is not built (XPath, XSLT, base64, of packages)";
pub(crate) const CANONICALISATION: &str = "skipped: another canonicalisation";
pub(crate) const SIGNATURE: &str = "skipped: another signature algorithm";
pub(crate) const CIPHER: &str = "skipped: another cipher";
pub(crate) const DOCTYPE: &str = "skipped: has a document type, which messages have not";
pub(crate) const INSTRUCTION: &str = "skipped: has a processing instruction, which messages have not";
pub(crate) const NO_PRIVATE: &str = "skipped: a private key that is not among the folder's";
pub(crate) const NO_KEY: &str = "skipped: a key that is not among the folder's";
pub(crate) const SHORT_KEY: &str = "skipped: an RSA key that is too short";
pub(crate) const AGREEMENT: &str = "skipped: key agreement, which is not built";
pub(crate) const KEY_ALONE: &str = "skipped: an encrypted key alone";
pub(crate) const UNSAID: &str = "skipped: nothing says what it decrypts to";
