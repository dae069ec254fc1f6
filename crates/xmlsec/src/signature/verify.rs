//! A signature checked against a key that the caller chose ([XML Signature] section 3.2).

use nuncio_crypto::digest::Hasher;
use nuncio_crypto::key::PublicKey;
use nuncio_crypto::mac::Mac;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign;
use nuncio_xml::{Document, Each, NodeId, TooLong};

use super::token::{self, Token};
use super::{Method, Reference, Signature};
use crate::Invalid;
use crate::names::WSSE;
use crate::transform::{As, Transform};

/// The key to verify with. Its kind must be that of the signature's algorithm: a certificate is never an HMAC key.
pub enum VerifyKey<'a> {
    /// A symmetric key.
    Secret(&'a Secret),
    /// A public key.
    Public(&'a PublicKey),
}

/// Proof that a signature was verified. There is no way to get one but [`verify`], [`verify_with_tokens`] and
/// [`Authentic::cover`].
pub struct Verified {
    nodes: Vec<NodeId>,
    tokens: Vec<(NodeId, Token)>,
    value: Vec<u8>,
}

impl Verified {
    /// Whether the signature covers that very node: it was digested, for itself or as the token that a reference refers
    /// to. Such a reference itself is not covered.
    pub fn covers(&self, node: NodeId) -> bool {
        self.nodes.contains(&node)
            || self.tokens.iter().any(|(_, token)| matches!(token, Token::Element(covered) if *covered == node))
    }

    /// What was covered by the STR-Transform: each `wsse:SecurityTokenReference` and the token that was digested in its
    /// place.
    pub fn tokens(&self) -> &[(NodeId, Token)] {
        &self.tokens
    }

    /// The octets of `SignatureValue`.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The only place where a signature becomes verified.
    fn assertion(covered: Covered, value: Vec<u8>) -> Self {
        Self { nodes: covered.nodes, tokens: covered.tokens, value }
    }
}

/// Verifies a signature whose references name what they cover: [`verify_with_tokens`] without tokens.
pub fn verify(
    document: &Document,
    signature: Signature,
    key: &VerifyKey<'_>,
    budget: &mut usize,
) -> Result<Verified, Invalid> {
    verify_with_tokens(document, signature, key, &|_| None, budget)
}

/// Verifies a signature: first the value over `SignedInfo`, then every reference's digest.
///
/// `tokens` resolves the `wsse:SecurityTokenReference` at a node to its token, for references with the STR-Transform;
/// it must give the very token whose key or name is used for whatever that reference says. `None` refuses the signature.
///
/// `budget` is how many canonical octets the references may digest, and is lowered by what they did: references may
/// overlap and nest, and each costs the whole of what it covers. Nothing more is canonicalised once it is used up.
pub fn verify_with_tokens(
    document: &Document,
    signature: Signature,
    key: &VerifyKey<'_>,
    tokens: &dyn Fn(NodeId) -> Option<Token>,
    budget: &mut usize,
) -> Result<Verified, Invalid> {
    Authentic::new(document, signature, key)?.cover(document, tokens, &[], budget)
}

/// A signature whose value its key made. What its references cover is not verified yet: they may name what is still
/// encrypted, and who may have something decrypted is known now.
pub struct Authentic {
    signature: Signature,
}

impl Authentic {
    /// Verifies the value over `SignedInfo`.
    pub fn new(document: &Document, signature: Signature, key: &VerifyKey<'_>) -> Result<Self, Invalid> {
        if is_made_by(document, &signature, key)? { Ok(Self { signature }) } else { Err(Invalid::SignatureMismatch) }
    }

    /// Whether a reference names that id.
    pub fn names(&self, id: &str) -> bool {
        self.signature.references.iter().any(|reference| reference.id == id)
    }

    /// Verifies every reference's digest, as [`verify_with_tokens`] does. `document` is that of the signature, or what
    /// became of it by decryption: then `ciphertext` has the encrypted elements that the signature may cover as they were,
    /// though others stand in their places now.
    pub fn cover(
        self,
        document: &Document,
        tokens: &dyn Fn(NodeId) -> Option<Token>,
        ciphertext: &[NodeId],
        budget: &mut usize,
    ) -> Result<Verified, Invalid> {
        cover(document, self.signature, tokens, ciphertext, budget)
    }
}

fn cover(
    document: &Document,
    signature: Signature,
    tokens: &dyn Fn(NodeId) -> Option<Token>,
    ciphertext: &[NodeId],
    budget: &mut usize,
) -> Result<Verified, Invalid> {
    let mut covered = Covered { nodes: Vec::with_capacity(signature.references.len()), tokens: Vec::new() };
    for reference in &signature.references {
        cover_one(document, (&signature, reference), tokens, ciphertext, &mut covered, budget)?;
    }
    Ok(Verified::assertion(covered, signature.value))
}

/// Whether each reference, for itself, digests to what it says: for whoever looks for a fault. It proves nothing, since
/// anybody can write a digest down.
pub fn digests(
    document: &Document,
    signature: &Signature,
    tokens: &dyn Fn(NodeId) -> Option<Token>,
    ciphertext: &[NodeId],
    budget: &mut usize,
) -> Vec<Result<(), Invalid>> {
    let mut covered = Covered { nodes: Vec::new(), tokens: Vec::new() };
    let mut check = |reference| cover_one(document, (signature, reference), tokens, ciphertext, &mut covered, budget);
    signature.references.iter().map(&mut check).collect()
}

/// Verifies the digest of one reference.
fn cover_one(
    document: &Document,
    (signature, reference): (&Signature, &Reference),
    tokens: &dyn Fn(NodeId) -> Option<Token>,
    ciphertext: &[NodeId],
    covered: &mut Covered,
    budget: &mut usize,
) -> Result<(), Invalid> {
    // What was decrypted is no longer part of the message, though its id stays taken.
    let node = document
        .by_id(&reference.id)
        .filter(|node| !document.is_replaced(*node) || ciphertext.contains(node))
        .ok_or_else(|| Invalid::DanglingReference(reference.id.clone()))?;
    // A signature that covers what contains it could never be made, and a second reference to one element is
    // only work.
    if covered.nodes.contains(&node) || covered.tokens.iter().any(|(reference, _)| *reference == node) {
        return Err(Invalid::malformed("SignedInfo", "refers to one element twice"));
    }
    let mut hasher = Hasher::new(reference.digest);
    let digest = &mut |octets: &[u8]| hasher.update(octets);
    *budget -= match &reference.transform {
        Transform::Token(_) => {
            let token = resolve(document, node, tokens)?;
            let octets = digest_token(document, node, &token, reference, *budget, digest)?;
            covered.tokens.push((node, token));
            octets
        }
        Transform::Plain(how) => {
            covered.nodes.push(node);
            how.octets(document, node, &As::Plain, *budget, &mut Each(digest)).map_err(over)?
        }
        Transform::Enveloped(how) => {
            covered.nodes.push(node);
            let as_transform = As::Enveloped { signature: signature.node };
            how.octets(document, node, &as_transform, *budget, &mut Each(digest)).map_err(over)?
        }
    };
    if hasher.finish().matches(&reference.value) { Ok(()) } else { Err(Invalid::DigestMismatch(reference.id.clone())) }
}

/// What the references were found to cover.
struct Covered {
    nodes: Vec<NodeId>,
    tokens: Vec<(NodeId, Token)>,
}

/// Whether the value is that of the key over `SignedInfo`. What that may hold was bounded when it was read.
fn is_made_by(document: &Document, signature: &Signature, key: &VerifyKey<'_>) -> Result<bool, Invalid> {
    let (how, apex) = (&signature.canonicalisation, signature.signed_info);
    match (signature.method, key) {
        (Method::Mac(algorithm), VerifyKey::Secret(secret)) => {
            let mut mac = Mac::new(algorithm, secret.expose());
            let sink = &mut Each(|octets: &[u8]| mac.update(octets));
            how.octets(document, apex, &As::Plain, usize::MAX, sink).map_err(over)?;
            Ok(mac.finish().matches(&signature.value))
        }
        (Method::Asymmetric(algorithm), VerifyKey::Public(public)) => {
            let mut octets = Vec::with_capacity(2048);
            how.octets(document, apex, &As::Plain, usize::MAX, &mut octets).map_err(over)?;
            Ok(sign::verify(public, algorithm, &octets, &signature.value))
        }
        (Method::Mac(_), VerifyKey::Public(_)) | (Method::Asymmetric(_), VerifyKey::Secret(_)) => {
            Err(Invalid::malformed("SignatureMethod", "does not fit the kind of its key"))
        }
    }
}

/// The token of the `wsse:SecurityTokenReference` at `node`. A reference to a reference has none.
fn resolve(document: &Document, node: NodeId, tokens: &dyn Fn(NodeId) -> Option<Token>) -> Result<Token, Invalid> {
    const OF: &str = "STR-Transform";
    let is_reference = |node| document.is(node, WSSE, "SecurityTokenReference");
    if !is_reference(node) {
        return Err(Invalid::malformed(OF, "is applied to something other than a SecurityTokenReference"));
    }
    let token = tokens(node).ok_or(Invalid::malformed(OF, "is applied to a reference to no token"))?;
    match token {
        Token::Element(element) if is_reference(element) || document.is_replaced(element) => {
            Err(Invalid::malformed(OF, "is applied to a reference to no token"))
        }
        token => Ok(token),
    }
}

fn digest_token(
    document: &Document,
    node: NodeId,
    token: &Token,
    reference: &Reference,
    limit: usize,
    mut digest: impl FnMut(&[u8]),
) -> Result<usize, Invalid> {
    let how = reference.transform.canonicalisation();
    match token {
        Token::Element(element) => how.octets(document, *element, &As::Token, limit, &mut Each(digest)).map_err(over),
        Token::Binary { value_type, octets } => {
            let octets = token::binary(document.prefix(node), value_type, octets);
            if octets.len() > limit {
                return Err(over(TooLong(limit)));
            }
            digest(&octets);
            Ok(octets.len())
        }
    }
}

fn over(TooLong(limit): TooLong) -> Invalid {
    Invalid::TooMany { what: "canonical octets in references", limit }
}
