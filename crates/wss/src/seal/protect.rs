//! The children of the security header, in WCF's order: timestamp, protection token, derived keys (the signature's first),
//! reference list, supporting tokens, confirmations, primary signature, endorsing signatures; where encryption comes first,
//! the list last; what is encrypted after it was signed has a list of its own in the usual place (WS-SecurityPolicy 1.2,
//! appendix C). Under an asymmetric binding without derived keys the list is within the encrypted key.

use std::ops::Range;

use nuncio_crypto::base64;
use nuncio_crypto::random::Random;
use nuncio_policy::model::{Layout, ProtectionOrder};
use nuncio_xml::Writer;
use nuncio_xmlsec::encryption::{self, Encrypting, Form};
use nuncio_xmlsec::signature::Part;

use super::elements::Selections;
use super::keys::{Keys, Token, Working, Wrapping, refer};
use super::supporting::Endorser;
use super::{Block, Content, Ids, Outgoing, Piece, Seal, Unsealed};
use crate::names::{WSSE11, WSU, soap};
use crate::time::Time;
use crate::timestamp;

/// A message while its security header is made.
pub(super) struct Protecting<'a> {
    pub(super) outgoing: &'a Outgoing<'a>,
    pub(super) seal: &'a Seal<'a>,
    pub(super) selections: &'a Selections<'a>,
    pub(super) now: Time,
    pub(super) random: &'a mut dyn Random,
    pub(super) ids: Ids,
    pub(super) scratch: Writer,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// What came of it: the pieces of the header and of the body in the scratch writer.
pub(super) struct Protected {
    pub(super) scratch: Writer,
    pub(super) blocks: Vec<Range<usize>>,
    pub(super) header: Vec<Range<usize>>,
    pub(super) body: Range<usize>,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// What is encrypted, and with what.
pub(super) struct Hiding {
    /// The key; `None` where nothing is encrypted.
    pub(super) key: Option<Working>,
    /// The token that it comes from.
    pub(super) token: Token,
    /// The ids of what was encrypted.
    pub(super) listed: Vec<String>,
    /// The ids of what was encrypted before it was signed, once signing began.
    pub(super) before: Vec<String>,
    /// Whether what is signed as well is encrypted first.
    pub(super) first: bool,
    /// The encrypted key that lists what was encrypted, to be written at the end.
    pub(super) wrapping: Option<Wrapping>,
}

/// What is to be encrypted.
pub(super) enum Plain<'a> {
    /// Octets.
    Octets(&'a [u8]),
    /// What the writer has there.
    Written(Range<usize>),
}

impl Hiding {
    /// Nothing yet; `first` where what is signed as well is encrypted first.
    pub(super) fn new(first: bool) -> Self {
        Self { key: None, token: Token::Answer, listed: Vec::new(), before: Vec::new(), first, wrapping: None }
    }

