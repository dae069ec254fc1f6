//! A SOAP envelope taken apart: well-formed, within limits, and nothing believed yet ([SOAP 1.2] section 5, [SOAP 1.1]
//! section 4).

use nuncio_policy::model::{Addressing, SoapVersion};
use nuncio_xml::{Document, Encoding, Kind, Name, NodeId};
use nuncio_xmlsec::{DSIG, XENC};

use crate::addressing::{Headers, Replies, is_addressing};
use crate::fault;
use crate::limits::Limits;
use crate::names::{SOAP11, WSSE, WSSE11, soap};
use crate::refusal::{Refusal, TWICE};

/// An envelope: its header blocks, its security header, its body.
pub(crate) struct Envelope {
    pub(crate) document: Document,
    /// How many octets it came in.
    pub(crate) octets: usize,
    pub(crate) soap: SoapVersion,
    /// Header blocks other than the security header for us and those for other actors, in document order.
    pub(crate) blocks: Vec<NodeId>,
    /// Header blocks addressed to others, each with the position among `blocks` that it comes before.
    pub(crate) passing: Vec<(usize, NodeId)>,
    /// The security header addressed to us.
    pub(crate) security: Option<NodeId>,
    pub(crate) body: NodeId,
    pub(crate) addressing: Headers,
}

impl Envelope {
    /// Reads an envelope without security, with addressing of that version: no header block of it is encrypted.
    pub(crate) fn read(
        bytes: Vec<u8>,
        expected: SoapVersion,
        addressing: Addressing,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let mut envelope = Self::read_sealed(bytes, Encoding::Declared, expected, limits)?;
        envelope.check_in_clear()?;
        envelope.addressing = Headers::read(&envelope.document, &envelope.blocks, addressing, Replies::BackChannel)?;
        Ok(envelope)
    }

    /// Reads an envelope of that version of SOAP. Header blocks may be encrypted, and addressing is left for the caller to
    /// read.
    pub(crate) fn read_sealed(
        bytes: Vec<u8>,
        encoding: Encoding,
        expected: SoapVersion,
        limits: &Limits,
    ) -> Result<Self, Refusal> {
        let octets = bytes.len();
        let document = Document::read_in(bytes, encoding, &limits.xml)?;
        let root = document.root();
        let name = document.name(root);
        let version = fault::version(name.namespace).ok_or(Refusal::Envelope("is in no namespace of SOAP"))?;
        if name.local != "Envelope" {
            return Err(Refusal::Envelope("is not called Envelope"));
        }
        if version != expected {
            return Err(Refusal::Envelope("is of another version of SOAP than its content type"));
        }
        let namespace = soap(version);
        let parts = only_elements(&document, root)?;
        let (header, body) = match parts.as_slice() {
            [body] => (None, *body),
            [header, body] if document.is(*header, namespace, "Header") => (Some(*header), *body),
            _ => return Err(Refusal::Envelope("is not an optional header and a body")),
        };
        if !document.is(body, namespace, "Body") {
            return Err(Refusal::Envelope("has no body"));
        }
        let (mut blocks, mut passing) = (Vec::new(), Vec::new());
        let mut security = None;
        for block in header.map(|header| only_elements(&document, header)).transpose()?.unwrap_or_default() {
            if document.name(block).namespace.is_empty() {
                return Err(Refusal::Envelope("has a header block in no namespace"));
            }
            if !is_for_us(&document, block, version) {
                passing.push((blocks.len(), block));
                continue;
            }
            if belongs_in_security(&document, block) && !is_encrypted(&document, block) {
                return Err(BELONGS_ELSEWHERE);
            }
            if document.is(block, WSSE, "Security") {
                if security.replace(block).is_some() {
                    return Err(Refusal::header("Security", TWICE));
                }
            } else {
                blocks.push(block);
            }
        }
        let addressing = Headers::default();
        Ok(Self { document, octets, soap: version, blocks, passing, security, body, addressing })
    }

    /// Refuses header blocks that are still encrypted.
    pub(crate) fn check_in_clear(&self) -> Result<(), Refusal> {
        if self.blocks.iter().any(|&block| is_encrypted(&self.document, block)) {
            return Err(BELONGS_ELSEWHERE);
        }
        Ok(())
    }

    /// The header blocks that are not addressing: of a plain message, what travels when it is sealed. The addressing that
    /// its writer may have put there was not written for the secured side.
    pub(crate) fn blocks_beside_addressing(&self) -> Vec<(&Document, NodeId)> {
        let document = &self.document;
        let travels = |&block: &NodeId| !is_addressing(document.name(block).namespace);
        self.blocks.iter().copied().filter(travels).map(|block| (document, block)).collect()
    }

    /// The first element in the body.
    pub(crate) fn payload(&self) -> Option<NodeId> {
        self.document.elements(self.body).next()
    }

    /// Whether the body is a fault.
    pub(crate) fn is_fault(&self) -> bool {
        self.payload().is_some_and(|node| self.document.is(node, soap(self.soap), "Fault"))
    }

    /// Whether a header block must be understood.
    pub(crate) fn must_be_understood(&self, block: NodeId) -> bool {
        let value = self.document.attribute(block, soap(self.soap), "mustUnderstand");
        matches!(value.as_deref().map(str::trim), Some("1" | "true"))
    }
}

const BELONGS_ELSEWHERE: Refusal = Refusal::header("Header", "has a block that belongs in a security header");

/// Whether a header block is something of a security header: beside it, none of its rules would cover it.
fn belongs_in_security(document: &Document, block: NodeId) -> bool {
    let namespace = document.name(block).namespace;
    [WSSE11, DSIG, XENC].contains(&namespace) || namespace == WSSE && !document.is(block, WSSE, "Security")
}

/// Whether a header block is an encrypted one: as WSS 1.1 has it (section 9.3), or bare.
pub(crate) fn is_encrypted(document: &Document, block: NodeId) -> bool {
    document.is(block, WSSE11, "EncryptedHeader") || document.is(block, XENC, "EncryptedData")
}

/// Whether an element that was encrypted may be a header block for us: none of security, and not the action, by which it
/// was decided what must be encrypted.
pub(crate) fn may_be_hidden(document: &Document, block: NodeId, version: SoapVersion) -> bool {
    let Name { namespace, local } = document.name(block);
    let action = is_addressing(namespace) && local == "Action";
    let security = namespace == WSSE || belongs_in_security(document, block);
    !namespace.is_empty() && !security && !action && is_for_us(document, block, version)
}

/// The element children of `parent`; comments are passed over, text is refused.
fn only_elements(document: &Document, parent: NodeId) -> Result<Vec<NodeId>, Refusal> {
    let mut elements = Vec::new();
    for child in document.children(parent) {
        match document.kind(child) {
            Kind::Element => elements.push(child),
            Kind::Comment => {}
            Kind::Text if document.is_whitespace(child) => {}
            Kind::Text => return Err(Refusal::Envelope("has text where only elements may be")),
        }
    }
    Ok(elements)
}

/// Whether a header block is addressed to the ultimate receiver, which we stand for, or to whoever is next.
fn is_for_us(document: &Document, block: NodeId, version: SoapVersion) -> bool {
    match version {
        SoapVersion::V11 => document
            .attribute(block, SOAP11, "actor")
            .is_none_or(|actor| actor.is_empty() || actor == "http://schemas.xmlsoap.org/soap/actor/next"),
        SoapVersion::V12 => document.attribute(block, soap(version), "role").is_none_or(|role| {
            role.is_empty()
                || role == "http://www.w3.org/2003/05/soap-envelope/role/next"
                || role == "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver"
        }),
    }
}
