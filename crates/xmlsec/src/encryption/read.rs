//! `EncryptedData`, `EncryptedKey` and `ReferenceList` read into values ([XML Encryption] section 3).

use nuncio_crypto::algorithm::{CipherAlgorithm, KeyTransport, KeyWrap};
use nuncio_xml::{Document, NodeId};

use crate::names::{CONTENT, DSIG, ELEMENT, XENC, XENC11};
use crate::shape::{Children, algorithm, fragment, octets};
use crate::{Accepted, Invalid};

/// What an `EncryptedData` stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// One element.
    Element,
    /// The content of its parent.
    Content,
}

/// How a key is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyMethod {
    /// Under a public key.
    Transport(KeyTransport),
    /// Under a symmetric key.
    Wrap(KeyWrap),
}

impl From<KeyTransport> for KeyMethod {
    fn from(transport: KeyTransport) -> Self {
        Self::Transport(transport)
    }
}

impl From<KeyWrap> for KeyMethod {
    fn from(wrap: KeyWrap) -> Self {
        Self::Wrap(wrap)
    }
}

/// An `EncryptedData` as it was read.
pub struct EncryptedData {
    /// The element.
    pub node: NodeId,
    /// What it stands for.
    pub form: Form,
    /// Its `KeyInfo`; where it has none, the `EncryptedKey` that lists it gives the key.
    pub key_info: Option<NodeId>,
    pub(crate) cipher: CipherAlgorithm,
    pub(crate) value: Vec<u8>,
}

/// An `EncryptedKey` as it was read.
pub struct EncryptedKey {
    /// The element.
    pub node: NodeId,
    /// How the key is encrypted.
    pub method: KeyMethod,
    /// Its `KeyInfo`: whose key it is wrapped under.
    pub key_info: NodeId,
    /// The wrapped key.
    pub value: Vec<u8>,
    /// Ids of what it encrypts, where it says so itself.
    pub references: Vec<String>,
}

impl EncryptedData {
    /// Reads the `EncryptedData` at `node`.
    pub fn read(document: &Document, node: NodeId, accepted: &Accepted) -> Result<Self, Invalid> {
        const OF: &str = "EncryptedData";
        let form = match document.attribute(node, "", "Type").as_deref() {
            Some(ELEMENT) => Form::Element,
            Some(CONTENT) => Form::Content,
            _ => return Err(Invalid::malformed(OF, "is of no Type that is followed")),
        };
        if document.attribute(node, "", "MimeType").is_some() || document.attribute(node, "", "Encoding").is_some() {
            return Err(Invalid::malformed(OF, "has a MimeType or Encoding"));
        }
        let mut children = Children::of(document, node, OF)?;
        let method = children.required(XENC, "EncryptionMethod")?;
        let key_info = children.optional(DSIG, "KeyInfo");
        let value = cipher_data(document, children.required(XENC, "CipherData")?)?;
        children.end()?;
        let uri = algorithm(document, method, "EncryptionMethod")?;
        let cipher = CipherAlgorithm::from_uri(&uri).ok_or_else(|| Invalid::AlgorithmNotAccepted(uri.into_owned()))?;
        accepted.cipher(cipher)?;
        Ok(Self { node, form, key_info, cipher, value })
    }

    /// Its algorithm.
    pub const fn cipher(&self) -> CipherAlgorithm {
        self.cipher
    }

    /// The octets of key that its algorithm takes.
    pub fn key_size(&self) -> usize {
        self.cipher.key_size()
    }
}

impl EncryptedKey {
    /// Reads the `EncryptedKey` at `node`.
    pub fn read(document: &Document, node: NodeId, accepted: &Accepted, limit: usize) -> Result<Self, Invalid> {
        const OF: &str = "EncryptedKey";
        let mut children = Children::of(document, node, OF)?;
        let method = children.required(XENC, "EncryptionMethod")?;
        let key_info = children.required(DSIG, "KeyInfo")?;
        let value = cipher_data(document, children.required(XENC, "CipherData")?)?;
        let references = match children.optional(XENC, "ReferenceList") {
            Some(list) => read_reference_list(document, list, limit)?,
            None => Vec::new(),
        };
        children.end()?;
        let method = key_method(document, method, accepted)?;
        Ok(Self { node, method, key_info, value, references })
    }
}

/// The ids in the `ReferenceList` at `node`; `limit` is how many it may have.
pub fn read_reference_list(document: &Document, node: NodeId, limit: usize) -> Result<Vec<String>, Invalid> {
    const OF: &str = "ReferenceList";
    let mut children = Children::of(document, node, OF)?;
    let mut ids: Vec<String> = Vec::new();
    while let Some(reference) = children.optional(XENC, "DataReference") {
        let uri = document.attribute(reference, "", "URI").ok_or(Invalid::malformed("DataReference", "has no URI"))?;
        if ids.len() == limit {
            return Err(Invalid::TooMany { what: "data references", limit });
        }
        ids.push(fragment(&uri, "DataReference")?.to_owned());
    }
    children.end()?;
    Ok(ids)
}

/// The octets of a `CipherValue`; a `CipherReference` is not followed.
fn cipher_data(document: &Document, node: NodeId) -> Result<Vec<u8>, Invalid> {
    let mut children = Children::of(document, node, "CipherData")?;
    let value = octets(document, children.required(XENC, "CipherValue")?, "CipherValue")?;
    children.end()?;
    Ok(value)
}

/// The method of an `EncryptionMethod` of keys, with the digest and mask of OAEP ([XML Encryption 1.1] sections 5.5 and
/// 5.6). A label of OAEP (`OAEPparams`) is a child that it must not have: no suite has one.
fn key_method(document: &Document, method: NodeId, accepted: &Accepted) -> Result<KeyMethod, Invalid> {
    const OF: &str = "EncryptionMethod";
    let uri = algorithm(document, method, OF)?;
    let mut children = Children::of(document, method, OF)?;
    if let Some(wrap) = KeyWrap::from_uri(&uri) {
        children.end()?;
        accepted.wrap(wrap)?;
        return Ok(KeyMethod::Wrap(wrap));
    }
    // The specifications leave the order of these open, and stacks differ.
    let (mut digest, mut mask) = (None, None);
    loop {
        let (node, found, of) = if let Some(node) = children.optional(DSIG, "DigestMethod") {
            (node, &mut digest, "DigestMethod")
        } else if let Some(node) = children.optional(XENC11, "MGF") {
            (node, &mut mask, "MGF")
        } else {
            break;
        };
        if found.replace(algorithm(document, node, of)?).is_some() {
            return Err(Invalid::malformed(OF, "has a parameter twice"));
        }
    }
    children.end()?;
    let transport = KeyTransport::from_parts(&uri, digest.as_deref(), mask.as_deref())
        .ok_or_else(|| Invalid::AlgorithmNotAccepted(uri.into_owned()))?;
    accepted.transport(transport)?;
    Ok(KeyMethod::Transport(transport))
}
