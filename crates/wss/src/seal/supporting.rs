//! Supporting tokens, written and protected as the policy says (WS-SecurityPolicy 1.2, section 8).

use std::ops::Range;

use nuncio_crypto::secret::Secret;
use nuncio_policy::model::{DerivedKeys, PasswordKind, UsernameToken, X509Reference};
use nuncio_xml::Writer;
use nuncio_xmlsec::signature::Part;

use super::keys::{Source, dialect};
use super::protect::{Hiding, Protecting};
use super::sign::Named;
use super::{Brought, Piece, Supporting, Unsealed};
use crate::conversation::{Context, Lease, Purpose};
use crate::dialect::Dialect;
use crate::keys::Credential;
use crate::names::USERNAME_TOKEN;
use crate::token::reference::{write_context, write_local};
use crate::token::salted::Salted;
use crate::token::username::{self, Form, NONCE, Outgoing};
use crate::token::x509;

/// A supporting token that endorses, and the key with which it does.
pub(super) struct Endorser<'a> {
    pub(super) supporting: &'a Supporting<'a>,
    pub(super) key: Key<'a>,
}

/// The key of an endorsing signature.
pub(super) enum Key<'a> {
    /// A certificate's, and how that is named.
    Certificate { credential: &'a Credential, name: Named },
    /// A security context's or a password's, or one derived from it, and how that is named.
    Symmetric { secret: Secret, name: SecretName<'a> },
}

/// How a security context, a user name token, or a key derived from either is named.
pub(super) enum SecretName<'a> {
    /// By an id and the type of what has it.
    Local(String, &'static str),
    /// By the context's identifier.
    Outside(&'a Context),
}

impl SecretName<'_> {
    /// Writes the reference.
    pub(super) fn refer(&self, writer: &mut Writer) {
        match self {
            Self::Local(id, value_type) => write_local(writer, id, Some(value_type), None),
            Self::Outside(context) => {
                write_context(writer, context.dialect, &context.identifier, context.instance(), None);
            }
        }
    }
}

impl<'a> Protecting<'a> {
    /// Writes the supporting tokens into `tokens`, adds those that are signed to `signed`, and gives those that endorse.
    pub(super) fn supporting_tokens(
        &mut self,
        hiding: &mut Hiding,
        signed: &mut Vec<Part>,
        tokens: &mut Vec<Range<usize>>,
    ) -> Result<Vec<Endorser<'a>>, Unsealed> {
        let seal = self.seal;
        let mut endorsers = Vec::new();
        for supporting in &seal.supporting {
            match &supporting.token {
                Brought::Username { name, password, token } => {
                    let salted = supporting.endorsing.then(|| Salted::fresh(&mut *self.random));
                    let outgoing = Outgoing { name, password, form: self.form(token), salted: salted.as_ref() };
                    let id = self.ids.next();
                    let piece = self.apex(id, |scratch, id| username::write(scratch, id, &outgoing));
                    let name = SecretName::Local(piece.id.clone(), USERNAME_TOKEN);
                    self.protect(supporting, piece, hiding, signed, tokens)?;
                    if let Some(salted) = salted {
                        let secret = salted.derive(&Secret::from(password.as_bytes())).map_err(|_| Unsealed::Key)?;
                        let derive = token.derived_keys != DerivedKeys::None;
                        let key = self.secret_key(derive.then(|| dialect(seal)), None, secret, name, tokens)?;
                        endorsers.push(Endorser { supporting, key });
                    }
                }
                Brought::Certificate { credential, token } => {
                    let embedded = supporting.endorsing && token.reference == X509Reference::Embedded;
                    let travels = !embedded && (token.include.to_recipient() || !supporting.endorsing);
                    let id = self.ids.next();
                    let name = if travels {
                        let piece = self.apex(id, |scratch, id| {
                            x509::write(scratch, Some(id), &credential.certificate, token.kind);
                        });
                        let id = piece.id.clone();
                        self.protect(supporting, piece, hiding, signed, tokens)?;
                        if token.target.is_outside() {
                            Named::Outside { wanted: token.reference, id: None }
                        } else {
                            Named::Local(id, x509::value_type(token.kind))
                        }
                    } else {
                        let covered = supporting.signed && !embedded && seal.demand.order().is_some();
                        signed.extend(covered.then(|| self.absent_part(&id, &credential.certificate)));
                        Named::Outside { wanted: token.reference, id: covered.then_some(id) }
                    };
                    if supporting.endorsing {
                        endorsers.push(Endorser { supporting, key: Key::Certificate { credential, name } });
                    }
                }
                Brought::Context { context, token, derive } => {
                    let dialect = context.dialect;
                    let included = token.is_none_or(|token| seal.demand.includes(token.include));
                    let piece = (included || !supporting.endorsing).then(|| self.context_token(context));
                    let covered = piece.as_ref().filter(|_| supporting.signed && seal.demand.order().is_some());
                    signed.extend(covered.map(|piece| self.part(piece)).transpose()?);
                    tokens.extend(piece.iter().map(|piece| piece.range.clone()));
                    if !supporting.endorsing {
                        continue;
                    }
                    let id = piece.map(|piece| piece.id);
                    let name = match id.filter(|_| token.is_none_or(|token| !token.target.is_outside())) {
                        Some(id) => SecretName::Local(id, dialect.context_token),
                        None => SecretName::Outside(context),
                    };
                    let (derive, lease) = (derive.then_some(dialect), Some(&context.derived));
                    let key = self.secret_key(derive, lease, context.secret.clone(), name, tokens)?;
                    endorsers.push(Endorser { supporting, key });
                }
            }
        }
        Ok(endorsers)
    }

    /// A secret that endorses, or the key that is derived from it, by a token of that generation.
    fn secret_key(
        &mut self,
        derive: Option<&'static Dialect>,
        lease: Option<&Lease>,
        secret: Secret,
        name: SecretName<'a>,
        tokens: &mut Vec<Range<usize>>,
    ) -> Result<Key<'a>, Unsealed> {
        let Some(dialect) = derive else { return Ok(Key::Symmetric { secret, name }) };
        let length = self.seal.demand.suite().signature_key;
        let source = Source { secret: &secret, lease, purpose: Purpose::Signing, length };
        let (secret, id) = self.derived(source, dialect, |writer| name.refer(writer), tokens)?;
        Ok(Key::Symmetric { secret, name: SecretName::Local(id, dialect.derived_key_token) })
    }

    /// The form in which a policy wants a user name.
    fn form(&mut self, token: &UsernameToken) -> Form {
        let now = self.now;
        let mut nonce = || {
            let mut nonce = [0; NONCE];
            self.random.fill(&mut nonce);
            nonce
        };
        let created = token.created.then_some(now);
        match token.password {
            PasswordKind::Text => Form::Text { nonce: token.nonce.then(nonce), created },
            PasswordKind::Digest => Form::Digest { nonce: nonce(), created: now },
            PasswordKind::None => Form::None { nonce: token.nonce.then(nonce), created },
        }
    }

    /// Signs and encrypts a token as its kind says; over a transport, the transport does it.
    fn protect(
        &mut self,
        supporting: &Supporting<'_>,
        plain: Piece,
        hiding: &mut Hiding,
        signed: &mut Vec<Part>,
        tokens: &mut Vec<Range<usize>>,
    ) -> Result<(), Unsealed> {
        if self.seal.demand.order().is_none() {
            tokens.push(plain.range);
            return Ok(());
        }
        let signs = supporting.signed || self.named(&plain.range)?.is_some();
        let hidden = supporting.is_hidden().then(|| self.hide(&plain.range, hiding)).transpose()?;
        if signs {
            signed.push(match hidden.as_ref().filter(|_| hiding.first) {
                // WSS4J has decrypted it before it verifies.
                Some(hidden) => self.moving_part(hidden)?,
                None => self.part(&plain)?,
            });
        }
        tokens.push(hidden.map_or(plain.range, |hidden| hidden.range));
        Ok(())
    }
}