    /// Writes an `EncryptedData` with that id where the writer stands.
    pub(super) fn encrypt(
        &mut self,
        writer: &mut Writer,
        seal: &Seal<'_>,
        random: &mut dyn Random,
        id: &str,
        form: Form,
        plain: Plain<'_>,
    ) -> Result<(), Unsealed> {
        let Self { key, token, listed, .. } = self;
        let key = key.as_ref().ok_or(Unsealed::Key)?;
        let mut encrypting = Encrypting { cipher: seal.demand.suite().cipher, key: &key.secret, random };
        let refer = |writer: &mut Writer| refer(writer, seal, key, token);
        match plain {
            Plain::Octets(octets) => encryption::encrypt(writer, &mut encrypting, id, form, octets, refer),
            Plain::Written(range) => encryption::encrypt_written(writer, &mut encrypting, id, form, range, refer),
        }
        .map_err(|_| Unsealed::Key)?;
        listed.push(id.to_owned());
        Ok(())
    }
}

impl Protecting<'_> {
    pub(super) fn run(
        mut self,
        blocks: &[Block<'_>],
        body: &Piece,
        content: Range<usize>,
    ) -> Result<Protected, Unsealed> {
        let timestamp = self.seal.demand.timestamp().then(|| {
            let id = self.ids.next();
            let (now, lifetime) = (self.now, self.seal.lifetime);
            self.apex(id, |scratch, id| timestamp::write(scratch, id, now, lifetime))
        });
        let last = self.seal.demand.layout() == Layout::LaxTimestampLast;
        let mut header: Vec<Range<usize>> =
            timestamp.iter().filter(|_| !last).map(|piece| piece.range.clone()).collect();
        let mut written: Vec<Range<usize>> = blocks.iter().map(|block| block.piece.range.clone()).collect();
        let body = if let Some(order) = self.seal.demand.order() {
            self.in_message(order, blocks, timestamp.as_ref(), body, content, &mut header, &mut written)?
        } else {
            self.over_transport(blocks, timestamp.as_ref(), body, &mut header)?;
            body.range.clone()
        };
        header.extend(timestamp.filter(|_| last).map(|piece| piece.range));
        Ok(Protected { scratch: self.scratch, blocks: written, header, body, signatures: self.signatures })
    }

    /// Writes something as an apex.
    pub(super) fn apex(&mut self, id: String, write: impl FnOnce(&mut Writer, &str)) -> Piece {
        self.scratch.apex();
        let start = self.scratch.position();
        write(&mut self.scratch, &id);
        Piece { range: start..self.scratch.position(), id }
    }

    #[expect(clippy::too_many_arguments, reason = "the pieces of one message")]
    fn in_message(
        &mut self,
        order: ProtectionOrder,
        blocks: &[Block<'_>],
        timestamp: Option<&Piece>,
        body: &Piece,
        content: Range<usize>,
        header: &mut Vec<Range<usize>>,
        written: &mut [Range<usize>],
    ) -> Result<Range<usize>, Unsealed> {
        let parts = self.seal.demand.parts;
        let encrypt_first = order == ProtectionOrder::EncryptBeforeSign;
        let hidden = self.seal.demand.signature_encrypted();
        let Keys { signer, mut hiding, protected } = self.keys(order, header)?;
        let mut signed: Vec<Part> = Vec::new();

        // Each is signed as it is written or, where encryption comes first, as it is encrypted.
        let hidden_body = self.hide_body(body, content, &mut hiding)?;
        let covered_body = hidden_body.as_ref().filter(|_| encrypt_first).unwrap_or(body);
        if parts.signed.body {
            signed.push(self.outer_part(covered_body)?);
        }
        let mut hidden_blocks = Vec::with_capacity(blocks.len());
        for (block, written) in blocks.iter().zip(written) {
            let hidden = self.hide_block(block, &mut hiding)?;
            if let Some(hidden) = &hidden {
                *written = hidden.range.clone();
            }
            let hidden = hidden.filter(|_| encrypt_first);
            if block.signed {
                signed.push(self.block_part(block, hidden.as_ref())?);
            }
            hidden_blocks.push(hidden);
        }
        signed.extend(timestamp.map(|timestamp| self.part(timestamp)).transpose()?);

        let mut tokens: Vec<Range<usize>> = Vec::new();
        let endorsers = self.supporting_tokens(&mut hiding, &mut signed, &mut tokens)?;
        if encrypt_first {
            // What protects the signature is encrypted after it was made, and so are the confirmations that it covers.
            hiding.before = std::mem::take(&mut hiding.listed);
        }
        for value in self.confirmations() {
            let id = self.ids.next();
            let plain = self.apex(id, |scratch, id| write_confirmation(scratch, id, value.as_deref()));
            signed.push(self.part(&plain)?);
            tokens.push(if hidden { self.hide(&plain.range, &mut hiding)?.range } else { plain.range });
        }
        signed.extend(protected);
        self.extend_with_named(header, &mut signed)?;
        self.extend_with_named(&tokens, &mut signed)?;

        // The primary signature, then what endorses it.
        let primary_id = (!endorsers.is_empty()).then(|| self.ids.next());
        let primary = self.sign_primary(&signer, &hiding.token, primary_id.as_deref(), &signed)?;
        let mut signatures = vec![primary.clone()];
        if let Some(id) = primary_id {
            let primary = Piece { range: primary, id };
            for endorser in &endorsers {
                let mut endorsed = vec![self.part(&primary)?];
                self.extend_with_own_parts(endorser, blocks, &hidden_blocks, covered_body, &mut endorsed)?;
                signatures.push(self.endorse(endorser, &endorsed)?);
            }
        }
        for range in signatures {
            tokens.push(if hidden { self.hide(&range, &mut hiding)?.range } else { range });
        }
        self.put_together(hiding, tokens, header)?;
        Ok(hidden_body.map_or_else(|| body.range.clone(), |hidden| hidden.range))
    }

    /// The reference lists and the other children in their order.
    fn put_together(
        &mut self,
        hiding: Hiding,
        mut tokens: Vec<Range<usize>>,
        header: &mut Vec<Range<usize>>,
    ) -> Result<(), Unsealed> {
        let Hiding { listed, before, wrapping, .. } = hiding;
        if let Some(wrapping) = wrapping {
            self.deferred_key(&wrapping, &listed, header)?;
            header.append(&mut tokens);
            return Ok(());
        }
        header.extend(self.list(&listed));
        header.append(&mut tokens);
        header.extend(self.list(&before));
        Ok(())
    }

    /// The body with what of it is encrypted; `None` where nothing is.
    fn hide_body(
        &mut self,
        body: &Piece,
        content: Range<usize>,
        hiding: &mut Hiding,
    ) -> Result<Option<Piece>, Unsealed> {
        let parts = self.seal.demand.parts;
        let range = match &self.outgoing.content {
            Content::Copy(document, node) if !parts.encrypted.body => match self.selections.within(document, *node) {
                Some(selected) => self.encrypt_within_body(&body.id, *node, selected, hiding)?,
                None => return Ok(None),
            },
            // Paths are not followed into what is written here: all of it is encrypted where there are any.
            _ if parts.encrypts_in_body() => self.encrypt_body(&body.id, content, hiding)?,
            _ => return Ok(None),
        };
        Ok(Some(Piece { range, id: body.id.clone() }))
    }

    /// A header block with what of it is encrypted; `None` where nothing is.
    fn hide_block(&mut self, block: &Block<'_>, hiding: &mut Hiding) -> Result<Option<Piece>, Unsealed> {
        if block.encrypted {
            return self.encrypt_block(block, hiding).map(Some);
        }
        let Some((document, node)) = block.source else { return Ok(None) };
        let selected = self.selections.within(document, node);
        selected.map(|selected| self.encrypt_within_block(block, node, selected, hiding)).transpose()
    }

    /// Writes the list of what was encrypted, where anything was.
    fn list(&mut self, listed: &[String]) -> Option<Range<usize>> {
        let write = |scratch: &mut Writer, _: &str| encryption::reference_list(scratch, listed);
        (!listed.is_empty()).then(|| self.apex(String::new(), write).range)
    }

    /// Encrypts the content of the body, under the same start tag.
    fn encrypt_body(&mut self, id: &str, content: Range<usize>, hiding: &mut Hiding) -> Result<Range<usize>, Unsealed> {
        let start = self.start_body(id);
        let data = self.ids.next();
        self.encrypt(&data, Form::Content, content, hiding)?;
        self.scratch.end();
        Ok(start..self.scratch.position())
    }

    /// Starts the body anew, as an apex; gives where.
    pub(super) fn start_body(&mut self, id: &str) -> usize {
        self.scratch.apex();
        let start = self.scratch.position();
        self.scratch.start("s", soap(self.outgoing.soap), "Body");
        if self.seal.signs_body() {
            self.scratch.attribute_ns("u", WSU, "Id", id);
        }
        start
    }

    /// Encrypts a header block: within an `EncryptedHeader` that says to whom it is addressed, which WSS 1.1 has (section
    /// 9.3) and 1.0 has not.
    fn encrypt_block(&mut self, block: &Block<'_>, hiding: &mut Hiding) -> Result<Piece, Unsealed> {
        if !self.seal.demand.policy.wss.v11 {
            return self.hide(&block.piece.range, hiding);
        }
        let (id, data, soap) = (self.ids.next(), self.ids.next(), soap(self.outgoing.soap));
        self.scratch.apex();
        let start = self.scratch.position();
        self.scratch.start("k", WSSE11, "EncryptedHeader");
        self.scratch.attribute_ns("u", WSU, "Id", &id);
        if block.understood {
            self.scratch.attribute_ns("s", soap, "mustUnderstand", "1");
        }
        if let Some((document, node)) = block.source {
            for local in ["mustUnderstand", "actor", "role", "relay"] {
                if let Some(value) = document.attribute(node, soap, local) {
                    self.scratch.attribute_ns("s", soap, local, &value);
                }
            }
        }
        self.encrypt(&data, Form::Element, block.piece.range.clone(), hiding)?;
        self.scratch.end();
        Ok(Piece { range: start..self.scratch.position(), id })
    }

    /// Encrypts an element that was written, as an apex of its own.
    pub(super) fn hide(&mut self, range: &Range<usize>, hiding: &mut Hiding) -> Result<Piece, Unsealed> {
        let id = self.ids.next();
        self.scratch.apex();
        let start = self.scratch.position();
        self.encrypt(&id, Form::Element, range.clone(), hiding)?;
        Ok(Piece { range: start..self.scratch.position(), id })
    }

    /// Writes an `EncryptedData` with that id where the writer stands, over what it has at `plain`.
    fn encrypt(&mut self, id: &str, form: Form, plain: Range<usize>, hiding: &mut Hiding) -> Result<(), Unsealed> {
        hiding.encrypt(&mut self.scratch, self.seal, &mut *self.random, id, form, Plain::Written(plain))
    }

    /// Over a transport: what a token signs is the timestamp, and what the policy names for it.
    fn over_transport(
        &mut self,
        blocks: &[Block<'_>],
        timestamp: Option<&Piece>,
        body: &Piece,
        header: &mut Vec<Range<usize>>,
    ) -> Result<(), Unsealed> {
        for value in self.confirmations() {
            let id = self.ids.next();
            header.push(self.apex(id, |scratch, id| write_confirmation(scratch, id, value.as_deref())).range);
        }
        let mut nothing = Hiding::new(false);
        let endorsers = self.supporting_tokens(&mut nothing, &mut Vec::new(), header)?;
        for endorser in &endorsers {
            let mut endorsed: Vec<Part> =
                timestamp.map(|timestamp| self.part(timestamp)).transpose()?.into_iter().collect();
            self.extend_with_own_parts(endorser, blocks, &[], body, &mut endorsed)?;
            let range = self.endorse(endorser, &endorsed)?;
            header.push(range);
        }
        Ok(())
    }

    /// Adds what a supporting token signs beside its duty: of the header blocks, or what of them was `hidden` before, and the
    /// body.
    fn extend_with_own_parts(
        &self,
        endorser: &Endorser<'_>,
        blocks: &[Block<'_>],
        hidden: &[Option<Piece>],
        body: &Piece,
        into: &mut Vec<Part>,
    ) -> Result<(), Unsealed> {
        let over_transport = self.seal.demand.order().is_none();
        for (at, block) in blocks.iter().enumerate() {
            if endorser.supporting.signs_block(block.name, over_transport) {
                into.push(self.block_part(block, hidden.get(at).and_then(Option::as_ref))?);
            }
        }
        if endorser.supporting.signs_body() {
            into.push(self.outer_part(body)?);
        }
        Ok(())
    }

    /// The values to confirm: one each, or one without value where the request had no signature (WSS 1.1 section 8.5).
    fn confirmations(&self) -> Vec<Option<Vec<u8>>> {
        match self.seal.confirm {
            None => Vec::new(),
            Some([]) => vec![None],
            Some(values) => values.iter().cloned().map(Some).collect(),
        }
    }
}

fn write_confirmation(writer: &mut Writer, id: &str, value: Option<&[u8]>) {
    writer.start("k", WSSE11, "SignatureConfirmation");
    writer.attribute_ns("u", WSU, "Id", id);
    if let Some(value) = value {
        writer.attribute("Value", &base64::encode(value));
    }
    writer.end();
}
