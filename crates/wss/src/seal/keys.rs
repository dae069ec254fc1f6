//! The keys that a message is sealed with, and how it refers to them.

use std::ops::Range;

use nuncio_crypto::random::Random;
use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{AsymmetricBinding, DerivedKeys, ProtectionOrder, ReferenceTarget, X509Reference};
use nuncio_xml::Writer;
use nuncio_xmlsec::encryption;
use nuncio_xmlsec::signature::Part;

use super::protect::{Hiding, Protecting};
use super::sign::Named;
use super::{Piece, Protection, Seal, Unsealed, encrypts};
use crate::conversation::{Context, Lease, Nonce, Purpose, fresh};
use crate::dialect::Dialect;
use crate::keys::Credential;
use crate::token::reference::{Implied, write_context, write_encrypted_key, write_encrypted_key_sha1, write_local};
use crate::token::{context, derived, reference, x509};

/// A key in use, and how the message refers to it.
pub(super) struct Working {
    pub(super) secret: Secret,
    derived: Derived,
}

/// How a key comes from the protection token's.
enum Derived {
    /// It is that key.
    Not,
    /// By a derived key token with that id.
    Token(String),
    /// By what the reference to that token says.
    Implied { nonce: Nonce, length: usize },
}

/// What a key is derived from, and for what.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub(super) secret: &'s Secret,
    /// Where it is kept, if that is a context's key.
    pub(super) lease: Option<&'s Lease>,
    pub(super) purpose: Purpose,
    pub(super) length: usize,
}

impl Source<'_> {
    /// The key and its nonce. A context's serve message after message, as WCF's do.
    fn derive(&self, random: &mut dyn Random) -> Result<(Nonce, Secret), Unsealed> {
        match self.lease {
            Some(lease) => lease.own(self.secret, self.purpose, self.length, random),
            None => fresh(self.secret, self.length, random),
        }
        .map_err(|_| Unsealed::Key)
    }
}

/// What makes the primary signature.
pub(super) enum Signer<'a> {
    /// A symmetric key.
    Symmetric(Working),
    /// A certificate, and how it is named.
    Certificate(&'a Credential, Named),
}

/// The protection token, as the message refers to it.
pub(super) enum Token {
    /// A security context; its id where it travels.
    Context(Option<String>),
    /// The request's encrypted key.
    Answer,
    /// An encrypted key of this message.
    Fresh(String),
}

/// An encrypted key that is written when it is known what it encrypts.
pub(super) struct Wrapping {
    id: String,
    /// The certificate that it is wrapped under, where that travels.
    token: Option<CertificateToken>,
    /// Where in the header it belongs.
    at: usize,
}

/// A certificate in the message: the id of its token, and of which type that is.
type CertificateToken = (String, &'static str);

/// The keys of a message, all of them declared in its header.
pub(super) struct Keys<'a> {
    pub(super) signer: Signer<'a>,
    pub(super) hiding: Hiding,
    /// The token that signs, where it travels and the signature covers it.
    pub(super) protected: Option<Part>,
}

