//! The children of the security header, in WCF's order: timestamp, protection token, derived keys, reference list,
//! supporting tokens, confirmations, primary signature, endorsing signatures; where encryption comes first, the
//! encryption's derived key before the signature's, and the list last.

use std::ops::Range;

use nuncio_crypto::base64;
use nuncio_crypto::derive;
use nuncio_crypto::mac;
use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_crypto::sign;
use nuncio_policy::model::{AsymmetricBinding, Binding, Layout, ProtectionOrder, SymmetricBinding, X509Reference};
use nuncio_xml::Writer;
use nuncio_xmlsec::encryption::{self, Encrypting, Form};
use nuncio_xmlsec::signature::{self, Method, Part, Signing};

use super::{Block, Ids, Outgoing, Piece, Protection, Seal, Unsealed};
use crate::conversation::Context;
use crate::demand::Direction;
use crate::dialect::Dialect;
use crate::keys::Credential;
use crate::names::{WSSE11, WSU, X509V3, soap};
use crate::time::Time;
use crate::timestamp;
use crate::token::reference::{write_context, write_encrypted_key, write_encrypted_key_sha1, write_local};
use crate::token::{context, derived, reference, username, x509};

/// A message while its security header is made.
pub(super) struct Protecting<'a> {
    pub(super) outgoing: &'a Outgoing<'a>,
    pub(super) seal: &'a Seal<'a>,
    pub(super) now: Time,
    pub(super) random: &'a mut dyn Random,
    pub(super) ids: Ids,
    pub(super) scratch: Writer,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// What came of it: the pieces of the header and of the body in the scratch writer.
pub(super) struct Protected {
    pub(super) scratch: Writer,
    pub(super) header: Vec<Range<usize>>,
    pub(super) body: Range<usize>,
    pub(super) signatures: Vec<Vec<u8>>,
}

/// A key in use, and how the message refers to it.
struct Working {
    secret: Secret,
    /// The id of its derived key token; `None` where it is the protection token's own key.
    derived: Option<String>,
}

impl<'a> Protecting<'a> {
    pub(super) fn run(mut self, blocks: &[Block], body: &Piece, content: Range<usize>) -> Result<Protected, Unsealed> {
        let timestamp = self.seal.demand.timestamp().then(|| {
            let id = self.ids.next();
            self.apex(id, |scratch, id, this| timestamp::write(scratch, id, this.now, this.seal.lifetime))
        });
        let last = self.seal.demand.layout() == Layout::LaxTimestampLast;
        let mut header: Vec<Range<usize>> =
            timestamp.iter().filter(|_| !last).map(|piece| piece.range.clone()).collect();
        let body = if let Some(order) = self.seal.demand.order() {
            self.in_message(order, blocks, timestamp.as_ref(), body, content, &mut header)?
        } else {
            self.over_transport(blocks, timestamp.as_ref(), &mut header)?;
            body.range.clone()
        };
        header.extend(timestamp.filter(|_| last).map(|piece| piece.range));
        Ok(Protected { scratch: self.scratch, header, body, signatures: self.signatures })
    }

