//! A message sealed: signed, encrypted and written as the policy has it.
//!
//! The same for both sides, and the mirror of `open`. Every part is written in canonical form as an apex of its own, so
//! that what is digested is what is written; what must not be lost and is not canonical (declarations that only
//! qualified names in content use) is a gap that the digest leaves out.

mod elements;
mod header;
mod inclusive;
mod keys;
mod named;
mod protect;
mod sign;
mod supporting;

use std::ops::Range;
use std::time::Duration;

use nuncio_crypto::algorithm::{MacAlgorithm, SignatureAlgorithm};
use nuncio_crypto::certificate::Certificate;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Addressing, Parts, SecureConversationToken, SoapVersion, UsernameToken, X509Token};
use nuncio_xml::{Document, Name, NodeId, ReadError, Set, Writer};

use self::elements::Selections;
use crate::addressing;
use crate::conversation::Context;
use crate::demand::Demand;
use crate::keys::{Credential, SharedKey};
use crate::names::{WSU, soap};
use crate::time::Time;

/// What the body holds.
pub(crate) enum Content<'a> {
    /// The content of that body.
    Copy(&'a Document, NodeId),
    /// What that writes.
    Write(&'a dyn Fn(&mut Writer)),
}

/// A message before it is sealed.
pub(crate) struct Outgoing<'a> {
    pub(crate) soap: SoapVersion,
    pub(crate) addressing: Addressing,
    pub(crate) action: Option<&'a str>,
    pub(crate) message_id: Option<&'a str>,
    pub(crate) relates_to: Option<&'a str>,
    pub(crate) to: Option<&'a str>,
    /// Where the reply is to come, of a message that has one.
    pub(crate) reply_to: Option<&'a str>,
    /// Header blocks that travel as they are.
    pub(crate) blocks: &'a [(&'a Document, NodeId)],
    pub(crate) content: Content<'a>,
}

/// The key that protects a message: signs and encrypts it under a symmetric binding, encrypts it under an asymmetric one.
pub(crate) enum Protection<'a> {
    /// None: the transport protects, or a certificate signs and nothing is encrypted.
    None,
    /// That of a security context, which travels with the message or is only named.
    Context { context: &'a Context, include: bool },
    /// That of the request's encrypted key, by its name.
    Answer(&'a SharedKey),
    /// A new one, wrapped for a certificate.
    Fresh { certificate: &'a Certificate, shared: &'a SharedKey, wrapped: &'a [u8] },
}

/// What a message is sealed with.
pub(crate) struct Seal<'a> {
    pub(crate) demand: Demand<'a>,
    pub(crate) protection: Protection<'a>,
    /// The certificate that makes the primary signature, under an asymmetric binding.
    pub(crate) signing: Option<&'a Credential>,
    /// The supporting tokens of a request, in the policy's order.
    pub(crate) supporting: Vec<Supporting<'a>>,
    /// The signatures to confirm, where they are to be.
    pub(crate) confirm: Option<&'a [Vec<u8>]>,
    /// The signature algorithms; the peer's, where the suite leaves a choice.
    pub(crate) mac: MacAlgorithm,
    pub(crate) signature: SignatureAlgorithm,
    /// How long the message is good for.
    pub(crate) lifetime: Duration,
}

/// A supporting token that a request brings.
pub(crate) struct Supporting<'a> {
    pub(crate) token: Brought<'a>,
    pub(crate) signed: bool,
    pub(crate) encrypted: bool,
    pub(crate) endorsing: bool,
    /// What it signs beside its duty.
    pub(crate) parts: Option<&'a Parts>,
}

/// What is brought as a supporting token.
pub(crate) enum Brought<'a> {
    /// A user name and a password, in the form that the policy wants; where it endorses, with a key of the password or one
    /// derived from that.
    Username { name: &'a str, password: &'a str, token: &'a UsernameToken },
    /// A certificate, by its key where it endorses.
    Certificate { credential: &'a Credential, token: &'a X509Token },
    /// A security context; where it endorses, with a key derived from its own or with that itself. Without a token of the
    /// policy where it is renewed.
    Context { context: &'a Context, token: Option<&'a SecureConversationToken>, derive: bool },
}

