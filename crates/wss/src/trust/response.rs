//! `wst:RequestSecurityTokenResponse`, within its collection where the generation has one.

use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::secret::{Unwrapping, Written};
use super::{KEYS, child, lifetime, text, write_entropy, write_text};
use crate::conversation::Context;
use crate::dialect::Dialect;
use crate::names::{WSSE, WSU};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::context::{self, SecurityContextToken};
use crate::token::reference::{Reference, write_context, write_local};

/// How the key comes about.
pub(crate) enum Proof {
    /// From both sides' entropy.
    Computed,
    /// The issuer's key.
    Given(Secret),
    /// The client's entropy, as it is.
    Own,
}

/// A response that issues a context.
pub(crate) struct TokenResponse {
    pub(crate) node: NodeId,
    pub(crate) token: SecurityContextToken,
    pub(crate) proof: Proof,
    pub(crate) entropy: Option<Secret>,
    /// The octets of the key.
    pub(crate) key_size: Option<usize>,
    pub(crate) lifetime: Option<(Time, Time)>,
}

const fn refused(fault: &'static str) -> Refusal {
    Refusal::TrustResponse(fault)
}

impl TokenResponse {
    /// Reads the response in a body, in any order of its elements.
    /// `octets` is how long a key was asked for.
    pub(crate) fn read(
        document: &Document,
        payload: Option<NodeId>,
        dialect: &Dialect,
        keys: &Unwrapping<'_>,
        octets: usize,
    ) -> Result<Self, Refusal> {
        let response = response(document, payload, dialect)?;
        let one =
            |parent, local| child(document, parent, dialect.trust, local).map_err(|()| refused("has an element twice"));
        if let Some(kind) = one(response, "TokenType")?
            && text(document, kind).as_deref() != Some(dialect.context_token)
        {
            return Err(refused("issues a token that is no security context"));
        }
        let requested = one(response, "RequestedSecurityToken")?.ok_or(refused("issues no token"))?;
        let node = child(document, requested, dialect.conversation, "SecurityContextToken")
            .ok()
            .flatten()
            .ok_or(refused("issues no security context of its generation"))?;
        let token = SecurityContextToken::read(document, node, dialect)?;
        for local in ["RequestedAttachedReference", "RequestedUnattachedReference"] {
            if let Some(parent) = one(response, local)? {
                check_reference(document, parent, node, &token)?;
            }
        }
        let key_size = one(response, "KeySize")?
            .map(|node| {
                text(document, node)
                    .and_then(|bits| bits.parse::<usize>().ok())
                    .filter(|bits| bits % 8 == 0)
                    .map(|bits| bits / 8)
                    .filter(|octets| KEYS.contains(octets))
                    .ok_or(refused("gives a key of no sensible size"))
            })
            .transpose()?;
        let secret = |node| keys.read(document, node, dialect, key_size.unwrap_or(octets));
        let entropy = one(response, "Entropy")?
            .map(|node| secret(node).ok_or(refused("has entropy that cannot be used")))
            .transpose()?
            .map(|brought| brought.secret);
        let proof = match one(response, "RequestedProofToken")? {
            None => Proof::Own,
            Some(proof) => match one(proof, "ComputedKey")? {
                Some(algorithm) => {
                    let said = text(document, algorithm);
                    let known = |dialect: &Dialect| said.as_deref() == Some(&dialect.computed_key());
                    if !Dialect::all().into_iter().any(known) || document.elements(proof).count() != 1 {
                        return Err(refused("computes the key in a way that is not known"));
                    }
                    Proof::Computed
                }
                None => Proof::Given(secret(proof).ok_or(refused("gives a key that cannot be used"))?.secret),
            },
        };
        let lifetime = one(response, "Lifetime")?
            .map(|node| match lifetime(document, node) {
                Ok((Some(created), Some(expires))) => Ok((created, expires)),
                _ => Err(refused("has a lifetime that cannot be read")),
            })
            .transpose()?;
        Ok(Self { node, token, proof, entropy, key_size, lifetime })
    }
}

/// Refuses a reference that comes with a token and is to another one.
fn check_reference(
    document: &Document,
    parent: NodeId,
    node: NodeId,
    token: &SecurityContextToken,
) -> Result<(), Refusal> {
    let reference = child(document, parent, WSSE, "SecurityTokenReference")
        .ok()
        .flatten()
        .ok_or(refused("refers to its token by no reference"))?;
    let is_it = match Reference::read(document, reference)? {
        Reference::Local(id) => document.by_id(&id) == Some(node),
        Reference::External { uri, instance } => {
            uri == token.identifier && instance.is_none_or(|instance| token.instance == Some(instance))
        }
        Reference::EncryptedKeySha1(_) | Reference::Certificate(_) => false,
    };
    if is_it { Ok(()) } else { Err(refused("refers to another token than its own")) }
}