    /// Writes something as an apex.
    fn apex(&mut self, id: String, write: impl FnOnce(&mut Writer, &str, &ApexView<'_>)) -> Piece {
        let view = ApexView { now: self.now, seal: self.seal };
        self.scratch.apex();
        let start = self.scratch.position();
        write(&mut self.scratch, &id, &view);
        Piece { range: start..self.scratch.position(), id }
    }

    fn in_message(
        &mut self,
        order: ProtectionOrder,
        blocks: &[Block],
        timestamp: Option<&Piece>,
        body: &Piece,
        content: Range<usize>,
        header: &mut Vec<Range<usize>>,
    ) -> Result<Range<usize>, Unsealed> {
        let parts = self.seal.demand.parts;
        let encrypt_first = order == ProtectionOrder::EncryptBeforeSign;
        let hidden = self.seal.demand.signature_encrypted();
        let (signing, encrypting, token) = self.keys(encrypt_first, header)?;

        let mut tokens: Vec<Range<usize>> = Vec::new();
        let mut signed: Vec<Part> = Vec::new();
        let mut listed: Vec<String> = Vec::new();
        let digest = self.seal.demand.suite().digest;

        // The body: signed as it is written, or as it is encrypted.
        let mut body_range = body.range.clone();
        if parts.signed.body && !encrypt_first {
            signed.push(Part::written(digest, &body.id, &self.scratch, body.range.clone()));
        }
        if let (true, Some(key)) = (parts.encrypted.body, &encrypting) {
            body_range = self.encrypt_body(&body.id, content, key, &token, &mut listed)?;
        }
        if parts.signed.body && encrypt_first {
            signed.push(Part::written(digest, &body.id, &self.scratch, body_range.clone()));
        }
        for block in blocks.iter().filter(|block| block.signed) {
            signed.push(Part::written(digest, &block.piece.id, &self.scratch, block.piece.range.clone()));
        }
        if let Some(timestamp) = timestamp {
            signed.push(Part::written(digest, &timestamp.id, &self.scratch, timestamp.range.clone()));
        }

        if let (Some((name, password)), Some(key)) = (self.seal.username, &encrypting) {
            let id = self.ids.next();
            let plain = self.apex(id, |scratch, id, _| username::write(scratch, id, name, password));
            let hiding = self.hide(&plain.range, key, &token, &mut listed)?;
            let part = if encrypt_first { &hiding } else { &plain };
            signed.push(Part::written(digest, &part.id, &self.scratch, part.range.clone()));
            tokens.push(hiding.range);
        }
        let endorsing = self.seal.endorsing.map(|credential| {
            let id = self.ids.next();
            let piece = self.apex(id, |scratch, id, _| x509::write(scratch, id, &credential.certificate));
            tokens.push(piece.range.clone());
            (credential, piece.id)
        });
        let renewing =
            self.seal.endorsing_context.map(|context| self.endorsing_key(context, &mut tokens)).transpose()?;
        for value in self.confirmations() {
            let id = self.ids.next();
            let plain = self.apex(id, |scratch, id, _| write_confirmation(scratch, id, value.as_deref()));
            signed.push(Part::written(digest, &plain.id, &self.scratch, plain.range.clone()));
            tokens.push(match (&encrypting, hidden) {
                (Some(key), true) => self.hide(&plain.range, key, &token, &mut listed)?.range,
                _ => plain.range,
            });
        }

        // The primary signature, then what endorses it.
        let primary_id = (endorsing.is_some() || renewing.is_some()).then(|| self.ids.next());
        let primary = match &signing {
            Signer::Symmetric(key) => {
                let seal = self.seal;
                self.mac(&key.secret, primary_id.as_deref(), &signed, |writer| refer(writer, seal, key, &token))?
            }
            Signer::Certificate(credential, local) => {
                self.sign_with_certificate(credential, local.as_deref(), primary_id.as_deref(), &signed)?
            }
        };
        let mut signatures = vec![primary.clone()];
        if let Some(primary_id) = &primary_id {
            let part = [Part::written(digest, primary_id, &self.scratch, primary)];
            if let Some((credential, token_id)) = endorsing {
                signatures.push(self.endorse(credential, &token_id, &part)?);
            }
            if let Some((secret, id, dialect)) = renewing {
                let refer = |writer: &mut Writer| write_local(writer, &id, Some(dialect.derived_key_token));
                signatures.push(self.mac(&secret, None, &part, refer)?);
            }
        }
        for range in signatures {
            tokens.push(match (&encrypting, hidden) {
                (Some(key), true) => self.hide(&range, key, &token, &mut listed)?.range,
                _ => range,
            });
        }

        let list = (!listed.is_empty())
            .then(|| self.apex(String::new(), |scratch, _, _| encryption::reference_list(scratch, &listed)).range);
        if encrypt_first {
            header.append(&mut tokens);
            header.extend(list);
        } else {
            header.extend(list);
            header.append(&mut tokens);
        }
        Ok(body_range)
    }

    /// The key that signs, the key that encrypts if anything is encrypted, and the token that both may come from, all of
    /// them declared in the header.
    fn keys(
        &mut self,
        encrypt_first: bool,
        header: &mut Vec<Range<usize>>,
    ) -> Result<(Signer<'a>, Option<Working>, Token), Unsealed> {
        let suite = self.seal.demand.suite();
        let certificate =
            self.seal.demand.asymmetric().map(|binding| self.signing_token(binding, header)).transpose()?;
        let (token, secret) = self.protection_token(header)?;
        let derive = self.seal.demand.derived_keys();
        let encrypts = self.seal.demand.parts.encrypted.body || self.seal.username.is_some();
        let (mut signing, mut encrypting) = (certificate, None);
        // WCF declares the key that is used first first.
        for for_signature in [!encrypt_first, encrypt_first] {
            if for_signature && signing.is_none() {
                let key = self.working(derive, suite.signature_key, &secret, &token, header)?;
                signing = Some(Signer::Symmetric(key));
            } else if !for_signature && encrypts {
                encrypting = Some(self.working(derive, suite.encryption_key, &secret, &token, header)?);
            }
        }
        let encrypting = encrypting.map(|working| fit(working, suite.cipher.key_size())).transpose()?;
        Ok((signing.ok_or(Unsealed::Key)?, encrypting, token))
    }

    /// Signs with a symmetric key, and names it.
    fn mac(
        &mut self,
        secret: &Secret,
        id: Option<&str>,
        parts: &[Part],
        refer: impl FnOnce(&mut Writer),
    ) -> Result<Range<usize>, Unsealed> {
        let algorithm = self.seal.mac;
        let signing = Signing { id, method: Method::Mac(algorithm), digest: self.seal.demand.suite().digest, parts };
        let (range, value) = signature::sign(
            &mut self.scratch,
            &signing,
            |octets| Ok::<_, Unsealed>(mac::mac(algorithm, secret.expose(), &[octets]).as_ref().to_vec()),
            refer,
        )?;
        self.signatures.push(value);
        Ok(range)
    }

    /// Writes a context that endorses, and a key derived from it, as WCF has it of one that is renewed; gives that key, its
    /// id and its generation.
    fn endorsing_key(
        &mut self,
        context: &'a Context,
        tokens: &mut Vec<Range<usize>>,
    ) -> Result<(Secret, String, &'static Dialect), Unsealed> {
        let local = self.context_token(context, tokens);
        let (length, dialect) = (self.seal.demand.suite().signature_key, context.dialect);
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce);
        let secret = derive::derived_key(context.secret.expose(), derive::DEFAULT_LABEL, &nonce, 0..length)
            .map_err(|_| Unsealed::Key)?;
        let id = self.ids.next();
        let piece = self.apex(id, |scratch, id, _| {
            derived::write(scratch, dialect, id, length, &nonce, |writer| {
                write_local(writer, &local, Some(dialect.context_token));
            });
        });
        tokens.push(piece.range);
        Ok((secret, piece.id, dialect))
    }