impl Supporting<'_> {
    /// Whether it is encrypted. A user name always is that has the password in it: WS-SecurityPolicy 1.1 has no word for it,
    /// and a password is not sent in clear.
    fn is_hidden(&self) -> bool {
        self.encrypted || matches!(self.token, Brought::Username { .. }) && !self.endorsing
    }

    /// Whether it signs a header block itself: the parts that the policy names for it and, over a transport, the address
    /// where it is a certificate.
    fn signs_block(&self, name: Name<'_>, over_transport: bool) -> bool {
        let certificate = matches!(self.token, Brought::Certificate { .. });
        self.endorsing
            && (certificate && over_transport && name.local == "To" && addressing::is_addressing(name.namespace)
                || self.signs(|parts| parts.signed.has_header(name.namespace, name.local)))
    }

    /// Whether it signs the body itself.
    fn signs_body(&self) -> bool {
        self.endorsing && self.signs(|parts| parts.signed.body)
    }

    /// Whether the parts that the policy has it sign are such.
    fn signs(&self, are: impl Fn(&Parts) -> bool) -> bool {
        self.parts.is_some_and(are)
    }
}

/// A sealed message.
pub(crate) struct Sealed {
    pub(crate) octets: Vec<u8>,
    /// The values of its signatures, primary first.
    pub(crate) signatures: Vec<Vec<u8>>,
}