/// The one response, within a collection exactly where the generation has it.
fn response(document: &Document, payload: Option<NodeId>, dialect: &Dialect) -> Result<NodeId, Refusal> {
    let payload = payload.ok_or(refused("is empty"))?;
    let response = if dialect.collection {
        if !document.is(payload, dialect.trust, "RequestSecurityTokenResponseCollection") {
            return Err(refused("is no collection"));
        }
        let mut responses = document.elements(payload);
        match (responses.next(), responses.next()) {
            (Some(response), None) => response,
            _ => return Err(refused("is not exactly one")),
        }
    } else {
        payload
    };
    if document.is(response, dialect.trust, "RequestSecurityTokenResponse") {
        Ok(response)
    } else {
        Err(refused("is no response of its generation"))
    }
}

/// Refuses a body that does not say that a context was cancelled.
pub(crate) fn read_cancelled(document: &Document, payload: Option<NodeId>, dialect: &Dialect) -> Result<(), Refusal> {
    let response = response(document, payload, dialect)?;
    match child(document, response, dialect.trust, "RequestedTokenCancelled") {
        Ok(Some(_)) => Ok(()),
        _ => Err(refused("cancels nothing")),
    }
}

/// What a response that issues a context says of it.
pub(crate) struct Issued<'a> {
    pub(crate) context: &'a Context,
    /// What its token holds for its client to send back.
    pub(crate) cookie: Option<&'a [u8]>,
    /// The ids that the token and the entropy get.
    pub(crate) ids: (&'a str, &'a str),
    /// The issuer's entropy, for a computed key.
    pub(crate) entropy: Option<&'a Written>,
    /// The issuer's key, where it is given.
    pub(crate) given: Option<&'a Written>,
    pub(crate) correlation: Option<&'a str>,
}

/// Writes a response that issues a context, in WCF's order.
pub(crate) fn write_issued(writer: &mut Writer, issued: &Issued<'_>) {
    let context = issued.context;
    let dialect = context.dialect;
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    begin(writer, dialect, issued.correlation);
    write_text(writer, prefix, namespace, "TokenType", dialect.context_token);
    writer.start(prefix, namespace, "RequestedSecurityToken");
    context::write(writer, dialect, issued.ids.0, (&context.identifier, context.instance()), issued.cookie);
    writer.end();
    writer.start(prefix, namespace, "RequestedAttachedReference");
    write_local(writer, issued.ids.0, Some(dialect.context_token), None);
    writer.end();
    writer.start(prefix, namespace, "RequestedUnattachedReference");
    write_context(writer, dialect, &context.identifier, context.instance(), None);
    writer.end();
    if issued.entropy.is_some() || issued.given.is_some() {
        writer.start(prefix, namespace, "RequestedProofToken");
        match issued.given {
            Some(secret) => secret.write(writer, dialect, issued.ids.1, None),
            None => write_text(writer, prefix, namespace, "ComputedKey", &dialect.computed_key()),
        }
        writer.end();
    }
    if let Some(entropy) = issued.entropy {
        write_entropy(writer, dialect, issued.ids.1, entropy);
    }
    writer.start(prefix, namespace, "Lifetime");
    write_text(writer, "u", WSU, "Created", &context.created.to_string());
    write_text(writer, "u", WSU, "Expires", &context.expires.to_string());
    writer.end();
    write_text(writer, prefix, namespace, "KeySize", &(context.secret.len() * 8).to_string());
    end(writer, dialect);
}

/// Writes a response that says that a context was cancelled.
pub(crate) fn write_cancelled(writer: &mut Writer, dialect: &Dialect, correlation: Option<&str>) {
    begin(writer, dialect, correlation);
    writer.start(dialect.prefixes.0, dialect.trust, "RequestedTokenCancelled");
    writer.end();
    end(writer, dialect);
}

fn begin(writer: &mut Writer, dialect: &Dialect, correlation: Option<&str>) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    if dialect.collection {
        writer.start(prefix, namespace, "RequestSecurityTokenResponseCollection");
    }
    writer.start(prefix, namespace, "RequestSecurityTokenResponse");
    if let Some(correlation) = correlation {
        writer.attribute("Context", correlation);
    }
}

fn end(writer: &mut Writer, dialect: &Dialect) {
    writer.end();
    if dialect.collection {
        writer.end();
    }
}
