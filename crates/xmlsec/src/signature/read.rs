//! A `ds:Signature` read into a value ([XML Signature] section 4, [BSP 1.1] section 8).

use nuncio_crypto::algorithm::{DigestAlgorithm, MacAlgorithm, SignatureAlgorithm};
use nuncio_xml::{Document, NodeId};

use crate::names::DSIG;
use crate::shape::{Children, algorithm, fragment, octets};
use crate::transform::{Canonicalisation, Transform};
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
    pub(crate) canonicalisation: Canonicalisation,
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
    /// What is digested of the element with that id, or in its place.
    pub transform: Transform,
    pub(crate) digest: DigestAlgorithm,
    pub(crate) value: Vec<u8>,
}

impl Reference {
    /// The digest.
    pub const fn digest(&self) -> DigestAlgorithm {
        self.digest
    }
}

impl Signature {
    /// The canonicalisation of `ds:SignedInfo`.
    pub const fn canonicalisation(&self) -> &Canonicalisation {
        &self.canonicalisation
    }

    /// Reads the `ds:Signature` at `node`, which signs elements beside it.
    ///
    /// Only what WS-Security needs is let in: references by id, each with one transform that is a canonicalisation or
    /// the STR-Transform, exactly one `KeyInfo`; no `Object`, `Manifest` or `HMACOutputLength`. Algorithms outside
    /// `accepted` are refused here, before a key is looked for.
    pub fn read(document: &Document, node: NodeId, accepted: &Accepted, limits: &Limits) -> Result<Self, Invalid> {
        Self::read_any(document, node, accepted, limits, false)
    }

    /// Reads the `ds:Signature` at `node`, which signs the element that holds it: an assertion's own ([SAML 2.0 core]
    /// section 5.4). As [`Signature::read`], but for its one reference, which is to the parent by its id and leaves
    /// the signature out.
    pub fn read_enveloped(
        document: &Document,
        node: NodeId,
        accepted: &Accepted,
        limits: &Limits,
    ) -> Result<Self, Invalid> {
        let signature = Self::read_any(document, node, accepted, limits, true)?;
        let parent = document.parent(node);
        match signature.references.as_slice() {
            [Reference { id, transform: Transform::Enveloped(_), .. }]
                if parent.is_some() && document.by_id(id) == parent =>
            {
                Ok(signature)
            }
            _ => Err(Invalid::malformed(
                "SignedInfo",
                "does not refer to what the signature stands in, and to that alone",
            )),
        }
    }

    fn read_any(
        document: &Document,
        node: NodeId,
        accepted: &Accepted,
        limits: &Limits,
        is_enveloped: bool,
    ) -> Result<Self, Invalid> {
        let read = |node| reference(document, node, accepted, limits, is_enveloped);
        let mut children = Children::of(document, node, "Signature")?;
        let signed_info = children.required(DSIG, "SignedInfo")?;
        let value = octets(document, children.required(DSIG, "SignatureValue")?, "SignatureValue")?;
        let key_info = children.required(DSIG, "KeyInfo")?;
        children.end()?;

        let mut children = Children::of(document, signed_info, "SignedInfo")?;
        let canonicalisation = children.required(DSIG, "CanonicalizationMethod")?;
        let accept = |algorithm| accepted.canonicalisation(algorithm);
        let canonicalisation = Canonicalisation::read(document, canonicalisation, accept, limits)?;
        let method = method(document, children.required(DSIG, "SignatureMethod")?, accepted)?;
        let mut references = vec![read(children.required(DSIG, "Reference")?)?];
        while let Some(node) = children.optional(DSIG, "Reference") {
            if references.len() == limits.references {
                return Err(Invalid::TooMany { what: "references", limit: limits.references });
            }
            references.push(read(node)?);
        }
        children.end()?;
        Ok(Self { node, key_info, value, method, references, signed_info, canonicalisation })
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

fn reference(
    document: &Document,
    node: NodeId,
    accepted: &Accepted,
    limits: &Limits,
    is_enveloped: bool,
) -> Result<Reference, Invalid> {
    let uri = document.attribute(node, "", "URI").ok_or(Invalid::malformed("Reference", "has no URI"))?;
    let id = fragment(&uri, "Reference")?.to_owned();
    let mut children = Children::of(document, node, "Reference")?;
    let transforms = children.required(DSIG, "Transforms")?;
    let digest_method = children.required(DSIG, "DigestMethod")?;
    let value = octets(document, children.required(DSIG, "DigestValue")?, "DigestValue")?;
    children.end()?;

    let transform = Transform::read(document, transforms, accepted, limits, is_enveloped)?;

    Children::of(document, digest_method, "DigestMethod")?.end()?;
    let uri = algorithm(document, digest_method, "DigestMethod")?;
    let digest = DigestAlgorithm::from_uri(&uri).ok_or_else(|| Invalid::AlgorithmNotAccepted(uri.into_owned()))?;
    accepted.digest(digest)?;
    Ok(Reference { id, transform, digest, value })
}
