//! A `ds:Signature` read into a value ([XML Signature] section 4, [BSP 1.1] section 8).

use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm, SignatureAlgorithm};
use nuncio_xml::{Document, NodeId};

use crate::names::{DSIG, EXCLUSIVE_C14N};
use crate::shape::{Children, algorithm, fragment, octets};
use crate::{Accepted, Invalid};

/// How much a signature may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// References.
    pub references: usize,
    /// Prefixes in one `InclusiveNamespaces`.
    pub prefixes: usize,
}

/// A signature as it was read; nothing in it is believed yet.
pub struct Signature {
    /// The `ds:Signature` element.
    pub node: NodeId,
    /// The `ds:KeyInfo` element, for the caller to choose a key by.
    pub key_info: NodeId,
    /// The octets of `SignatureValue`.
    pub value: Vec<u8>,
    /// The signature algorithm.
    pub method: Method,
    /// What it covers.
    pub references: Vec<Reference>,
    pub(crate) signed_info: NodeId,
    pub(crate) prefixes: Vec<String>,
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Under a symmetric key.
    Mac(MacAlgorithm),
    /// Under a private key.
    Asymmetric(SignatureAlgorithm),
}

/// One `ds:Reference`.
pub struct Reference {
    /// The id it names, without `#`.
    pub id: String,
    pub(crate) prefixes: Vec<String>,
    pub(crate) digest: DigestAlgorithm,
    pub(crate) value: Vec<u8>,
}

impl Signature {
    /// Reads the `ds:Signature` at `node`.
    ///
    /// Only what WS-Security needs is let in: exclusive canonicalisation, references by id with that one transform,
    /// exactly one `KeyInfo`; no `Object`, `Manifest` or `HMACOutputLength`. Algorithms outside `accepted` are refused
    /// here, before a key is looked for.
    pub fn read(document: &Document, node: NodeId, accepted: &Accepted, limits: &Limits) -> Result<Self, Invalid> {
        let mut children = Children::of(document, node, "Signature")?;
        let signed_info = children.required(DSIG, "SignedInfo")?;
        let value = octets(document, children.required(DSIG, "SignatureValue")?, "SignatureValue")?;
        let key_info = children.required(DSIG, "KeyInfo")?;
        children.end()?;

        let mut children = Children::of(document, signed_info, "SignedInfo")?;
        let prefixes = exclusive(document, children.required(DSIG, "CanonicalizationMethod")?, limits)?;
        let method = method(document, children.required(DSIG, "SignatureMethod")?, accepted)?;
        let mut references = vec![reference(document, children.required(DSIG, "Reference")?, accepted, limits)?];
        while let Some(node) = children.optional(DSIG, "Reference") {
            if references.len() == limits.references {
                return Err(Invalid::TooMany { what: "references", limit: limits.references });
            }
            references.push(reference(document, node, accepted, limits)?);
        }
        children.end()?;
        Ok(Self { node, key_info, value, method, references, signed_info, prefixes })
    }
}

fn method(document: &Document, node: NodeId, accepted: &Accepted) -> Result<Method, Invalid> {
    // HMACOutputLength would be a child: there must be none (BSP R5401, CVE-2009-0217).
    Children::of(document, node, "SignatureMethod")?.end()?;
    let uri = algorithm(document, node, "SignatureMethod")?;
    if let Some(mac) = MacAlgorithm::from_uri(&uri) {
        accepted.mac(mac)?;
        Ok(Method::Mac(mac))
    } else if let Some(signature) = SignatureAlgorithm::from_uri(&uri) {
        accepted.signature(signature)?;
        Ok(Method::Asymmetric(signature))
    } else {
        Err(Invalid::AlgorithmNotAccepted(uri.into_owned()))
    }
}

fn reference(document: &Document, node: NodeId, accepted: &Accepted, limits: &Limits) -> Result<Reference, Invalid> {
    let uri = document.attribute(node, "", "URI").ok_or(Invalid::malformed("Reference", "has no URI"))?;
    let id = fragment(&uri, "Reference")?.to_owned();
    let mut children = Children::of(document, node, "Reference")?;
    let transforms = children.required(DSIG, "Transforms")?;
    let digest_method = children.required(DSIG, "DigestMethod")?;
    let value = octets(document, children.required(DSIG, "DigestValue")?, "DigestValue")?;
    children.end()?;

    let mut transforms = Children::of(document, transforms, "Transforms")?;
    let prefixes = exclusive(document, transforms.required(DSIG, "Transform")?, limits)?;
    transforms.end()?;

    Children::of(document, digest_method, "DigestMethod")?.end()?;
    let uri = algorithm(document, digest_method, "DigestMethod")?;
    let digest = DigestAlgorithm::from_uri(&uri).ok_or_else(|| Invalid::AlgorithmNotAccepted(uri.into_owned()))?;
    accepted.digest(digest)?;
    Ok(Reference { id, prefixes, digest, value })
}

/// The prefixes of `InclusiveNamespaces` below a `CanonicalizationMethod` or `Transform`, whose algorithm must be
/// exclusive canonicalisation ([Exclusive XML Canonicalization] section 4).
fn exclusive(document: &Document, node: NodeId, limits: &Limits) -> Result<Vec<String>, Invalid> {
    let uri = algorithm(document, node, "Transform")?;
    if uri != EXCLUSIVE_C14N {
        return Err(Invalid::AlgorithmNotAccepted(uri.into_owned()));
    }
    let mut children = Children::of(document, node, "Transform")?;
    let mut prefixes = Vec::new();
    if let Some(inclusive) = children.optional(EXCLUSIVE_C14N, "InclusiveNamespaces") {
        let list = document.attribute(inclusive, "", "PrefixList").unwrap_or_default();
        for prefix in list.split_ascii_whitespace() {
            if prefixes.len() == limits.prefixes {
                return Err(Invalid::TooMany { what: "inclusive prefixes", limit: limits.prefixes });
            }
            prefixes.push(prefix.to_owned());
        }
    }
    children.end()?;
    Ok(prefixes)
}
