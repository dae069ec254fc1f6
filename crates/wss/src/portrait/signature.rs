//! Signatures: what they cover, by which key, and whether they are sound as far as that can be told.

use std::collections::HashMap;

use nuncio_crypto::algorithm::DigestAlgorithm;
use nuncio_policy::explain::algorithms;
use nuncio_policy::suite::Suite;
use nuncio_xml::{Document, NodeId};
use nuncio_xmlsec::signature::{self, Authentic, Method, Signature, Token, VerifyKey, digests};
use nuncio_xmlsec::{C14n, Transform};

use super::part::Covered;
use super::{KeyName, Looking, NoKey, Part, Proof};
use crate::names::{WSSE, X509V3};
use crate::token::reference::{CertificateReference, Reference};

/// A signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignatureSeen {
    /// Its position among those of the message, from one.
    pub number: usize,
    /// Its algorithm, in words.
    pub algorithm: String,
    /// The same, if it is built.
    pub method: Option<Method>,
    /// Whether what it is made over is in inclusive canonical form.
    pub inclusive: bool,
    /// The digests of what it covers.
    pub digests: Vec<DigestAlgorithm>,
    /// The key.
    pub key: KeyName,
    /// What it covers.
    pub covers: Vec<Signed>,
    /// The numbers of the signatures that it covers: it endorses them.
    pub endorses: Vec<usize>,
    /// Whether its value was made with its key.
    pub value: Proof,
    /// What is wrong with how it is written.
    pub problem: Option<String>,
    /// Whether it came encrypted.
    pub encrypted: bool,
    pub(super) covered: Vec<Covered>,
}

/// What a signature covers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Signed {
    /// The part.
    pub part: Part,
    /// Whether it is as it was signed, if the signature is sound.
    pub digest: Proof,
}

impl SignatureSeen {
    /// Whether its algorithms are those of a suite.
    pub(super) fn is_of(&self, suite: &Suite) -> bool {
        let method = match self.method {
            None => false,
            Some(Method::Mac(mac)) => mac == suite.mac || Some(mac) == suite.also_mac,
            Some(Method::Asymmetric(signature)) => {
                signature == suite.signature || Some(signature) == suite.also_signature
            }
        };
        method && self.digests.iter().all(|digest| *digest == suite.digest)
    }
}

/// What was found of a signature: its value, and the digest of each reference.
#[derive(Clone)]
pub(super) struct Found {
    value: Proof,
    digests: Vec<Proof>,
}

