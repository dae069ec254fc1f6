//! `wsc:DerivedKeyToken` ([WS-SecureConversation 1.4] section 7).

use nuncio_crypto::base64;
use nuncio_crypto::derive;
use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::reference::Reference;
use super::{elements, octets, text};
use crate::conversation::Lease;
use crate::dialect::Dialect;
use crate::names::{WSSE, WSU};
use crate::refusal::Refusal;

const OF: &str = "DerivedKeyToken";

/// Length where the token says none, whatever the algorithm.
const DEFAULT_LENGTH: usize = 32;

/// Shortest and longest key that is derived, in octets.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// How far into the key stream a key may begin, in octets: what is before it must be computed too.
const MAX_OFFSET: usize = 128;

/// Longest nonce and label, in octets; the shortest nonce is 16 octets in every stack, and 8 here.
const MAX_NONCE: usize = 128;
const MIN_NONCE: usize = 8;
const MAX_LABEL: usize = 128;

/// A derived key token as it was read.
#[derive(Debug)]
pub(crate) struct DerivedKeyToken {
    pub(crate) source: Reference,
    pub(crate) derivation: Derivation,
}

/// How a key is derived.
#[derive(Debug)]
pub(crate) struct Derivation {
    offset: usize,
    length: usize,
    label: Option<String>,
    nonce: Vec<u8>,
}

impl DerivedKeyToken {
    /// Reads the token at `node`: reference, then generation or offset, length, label, nonce, in that order.
    pub(crate) fn read(document: &Document, node: NodeId, dialect: &Dialect) -> Result<Self, Refusal> {
        for namespace in ["", dialect.conversation] {
            if let Some(algorithm) = document.attribute(node, namespace, "Algorithm") {
                // Either generation's name is let in: WCF writes none and reads both.
                if !Dialect::all().iter().any(|dialect| dialect.derivation == algorithm) {
                    return Err(Refusal::header(OF, "names a derivation that is not known"));
                }
            }
        }
        let children = elements(document, node, OF)?;
        let mut rest = children.iter().copied().peekable();
        let source = match rest.next() {
            Some(first) if document.is(first, WSSE, "SecurityTokenReference") => Reference::read(document, first)?,
            _ => return Err(Refusal::header(OF, "does not begin with a reference")),
        };
        let mut optional = |local: &str| rest.next_if(|&child| document.is(child, dialect.conversation, local));
        let generation = optional("Generation").map(|child| number(document, child)).transpose()?;
        let offset = optional("Offset").map(|child| number(document, child)).transpose()?;
        let length = optional("Length").map(|child| number(document, child)).transpose()?.unwrap_or(DEFAULT_LENGTH);
        let label = optional("Label").map(|child| text(document, child, "Label")).transpose()?;
        let nonce = optional("Nonce").ok_or(Refusal::header(OF, "has no nonce, or an element out of order"))?;
        let nonce = octets(document, nonce, "Nonce")?;
        if rest.next().is_some() {
            return Err(Refusal::header(OF, "has an element after its nonce"));
        }
        let offset = match (generation, offset) {
            (Some(_), Some(_)) => return Err(Refusal::header(OF, "has both a generation and an offset")),
            (Some(generation), None) => generation.saturating_mul(length),
            (None, offset) => offset.unwrap_or(0),
        };
        Ok(Self { source, derivation: Derivation::new(offset, length, label, nonce)? })
    }
}

impl Derivation {
    fn new(offset: usize, length: usize, label: Option<String>, nonce: Vec<u8>) -> Result<Self, Refusal> {
        if !LENGTHS.contains(&length) {
            return Err(Refusal::header(OF, "asks for a key too short or too long"));
        }
        if offset > MAX_OFFSET {
            return Err(Refusal::header(OF, "begins too far into the key stream"));
        }
        if !(MIN_NONCE..=MAX_NONCE).contains(&nonce.len()) {
            return Err(Refusal::header(OF, "has a nonce too short or too long"));
        }
        if label.as_ref().is_some_and(|label| label.len() > MAX_LABEL) {
            return Err(Refusal::header(OF, "has too long a label"));
        }
        Ok(Self { offset, length, label: label.filter(|label| !label.is_empty()), nonce })
    }

    /// What a reference implies that says a nonce itself (section 7.2): no offset, the usual label.
    pub(crate) fn implied(document: &Document, reference: NodeId) -> Result<Option<Self>, Refusal> {
        let mut found = None;
        for dialect in Dialect::all() {
            let Some(nonce) = document.attribute(reference, dialect.conversation, "Nonce") else { continue };
            let nonce = base64::decode(&nonce).map_err(|_| Refusal::header("Nonce", "is not base64"))?;
            let length = document.attribute(reference, dialect.conversation, "Length");
            let length = length.map(|length| count(length.trim())).transpose()?.unwrap_or(DEFAULT_LENGTH);
            if found.replace(Self::new(0, length, None, nonce)?).is_some() {
                return Err(Refusal::header(OF, "is implied in two generations"));
            }
        }
        Ok(found)
    }

    /// The octet of the key stream from which on it is, and how many it has.
    pub(crate) fn place(&self) -> (usize, usize) {
        (self.offset, self.length)
    }

    /// The label, where one is said.
    pub(crate) fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Derives the key from its source's; where that is a context's, its lease is asked.
    pub(crate) fn derive(&self, secret: &Secret, lease: Option<&Lease>) -> Result<Secret, Refusal> {
        let label = self.label.as_deref().map_or(derive::DEFAULT_LABEL, str::as_bytes);
        let range = self.offset..self.offset + self.length;
        match lease {
            Some(lease) => lease.derive(secret, label, &self.nonce, range),
            None => derive::derived_key(secret.expose(), label, &self.nonce, range),
        }
        .map_err(|_| Refusal::header(OF, "asks for too long a key stream"))
    }
}

fn number(document: &Document, node: NodeId) -> Result<usize, Refusal> {
    count(&text(document, node, OF)?)
}

fn count(text: &str) -> Result<usize, Refusal> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::header(OF, "has a number that is none, or far too great"));
    }
    text.parse().map_err(|_| Refusal::header(OF, "has a number that is none"))
}

/// Writes a derived key token; `source` writes its reference. Offset and length are always said: WSS4J's streaming
/// reader takes no default for them.
pub(crate) fn write(
    writer: &mut Writer,
    dialect: &Dialect,
    id: &str,
    length: usize,
    nonce: &[u8],
    source: impl FnOnce(&mut Writer),
) {
    let (prefix, namespace) = (dialect.prefixes.1, dialect.conversation);
    writer.start(prefix, namespace, OF);
    writer.attribute_ns("u", WSU, "Id", id);
    source(writer);
    for (local, value) in [("Offset", 0), ("Length", length)] {
        writer.start(prefix, namespace, local);
        writer.text(&value.to_string());
        writer.end();
    }
    writer.start(prefix, namespace, "Nonce");
    writer.text_with(|out| base64::encode_to(nonce, out));
    writer.end();
    writer.end();
}