impl<'a> Protecting<'a> {
    /// The key that signs, the key that encrypts if anything is encrypted, and the token that both may come from.
    pub(super) fn keys(
        &mut self,
        order: ProtectionOrder,
        header: &mut Vec<Range<usize>>,
    ) -> Result<Keys<'a>, Unsealed> {
        let demand = self.seal.demand;
        let (suite, derive) = (demand.suite(), demand.derived_keys());
        let first = order == ProtectionOrder::EncryptBeforeSign;
        let encrypts = encrypts(&demand, &self.seal.supporting);
        let mut protected = None;
        let mut signer = match demand.asymmetric() {
            Some(binding) => Some(self.signing_token(binding, header, &mut protected)?),
            None => None,
        };
        let mut hiding = Hiding::new(first);
        if signer.is_some() && !encrypts {
            return Ok(Keys { signer: signer.ok_or(Unsealed::Key)?, hiding, protected });
        }
        // WCF lists what is encrypted within the key where that is all the key is for.
        let deferred = signer.is_some() && derive == DerivedKeys::None && !first;
        let secret = self.protection_token(header, deferred, &mut hiding, &mut protected)?;
        let token = std::mem::replace(&mut hiding.token, Token::Answer);
        let lease = match &self.seal.protection {
            Protection::Context { context, .. } => Some(&context.derived),
            _ => None,
        };
        let source = |purpose, length| Source { secret: &secret, lease, purpose, length };
        // WCF declares the key that signs first, whichever is used first.
        if signer.is_none() {
            let key = self.working(derive, source(Purpose::Signing, suite.signature_key), &token, header)?;
            signer = Some(Signer::Symmetric(key));
        }
        if encrypts {
            let key = self.working(derive, source(Purpose::Encrypting, suite.encryption_key), &token, header)?;
            hiding.key = Some(fit(key, suite.cipher.key_size())?);
        }
        hiding.token = token;
        Ok(Keys { signer: signer.ok_or(Unsealed::Key)?, hiding, protected })
    }

    /// The certificate that signs under an asymmetric binding, written where the policy has it travel.
    fn signing_token(
        &mut self,
        binding: &AsymmetricBinding,
        header: &mut Vec<Range<usize>>,
        protected: &mut Option<Part>,
    ) -> Result<Signer<'a>, Unsealed> {
        let credential = self.seal.signing.ok_or(Unsealed::TokenMissing("a certificate to sign with"))?;
        let token = self.seal.demand.signed_by(binding);
        let travels = self.seal.demand.includes(token.include);
        let embedded = token.reference == X509Reference::Embedded;
        let protect = self.seal.demand.protect_tokens();
        let id = self.ids.next();
        if !travels || embedded {
            let protect = protect && !embedded;
            *protected = protect.then(|| self.absent_part(&id, &credential.certificate));
            let name = Named::Outside { wanted: token.reference, id: protect.then_some(id) };
            return Ok(Signer::Certificate(credential, name));
        }
        let piece = self.apex(id, |scratch, id| x509::write(scratch, Some(id), &credential.certificate, token.kind));
        *protected = protect.then(|| self.part(&piece)).transpose()?;
        header.push(piece.range);
        let name = if token.target.is_outside() {
            Named::Outside { wanted: token.reference, id: None }
        } else {
            Named::Local(piece.id, x509::value_type(token.kind))
        };
        Ok(Signer::Certificate(credential, name))
    }

    /// Writes the token whose key protects, and gives that key. A `deferred` encrypted key is left for
    /// [`Self::wrapped_key`] to write.
    fn protection_token(
        &mut self,
        header: &mut Vec<Range<usize>>,
        deferred: bool,
        hiding: &mut Hiding,
        protected: &mut Option<Part>,
    ) -> Result<Secret, Unsealed> {
        let protect = self.seal.demand.protect_tokens() && self.seal.demand.symmetric().is_some();
        let (token, secret) = match &self.seal.protection {
            Protection::None => return Err(Unsealed::TokenMissing("a protection token")),
            Protection::Context { context, include } => {
                let piece = include.then(|| self.context_token(context));
                header.extend(piece.iter().map(|piece| piece.range.clone()));
                let part = piece.as_ref().filter(|_| protect).map(|piece| self.part(piece));
                *protected = part.transpose()?;
                let outside = self.seal.demand.refers_outside();
                (Token::Context(piece.map(|piece| piece.id).filter(|_| !outside)), context.secret.clone())
            }
            Protection::Answer(shared) => (Token::Answer, shared.secret.clone()),
            Protection::Fresh { shared, .. } => {
                let token = self.wrapping_token(header);
                let id = self.ids.next();
                // One that a signature covers cannot hold the list of what is encrypted afterwards.
                if deferred && !self.names_wrapped_key(&id, token.as_ref())? {
                    hiding.wrapping = Some(Wrapping { id: id.clone(), token, at: header.len() });
                } else {
                    let range = self.wrapped_key(&id, token.as_ref(), &[])?;
                    if protect {
                        *protected = Some(self.part(&Piece { range: range.clone(), id: id.clone() })?);
                    }
                    header.push(range);
                }
                (Token::Fresh(id), shared.secret.clone())
            }
        };
        hiding.token = token;
        Ok(secret)
    }

    /// Writes an encrypted key that was left for when it is known what it encrypts.
    pub(super) fn deferred_key(
        &mut self,
        wrapping: &Wrapping,
        listed: &[String],
        header: &mut Vec<Range<usize>>,
    ) -> Result<(), Unsealed> {
        let range = self.wrapped_key(&wrapping.id, wrapping.token.as_ref(), listed)?;
        header.insert(wrapping.at, range);
        Ok(())
    }

    /// Writes the certificate that the key is wrapped under, where the policy asks for references into the message. Who
    /// reads it has it, so that it stays at home where nothing is said.
    fn wrapping_token(&mut self, header: &mut Vec<Range<usize>>) -> Option<CertificateToken> {
        let Protection::Fresh { certificate, .. } = self.seal.protection else { return None };
        let demand = self.seal.demand;
        let token = demand.wrapping().filter(|token| token.target == ReferenceTarget::Internal)?;
        if !demand.includes(token.include) || token.reference == X509Reference::Embedded {
            return None;
        }
        let id = self.ids.next();
        let piece = self.apex(id, |scratch, id| x509::write(scratch, Some(id), certificate, token.kind));
        header.push(piece.range);
        Some((piece.id, x509::value_type(token.kind)))
    }

    /// Whether a path leads to the encrypted key of this message.
    fn names_wrapped_key(&mut self, id: &str, token: Option<&CertificateToken>) -> Result<bool, Unsealed> {
        if self.seal.demand.parts.signed_elements.is_empty() {
            return Ok(false);
        }
        let range = self.wrapped_key(id, token, &[])?;
        Ok(self.named(&range)?.is_some())
    }

    /// Writes the encrypted key of this message, and within it the list of what it encrypts where there is any.
    fn wrapped_key(
        &mut self,
        id: &str,
        token: Option<&CertificateToken>,
        listed: &[String],
    ) -> Result<Range<usize>, Unsealed> {
        let Protection::Fresh { certificate, wrapped, .. } = self.seal.protection else { return Err(Unsealed::Key) };
        let demand = self.seal.demand;
        let v11 = demand.policy.wss.v11;
        let wanted = demand.wrapping().map_or(X509Reference::Any, |token| token.reference);
        let transport = demand.suite().transport;
        let piece = self.apex(id.to_owned(), |scratch, id| {
            let refer = |writer: &mut Writer| match token {
                Some((id, value_type)) => write_local(writer, id, Some(value_type), None),
                None => reference::write_certificate(writer, certificate, wanted, v11, None),
            };
            encryption::encrypted_key(scratch, id, transport, wrapped, refer, listed);
        });
        Ok(piece.range)
    }

    /// Writes a security context token: to the octet where it came from an issuer.
    pub(super) fn context_token(&mut self, context: &Context) -> Piece {
        if let Some(carried) = context.carried() {
            let start = self.scratch.position();
            self.scratch.text_with(|out| out.extend_from_slice(&carried.octets));
            return Piece { range: start..self.scratch.position(), id: carried.id.clone() };
        }
        let id = self.ids.next();
        self.apex(id, |scratch, id| {
            context::write(scratch, context.dialect, id, (&context.identifier, context.instance()), None);
        })
    }

    /// A key to work with: the protection token's own, or one derived from it.
    fn working(
        &mut self,
        derive: DerivedKeys,
        source: Source<'_>,
        token: &Token,
        header: &mut Vec<Range<usize>>,
    ) -> Result<Working, Unsealed> {
        match derive {
            DerivedKeys::None => return Ok(Working { secret: source.secret.clone(), derived: Derived::Not }),
            DerivedKeys::Explicit => {}
            DerivedKeys::Implied => {
                let (nonce, secret) = source.derive(&mut *self.random)?;
                return Ok(Working { secret, derived: Derived::Implied { nonce, length: source.length } });
            }
        }
        let seal = self.seal;
        let refer = |writer: &mut Writer| refer_token(writer, seal, token, None);
        let (secret, id) = self.derived(source, dialect(seal), refer, header)?;
        Ok(Working { secret, derived: Derived::Token(id) })
    }

    /// Derives a key and writes its token; `refer` refers to the token that it is derived from. Gives the key and the id.
    pub(super) fn derived(
        &mut self,
        source: Source<'_>,
        dialect: &'static Dialect,
        refer: impl FnOnce(&mut Writer),
        header: &mut Vec<Range<usize>>,
    ) -> Result<(Secret, String), Unsealed> {
        let (nonce, key) = source.derive(&mut *self.random)?;
        let id = self.ids.next();
        let piece = self.apex(id, |scratch, id| derived::write(scratch, dialect, id, source.length, &nonce, refer));
        header.push(piece.range);
        Ok((key, piece.id))
    }
}