/// Why a message could not be sealed: never the peer's doing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsealed {
    /// A key has another length than its algorithm takes.
    #[error("a key is of another length than its algorithm takes")]
    Key,
    /// The policy asks for a token that was not given.
    #[error("the policy asks for {0}, and none was given")]
    TokenMissing(&'static str),
    /// An operation with a private or public key failed.
    #[error("an operation with an asymmetric key failed")]
    Asymmetric,
    /// What was written for a signature in inclusive canonical form cannot be read.
    #[error("what was written cannot be read again: {0}")]
    Written(#[from] ReadError),
}

/// Ids of one message: a prefix that no application message has, and a counter.
struct Ids {
    prefix: String,
    next: usize,
}

impl Ids {
    fn new(random: &mut dyn Random) -> Self {
        let mut octets = [0; 6];
        random.fill(&mut octets);
        let prefix = octets.iter().fold("_".to_owned(), |mut prefix, octet| {
            for digit in [octet >> 4, octet & 15] {
                prefix.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
            prefix
        });
        Self { prefix, next: 0 }
    }

    fn next(&mut self) -> String {
        self.next += 1;
        let mut id = String::with_capacity(self.prefix.len() + 4);
        id.push_str(&self.prefix);
        id.push('-');
        push_decimal(self.next, &mut id);
        id
    }
}

/// Appends a number. A message has many, and formatting one is many times the work.
fn push_decimal(number: usize, text: &mut String) {
    if number >= 10 {
        push_decimal(number / 10, text);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Something written as an apex in the scratch writer: where, and by which id it is signed.
struct Piece {
    range: Range<usize>,
    id: String,
}

/// Room for all of a message but its content, in octets: header blocks, security header, and what of it is encrypted.
const FRAME: usize = 16 * 1024;
/// Room for the elements around the pieces of a message.
const ENVELOPE: usize = 1024;

/// Seals a message.
pub(crate) fn seal(
    outgoing: &Outgoing<'_>,
    seal: &Seal<'_>,
    now: Time,
    random: &mut dyn Random,
) -> Result<Sealed, Unsealed> {
    let mut ids = Ids::new(random);
    let content = match outgoing.content {
        Content::Copy(document, _) => document.octets(),
        Content::Write(_) => 0,
    };
    // The content, it again in base64, and what is around it.
    let mut scratch = Writer::with_capacity(content + content.div_ceil(3) * 4 + FRAME);
    let selections = Selections::of(outgoing, &seal.demand);
    let blocks = blocks(&mut scratch, outgoing, seal, &selections, &mut ids);
    let namespace = soap(outgoing.soap);

    // The body, and the range of its content within.
    let body_id = ids.next();
    scratch.apex();
    let body_start = scratch.position();
    scratch.start("s", namespace, "Body");
    if seal.signs_body() {
        scratch.attribute_ns("u", WSU, "Id", &body_id);
    }
    let content_start = scratch.position();
    match &outgoing.content {
        Content::Copy(document, body) => scratch.copy_children(document, *body),
        Content::Write(write) => write(&mut scratch),
    }
    let content = content_start..scratch.position();
    scratch.end();
    let body = Piece { range: body_start..scratch.position(), id: body_id };

    let protecting = protect::Protecting {
        outgoing,
        seal,
        selections: &selections,
        now,
        random,
        ids,
        scratch,
        signatures: Vec::new(),
    };
    let mut protected = protecting.run(&blocks, &body, content)?;

    let pieces = protected.blocks.iter().chain(&protected.header).chain([&protected.body]);
    let mut out = Writer::with_capacity(pieces.map(ExactSizeIterator::len).sum::<usize>() + ENVELOPE);
    out.start("s", namespace, "Envelope");
    if !blocks.is_empty() || !protected.header.is_empty() {
        out.start("s", namespace, "Header");
        for block in &protected.blocks {
            out.piece(&protected.scratch, block.clone());
        }
        if !protected.header.is_empty() {
            header::write(&mut out, namespace, &protected.scratch, &protected.header);
        }
        out.end();
    }
    out.piece(&protected.scratch, protected.body.clone());
    out.end();
    Ok(Sealed { octets: out.into_bytes(), signatures: std::mem::take(&mut protected.signatures) })
}

/// A header block that was written.
struct Block<'a> {
    piece: Piece,
    name: Name<'a>,
    /// Where it was copied from, if it was.
    source: Option<(&'a Document, NodeId)>,
    understood: bool,
    signed: bool,
    encrypted: bool,
}

/// Whether anything in a message is encrypted.
pub(crate) fn encrypts(demand: &Demand<'_>, supporting: &[Supporting<'_>]) -> bool {
    demand.order().is_some() && (demand.parts.encrypts() || supporting.iter().any(Supporting::is_hidden))
}

impl Seal<'_> {
    /// Whether some signature of the message covers its body.
    fn signs_body(&self) -> bool {
        self.demand.order().is_some() && self.demand.parts.signed.body
            || self.supporting.iter().any(Supporting::signs_body)
    }

    /// Whether some signature of the message covers header blocks of that name.
    fn covers_block(&self, name: Name<'_>) -> bool {
        let in_message = self.demand.order().is_some();
        in_message && self.demand.parts.signed.has_header(name.namespace, name.local)
            || self.supporting.iter().any(|token| token.signs_block(name, !in_message))
    }
}

/// Writes a header block, with an id where it is given one.
type Write<'a> = &'a dyn Fn(&mut Writer, Option<&str>);

/// Writes the header blocks, each with an id where it is signed.
fn blocks<'a>(
    scratch: &mut Writer,
    outgoing: &Outgoing<'a>,
    seal: &Seal<'_>,
    selections: &Selections<'_>,
    ids: &mut Ids,
) -> Vec<Block<'a>> {
    let mut blocks = Vec::new();
    let soap = soap(outgoing.soap);
    let in_message = seal.demand.order().is_some();
    let parts = seal.demand.parts;
    let mut block = |scratch: &mut Writer, name: Name<'a>, source: Option<(&'a Document, NodeId)>, write: Write<'_>| {
        let understood = matches!(name.local, "Action" | "To") && source.is_none();
        let id = ids.next();
        let signed = in_message && parts.signed.has_header(name.namespace, name.local);
        scratch.apex();
        let start = scratch.position();
        write(scratch, seal.covers_block(name).then_some(id.as_str()));
        let selected = source.is_some_and(|(document, node)| selections.is_whole(document, node));
        let encrypted = in_message && parts.encrypted.has_header(name.namespace, name.local) || selected;
        let piece = Piece { range: start..scratch.position(), id };
        blocks.push(Block { piece, name, source, understood, signed, encrypted });
    };
    if let Some(namespace) = addressing::namespace(outgoing.addressing) {
        let texts = [
            ("Action", outgoing.action, true),
            ("MessageID", outgoing.message_id, false),
            ("RelatesTo", outgoing.relates_to, false),
            ("ReplyTo", outgoing.reply_to, false),
            ("To", outgoing.to, true),
        ];
        for (local, text, understood) in texts {
            let Some(text) = text else { continue };
            block(scratch, Name { namespace, local }, None, &|scratch, id| {
                scratch.start("a", namespace, local);
                if understood {
                    scratch.attribute_ns("s", soap, "mustUnderstand", "1");
                }
                if let Some(id) = id {
                    scratch.attribute_ns("u", WSU, "Id", id);
                }
                if local == "ReplyTo" {
                    scratch.start("a", namespace, "Address");
                    scratch.text(text);
                    scratch.end();
                } else {
                    scratch.text(text);
                }
                scratch.end();
            });
        }
    }
    for &(document, node) in outgoing.blocks {
        block(scratch, document.name(node), Some((document, node)), &|scratch, id| match id {
            Some(id) => {
                scratch.copy_with(document, node, &Set { prefix: "u", namespace: WSU, local: "Id", value: id });
            }
            None => scratch.copy(document, node),
        });
    }
    blocks
}