    /// Makes the primary signature of an asymmetric binding.
    fn sign_with_certificate(
        &mut self,
        credential: &Credential,
        local: Option<&str>,
        id: Option<&str>,
        parts: &[Part],
    ) -> Result<Range<usize>, Unsealed> {
        let (demand, v11) = (self.seal.demand, self.seal.demand.policy.wss.v11);
        let wanted = demand.asymmetric().map_or(X509Reference::Any, |binding| demand.signed_by(binding).reference);
        self.sign(credential, id, parts, |writer| match local {
            Some(id) => write_local(writer, id, Some(X509V3)),
            None => reference::write_certificate(writer, &credential.certificate, wanted, v11),
        })
    }

    /// The certificate that signs under an asymmetric binding, written where the policy has it travel.
    fn signing_token(
        &mut self,
        binding: &AsymmetricBinding,
        header: &mut Vec<Range<usize>>,
    ) -> Result<Signer<'a>, Unsealed> {
        let credential = self.seal.signing.ok_or(Unsealed::TokenMissing("a certificate to sign with"))?;
        let token = self.seal.demand.signed_by(binding);
        let travels = match self.seal.demand.direction {
            Direction::Request => token.include.to_recipient(),
            Direction::Response => token.include.to_initiator(),
        };
        let local = travels.then(|| {
            let id = self.ids.next();
            let piece = self.apex(id, |scratch, id, _| x509::write(scratch, id, &credential.certificate));
            header.push(piece.range);
            piece.id
        });
        Ok(Signer::Certificate(credential, local))
    }

    /// The token whose key protects, and that key.
    fn protection_token(&mut self, header: &mut Vec<Range<usize>>) -> Result<(Token, Secret), Unsealed> {
        match &self.seal.protection {
            Protection::Transport => Err(Unsealed::TokenMissing("a protection token")),
            Protection::Context { context, include } => {
                let (context, include) = (*context, *include);
                let local = include.then(|| self.context_token(context, header));
                Ok((Token::Context(local), context.secret.clone()))
            }
            Protection::Answer(shared) => Ok((Token::Answer, shared.secret.clone())),
            Protection::Fresh { certificate, shared, wrapped } => {
                let (certificate, shared, wrapped) = (*certificate, *shared, *wrapped);
                let transport = self.seal.demand.suite().transport;
                let v11 = self.seal.demand.policy.wss.v11;
                let wanted = match &self.seal.demand.policy.binding {
                    Binding::Symmetric(SymmetricBinding {
                        protection: nuncio_policy::model::Token::X509(token),
                        ..
                    }) => token.reference,
                    Binding::Asymmetric(binding) => self.seal.demand.wrapped_for(binding).reference,
                    _ => X509Reference::Any,
                };
                let id = self.ids.next();
                let piece = self.apex(id, |scratch, id, _| {
                    encryption::encrypted_key(
                        scratch,
                        id,
                        transport,
                        wrapped,
                        |writer| {
                            reference::write_certificate(writer, certificate, wanted, v11);
                        },
                        &[],
                    );
                });
                header.push(piece.range);
                Ok((Token::Fresh(piece.id), shared.secret.clone()))
            }
        }
    }

    /// Writes a security context token and returns its id: to the octet where it came from an issuer.
    fn context_token(&mut self, context: &Context, header: &mut Vec<Range<usize>>) -> String {
        if let Some(carried) = &context.carried {
            let start = self.scratch.position();
            self.scratch.text_with(|out| out.extend_from_slice(&carried.octets));
            header.push(start..self.scratch.position());
            return carried.id.clone();
        }
        let id = self.ids.next();
        let piece = self.apex(id, |scratch, id, _| {
            context::write(scratch, context.dialect, id, &context.identifier, context.instance.as_deref());
        });
        header.push(piece.range);
        piece.id
    }

    /// A key to work with: the protection token's own, or one derived from it.
    fn working(
        &mut self,
        derive: bool,
        length: usize,
        secret: &Secret,
        token: &Token,
        header: &mut Vec<Range<usize>>,
    ) -> Result<Working, Unsealed> {
        if !derive {
            return Ok(Working { secret: secret.clone(), derived: None });
        }
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce);
        let key = derive::derived_key(secret.expose(), derive::DEFAULT_LABEL, &nonce, 0..length)
            .map_err(|_| Unsealed::Key)?;
        let (seal, id) = (self.seal, self.ids.next());
        let dialect = self.dialect();
        let piece = self.apex(id, |scratch, id, _| {
            derived::write(scratch, dialect, id, length, &nonce, |writer| refer_token(writer, seal, token));
        });
        header.push(piece.range);
        Ok(Working { secret: key, derived: Some(piece.id) })
    }

    fn dialect(&self) -> &'static Dialect {
        dialect(self.seal)
    }

    /// Encrypts the content of the body, under the same start tag.
    fn encrypt_body(
        &mut self,
        id: &str,
        content: Range<usize>,
        key: &Working,
        token: &Token,
        listed: &mut Vec<String>,
    ) -> Result<Range<usize>, Unsealed> {
        let plain = self.scratch.bytes()[content].to_vec();
        let data = self.ids.next();
        let (seal, cipher) = (self.seal, self.seal.demand.suite().cipher);
        self.scratch.apex();
        let start = self.scratch.position();
        self.scratch.start("s", soap(self.outgoing.soap), "Body");
        if seal.demand.parts.signed.body {
            self.scratch.attribute_ns("u", WSU, "Id", id);
        }
        let mut encrypting = Encrypting { cipher, key: &key.secret, random: &mut *self.random };
        encryption::encrypt(&mut self.scratch, &mut encrypting, &data, Form::Content, &plain, |writer| {
            refer(writer, seal, key, token);
        })
        .map_err(|_| Unsealed::Key)?;
        self.scratch.end();
        listed.push(data);
        Ok(start..self.scratch.position())
    }

    /// Encrypts an element that was written, as an apex of its own.
    fn hide(
        &mut self,
        range: &Range<usize>,
        key: &Working,
        token: &Token,
        listed: &mut Vec<String>,
    ) -> Result<Piece, Unsealed> {
        let plain = self.scratch.bytes()[range.clone()].to_vec();
        let id = self.ids.next();
        let (seal, cipher) = (self.seal, self.seal.demand.suite().cipher);
        self.scratch.apex();
        let start = self.scratch.position();
        let mut encrypting = Encrypting { cipher, key: &key.secret, random: &mut *self.random };
        encryption::encrypt(&mut self.scratch, &mut encrypting, &id, Form::Element, &plain, |writer| {
            refer(writer, seal, key, token);
        })
        .map_err(|_| Unsealed::Key)?;
        listed.push(id.clone());
        Ok(Piece { range: start..self.scratch.position(), id })
    }

    /// Signs with the key of a certificate that travels.
    fn endorse(&mut self, credential: &Credential, token: &str, parts: &[Part]) -> Result<Range<usize>, Unsealed> {
        self.sign(credential, None, parts, |writer| write_local(writer, token, Some(X509V3)))
    }

    /// Signs with a certificate's key, and names the certificate.
    fn sign(
        &mut self,
        credential: &Credential,
        id: Option<&str>,
        parts: &[Part],
        refer: impl FnOnce(&mut Writer),
    ) -> Result<Range<usize>, Unsealed> {
        let algorithm = self.seal.signature;
        let signing =
            Signing { id, method: Method::Asymmetric(algorithm), digest: self.seal.demand.suite().digest, parts };
        let random = &mut *self.random;
        let (range, value) = signature::sign(
            &mut self.scratch,
            &signing,
            |octets| sign::sign(&credential.key, algorithm, octets, random).map_err(|_| Unsealed::Asymmetric),
            refer,
        )?;
        self.signatures.push(value);
        Ok(range)
    }

    /// Over a transport: a user name, or a signature over the timestamp by a certificate or a context.
    fn over_transport(
        &mut self,
        blocks: &[Block],
        timestamp: Option<&Piece>,
        header: &mut Vec<Range<usize>>,
    ) -> Result<(), Unsealed> {
        let digest = self.seal.demand.suite().digest;
        for value in self.confirmations() {
            let id = self.ids.next();
            header.push(self.apex(id, |scratch, id, _| write_confirmation(scratch, id, value.as_deref())).range);
        }
        if let Some((name, password)) = self.seal.username {
            let id = self.ids.next();
            header.push(self.apex(id, |scratch, id, _| username::write(scratch, id, name, password)).range);
        }
        let mut parts: Vec<Part> = timestamp
            .map(|piece| Part::written(digest, &piece.id, &self.scratch, piece.range.clone()))
            .into_iter()
            .collect();
        if let Some(context) = self.seal.endorsing_context {
            let id = self.context_token(context, header);
            let refer = |writer: &mut Writer| write_local(writer, &id, Some(context.dialect.context_token));
            header.push(self.mac(&context.secret, None, &parts, refer)?);
        }
        if let Some(credential) = self.seal.endorsing {
            let id = self.ids.next();
            let token = self.apex(id, |scratch, id, _| x509::write(scratch, id, &credential.certificate));
            header.push(token.range);
            for block in blocks.iter().filter(|block| block.address) {
                parts.push(Part::written(digest, &block.piece.id, &self.scratch, block.piece.range.clone()));
            }
            let range = self.endorse(credential, &token.id, &parts)?;
            header.push(range);
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

/// What a closure that writes an apex may see of its maker.
struct ApexView<'a> {
    now: Time,
    seal: &'a Seal<'a>,
}

/// What makes the primary signature.
enum Signer<'a> {
    /// A symmetric key.
    Symmetric(Working),
    /// A certificate, and its id where it travels.
    Certificate(&'a Credential, Option<String>),
}

/// The protection token, as the message refers to it.
enum Token {
    /// A security context; its id where it travels.
    Context(Option<String>),
    /// The request's encrypted key.
    Answer,
    /// An encrypted key of this message.
    Fresh(String),
}

/// The generation of derived key tokens: the context's, the trust assertion's, or that of the policy itself.
fn dialect(seal: &Seal<'_>) -> &'static Dialect {
    match &seal.protection {
        Protection::Context { context, .. } => context.dialect,
        _ => crate::demand::dialect(seal.demand.policy),
    }
}

/// Refers to a key in use.
fn refer(writer: &mut Writer, seal: &Seal<'_>, key: &Working, token: &Token) {
    match &key.derived {
        Some(id) => write_local(writer, id, Some(dialect(seal).derived_key_token)),
        None => refer_token(writer, seal, token),
    }
}

/// Refers to the protection token.
fn refer_token(writer: &mut Writer, seal: &Seal<'_>, token: &Token) {
    match (token, &seal.protection) {
        (Token::Context(local), Protection::Context { context, .. }) => match local {
            Some(id) => write_local(writer, id, Some(context.dialect.context_token)),
            None => write_context(writer, context.dialect, &context.identifier, context.instance.as_deref()),
        },
        (Token::Answer, Protection::Answer(shared)) => write_encrypted_key_sha1(writer, &shared.sha1),
        (Token::Fresh(id), _) => write_encrypted_key(writer, id),
        // The token was made from the protection: there is no other pair.
        _ => {}
    }
}

/// Cuts a key to the length that its cipher takes: of a session key that is not derived, stacks use the first octets.
fn fit(working: Working, size: usize) -> Result<Working, Unsealed> {
    if working.secret.len() == size {
        return Ok(working);
    }
    let octets = working.secret.expose().get(..size).ok_or(Unsealed::Key)?;
    Ok(Working { secret: Secret::new(octets.to_vec()), derived: working.derived })
}

fn write_confirmation(writer: &mut Writer, id: &str, value: Option<&[u8]>) {
    writer.start("k", WSSE11, "SignatureConfirmation");
    writer.attribute_ns("u", WSU, "Id", id);
    if let Some(value) = value {
        writer.attribute("Value", &base64::encode(value));
    }
    writer.end();
}