/// The generation of derived key tokens: the context's, the trust assertion's, or that of the policy itself.
pub(super) fn dialect(seal: &Seal<'_>) -> &'static Dialect {
    match &seal.protection {
        Protection::Context { context, .. } => context.dialect,
        _ => crate::demand::dialect(seal.demand.policy),
    }
}

/// Refers to a key in use.
pub(super) fn refer(writer: &mut Writer, seal: &Seal<'_>, key: &Working, token: &Token) {
    match &key.derived {
        Derived::Token(id) => write_local(writer, id, Some(dialect(seal).derived_key_token), None),
        Derived::Not => refer_token(writer, seal, token, None),
        Derived::Implied { nonce, length } => {
            let implied = Implied { dialect: dialect(seal), nonce, length: *length };
            refer_token(writer, seal, token, Some(&implied));
        }
    }
}

/// Refers to the protection token.
fn refer_token(writer: &mut Writer, seal: &Seal<'_>, token: &Token, implied: Option<&Implied<'_>>) {
    match (token, &seal.protection) {
        (Token::Context(local), Protection::Context { context, .. }) => match local {
            Some(id) => write_local(writer, id, Some(context.dialect.context_token), implied),
            None => write_context(writer, context.dialect, &context.identifier, context.instance(), implied),
        },
        (Token::Answer, Protection::Answer(shared)) => write_encrypted_key_sha1(writer, &shared.sha1, implied),
        (Token::Fresh(id), _) => write_encrypted_key(writer, id, implied),
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