impl Looking<'_> {
    /// What is found of the signatures that can be seen now.
    pub(super) fn proofs(&mut self) -> HashMap<NodeId, Found> {
        self.signature_nodes().into_iter().map(|node| (node, self.prove(node))).collect()
    }

    /// The signatures, in the order in which they stand; `sealed` is what was found of them before anything was decrypted.
    pub(super) fn signatures(&mut self, sealed: &HashMap<NodeId, Found>) -> Vec<SignatureSeen> {
        let nodes = self.signature_nodes();
        nodes.into_iter().enumerate().map(|(at, node)| self.signature(at + 1, node, sealed.get(&node))).collect()
    }

    fn signature_nodes(&self) -> Vec<NodeId> {
        let document = &self.document;
        let signatures = self.places.children(document).filter(|&node| super::is_signature(document, node));
        signatures.take(self.limits.signatures.saturating_mul(2)).collect()
    }

    fn limits(&self) -> signature::Limits {
        signature::Limits { references: self.limits.references, prefixes: self.limits.prefixes }
    }

    fn signature(&mut self, number: usize, node: NodeId, sealed: Option<&Found>) -> SignatureSeen {
        let mut seen = SignatureSeen {
            number,
            algorithm: "an algorithm that is not known".to_owned(),
            method: None,
            inclusive: false,
            digests: Vec::new(),
            key: KeyName::unknown("a key that it does not name"),
            covers: Vec::new(),
            endorses: Vec::new(),
            value: Proof::Untried,
            problem: None,
            encrypted: sealed.is_none(),
            covered: Vec::new(),
        };
        let signature = match Signature::read(&self.document, node, &self.accepted, &self.limits()) {
            Ok(signature) => signature,
            Err(invalid) => {
                seen.problem = Some(invalid.to_string());
                return seen;
            }
        };
        let now = self.prove(node);
        let either =
            |before: Option<&Proof>, now: &Proof| if before == Some(&Proof::Good) { Proof::Good } else { now.clone() };
        seen.value = either(sealed.map(|found| &found.value), &now.value);
        algorithms_of(signature.method).clone_into(&mut seen.algorithm);
        seen.method = Some(signature.method);
        seen.inclusive = signature.canonicalisation().algorithm() == C14n::Inclusive;
        seen.key = self.name_of_key_info(signature.key_info);
        for (at, reference) in signature.references.iter().enumerate() {
            let document = &self.document;
            let (part, node) = match document.by_id(&reference.id) {
                None => (Part::Nothing(reference.id.clone()), None),
                Some(node) if matches!(reference.transform, Transform::Token(_)) => {
                    (self.places.referred(document, node), token_node(document, node))
                }
                Some(node) => (self.places.part(document, node), Some(node)),
            };
            if let Part::Signature(number) = part {
                seen.endorses.push(number);
            }
            if !seen.digests.contains(&reference.digest()) {
                seen.digests.push(reference.digest());
            }
            let before = sealed.and_then(|found| found.digests.get(at));
            let digest = now.digests.get(at).map_or(Proof::Untried, |now| either(before, now));
            seen.covers.push(Signed { part, digest });
            seen.covered.push(Covered { node });
        }
        seen
    }

    /// What is found of one of them, in the message as it is now.
    fn prove(&mut self, node: NodeId) -> Found {
        let read = |looking: &Self| Signature::read(&looking.document, node, &looking.accepted, &looking.limits());
        let signature = match read(self) {
            Ok(signature) => signature,
            Err(invalid) => return Found { value: Proof::Bad(invalid.to_string()), digests: Vec::new() },
        };
        let digests = self.digests(&signature);
        Found { value: self.value(signature), digests }
    }

    fn value(&mut self, signature: Signature) -> Proof {
        let authentic = match signature.method {
            Method::Mac(_) => match self.key_of_key_info(signature.key_info) {
                Err(why) => return why.proof(),
                Ok(secret) => Authentic::new(&self.document, signature, &VerifyKey::Secret(&secret)),
            },
            Method::Asymmetric(_) => match self.signer(signature.key_info) {
                Err(why) => return why.proof(),
                Ok(signer) => Authentic::new(&self.document, signature, &VerifyKey::Public(signer.public_key())),
            },
        };
        authentic.map_or_else(|invalid| Proof::Bad(invalid.to_string()), |_| Proof::Good)
    }

    fn signer(&self, key_info: NodeId) -> Result<nuncio_crypto::certificate::Certificate, NoKey> {
        match Reference::of_key_info(&self.document, key_info)? {
            Reference::Certificate(wanted) => self.certificate(&wanted).map(|(found, _)| found).ok_or(NoKey::NotGiven),
            Reference::Local(id) => {
                let node = self.document.by_id(&id).ok_or(NoKey::NotGiven)?;
                self.carried(node).map_err(NoKey::Wrong)
            }
            _ => Err(NoKey::Wrong("it names a symmetric key where a certificate is needed".to_owned())),
        }
    }

    /// Whether each reference digests to what it says.
    fn digests(&mut self, signature: &Signature) -> Vec<Proof> {
        let (document, ciphertext): (&Document, Vec<NodeId>) =
            (&self.document, self.opened.iter().map(|(node, _)| *node).collect());
        let tokens = |node| self.token(node);
        let mut budget = self.budget;
        let found = digests(document, signature, &tokens, &ciphertext, &mut budget);
        let proofs = signature.references.iter().zip(found).map(|(reference, found)| {
            let sealed = match document.by_id(&reference.id) {
                None => self.is_sealed(),
                Some(node) => {
                    self.hides_something(node) || matches!(reference.transform, Transform::Token(_)) && self.is_sealed()
                }
            };
            match found {
                Ok(()) => Proof::Good,
                // What is signed may be what is not to be seen.
                Err(_) if sealed => Proof::Untried,
                Err(invalid) => Proof::Bad(invalid.to_string()),
            }
        });
        let proofs = proofs.collect();
        self.budget = budget;
        proofs
    }

    /// The token that a reference stands for under the STR-Transform.
    fn token(&self, reference: NodeId) -> Option<Token> {
        match Reference::read(&self.document, reference).ok()? {
            Reference::Local(id) => self.document.by_id(&id).map(Token::Element),
            Reference::Certificate(CertificateReference::Embedded(_)) => None,
            Reference::Certificate(wanted) => {
                let (certificate, carried) = self.certificate(&wanted)?;
                let document = &self.document;
                let is_it = |&node: &NodeId| {
                    document.is(node, WSSE, "BinarySecurityToken")
                        && self.carried(node).is_ok_and(|found| found == certificate)
                };
                if carried {
                    return self.places.children(document).find(is_it).map(Token::Element);
                }
                Some(Token::Binary { value_type: X509V3.to_owned(), octets: certificate.der().to_vec() })
            }
            _ => None,
        }
    }
}

/// The token that a reference at `node` leads to within the message.
fn token_node(document: &Document, node: NodeId) -> Option<NodeId> {
    match Reference::read(document, node).ok()? {
        Reference::Local(id) => document.by_id(&id),
        _ => None,
    }
}

fn algorithms_of(method: Method) -> &'static str {
    match method {
        Method::Mac(mac) => algorithms::mac(mac),
        Method::Asymmetric(signature) => algorithms::signature(signature),
    }
}
