//! A signature checked against a key that the caller chose ([XML Signature] section 3.2).

use nuncio_crypto::digest::Hasher;
use nuncio_crypto::key::PublicKey;
use nuncio_crypto::mac::Mac;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign;
use nuncio_xml::{Document, Each, NodeId, exclusive};

use super::{Method, Signature};
use crate::Invalid;

/// The key to verify with. Its kind must be that of the signature's algorithm: a certificate is never an HMAC key.
pub enum VerifyKey<'a> {
    /// A symmetric key.
    Secret(&'a Secret),
    /// A public key.
    Public(&'a PublicKey),
}

/// Proof that a signature was verified. There is no way to get one but [`verify`].
pub struct Verified {
    nodes: Vec<NodeId>,
    value: Vec<u8>,
}

impl Verified {
    /// Whether the signature covers that very node.
    pub fn covers(&self, node: NodeId) -> bool {
        self.nodes.contains(&node)
    }

    /// The octets of `SignatureValue`.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The only place where a signature becomes verified.
    fn assertion(nodes: Vec<NodeId>, value: Vec<u8>) -> Self {
        Self { nodes, value }
    }
}

/// Verifies a signature: first the value over `SignedInfo`, then every reference's digest.
///
/// `budget` is how many canonical octets the references may digest, and is lowered by what they did: references may
/// overlap and nest, and each costs the whole of what it covers.
pub fn verify(
    document: &Document,
    signature: Signature,
    key: &VerifyKey<'_>,
    budget: &mut usize,
) -> Result<Verified, Invalid> {
    let prefixes: Vec<&str> = signature.prefixes.iter().map(String::as_str).collect();
    let good = match (signature.method, key) {
        (Method::Mac(algorithm), VerifyKey::Secret(secret)) => {
            let mut mac = Mac::new(algorithm, secret.expose());
            exclusive(document, signature.signed_info, &prefixes, &mut Each(|octets: &[u8]| mac.update(octets)));
            mac.finish().matches(&signature.value)
        }
        (Method::Asymmetric(algorithm), VerifyKey::Public(public)) => {
            let mut octets = Vec::with_capacity(2048);
            exclusive(document, signature.signed_info, &prefixes, &mut octets);
            sign::verify(public, algorithm, &octets, &signature.value)
        }
        (Method::Mac(_), VerifyKey::Public(_)) | (Method::Asymmetric(_), VerifyKey::Secret(_)) => {
            return Err(Invalid::malformed("SignatureMethod", "does not fit the kind of its key"));
        }
    };
    if !good {
        return Err(Invalid::SignatureMismatch);
    }

    let mut nodes = Vec::with_capacity(signature.references.len());
    for reference in &signature.references {
        // What was decrypted is no longer part of the message, though its id stays taken.
        let node = document
            .by_id(&reference.id)
            .filter(|&node| !document.is_replaced(node))
            .ok_or_else(|| Invalid::DanglingReference(reference.id.clone()))?;
        // A signature that covers what contains it could never be made, and a second reference to one element is
        // only work.
        if nodes.contains(&node) {
            return Err(Invalid::malformed("SignedInfo", "refers to one element twice"));
        }
        let prefixes: Vec<&str> = reference.prefixes.iter().map(String::as_str).collect();
        let mut hasher = Hasher::new(reference.digest);
        let mut digested = 0_usize;
        let mut digest = Each(|octets: &[u8]| {
            digested += octets.len();
            hasher.update(octets);
        });
        exclusive(document, node, &prefixes, &mut digest);
        *budget = budget
            .checked_sub(digested)
            .ok_or(Invalid::TooMany { what: "canonical octets in references", limit: *budget })?;
        if !hasher.finish().matches(&reference.value) {
            return Err(Invalid::DigestMismatch(reference.id.clone()));
        }
        nodes.push(node);
    }
    Ok(Verified::assertion(nodes, signature.value))
}
