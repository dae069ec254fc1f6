//! `wst:RequestSecurityToken`.

use nuncio_crypto::secret::Secret;
use nuncio_xml::{Document, NodeId, Writer};

use super::{KEYS, binary_secret, child, text, write_entropy, write_text};
use crate::dialect::{Dialect, TrustVerb};
use crate::names::{WSSE, WSU};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::context::SecurityContextToken;
use crate::token::reference::{Reference, write_context};

/// The namespace of what WS-Trust 1.4 added.
const TRUST14: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200802";

/// A request about a security context.
pub(crate) struct TokenRequest {
    /// The `Context` attribute, to be echoed.
    pub(crate) correlation: Option<String>,
    /// The client's entropy.
    pub(crate) entropy: Option<Secret>,
    /// The octets of key that it asks for.
    pub(crate) key_size: Option<usize>,
    /// The context that it is about: identifier and instance.
    pub(crate) target: Option<(String, Option<String>)>,
    /// From when to when it is to last; from now on, where no beginning is said.
    pub(crate) lifetime: Option<(Option<Time>, Time)>,
}

const fn refused(fault: &'static str) -> Refusal {
    Refusal::TrustRequest(fault)
}

impl TokenRequest {
    /// Reads the request in a body; what it is, its action has said. Elements that are not known are passed over, as
    /// every stack does: scope and renewal are the issuer's to decide.
    pub(crate) fn read(
        document: &Document,
        payload: Option<NodeId>,
        dialect: &Dialect,
        verb: TrustVerb,
    ) -> Result<Self, Refusal> {
        let request = payload
            .filter(|&node| document.is(node, dialect.trust, "RequestSecurityToken"))
            .ok_or(refused("is no request of the generation of its action"))?;
        let one = |local| child(document, request, dialect.trust, local).map_err(|()| refused("has an element twice"));
        if let Some(kind) = one("RequestType")?
            && text(document, kind).as_deref() != Some(&dialect.request_type(verb))
        {
            return Err(refused("has a type that is not that of its action"));
        }
        if let Some(kind) = one("TokenType")?
            && text(document, kind).as_deref() != Some(dialect.context_token)
        {
            return Err(refused("asks for a token that is no security context"));
        }
        // A context is its caller's own: to pass over these would be to grant something else than was asked for.
        if document.elements(request).any(|node| {
            let name = document.name(node);
            name.namespace == dialect.trust && matches!(name.local, "OnBehalfOf" | "DelegateTo")
                || (name.namespace, name.local) == (TRUST14, "ActAs")
        }) {
            return Err(refused("asks for a token in another's name"));
        }
        let entropy = one("Entropy")?
            .map(|node| binary_secret(document, node, dialect).ok_or(refused("has entropy that cannot be used")))
            .transpose()?;
        let key_size = one("KeySize")?
            .map(|node| {
                text(document, node)
                    .and_then(|bits| bits.parse::<usize>().ok())
                    .filter(|bits| bits % 8 == 0 && KEYS.contains(&(bits / 8)))
                    .map(|bits| bits / 8)
                    .ok_or(refused("asks for a key of no sensible size"))
            })
            .transpose()?;
        let target = match one(match verb {
            TrustVerb::Cancel => "CancelTarget",
            TrustVerb::Issue | TrustVerb::Renew => "RenewTarget",
        })? {
            Some(node) => Some(target(document, node, dialect)?),
            None => None,
        };
        let lifetime = one("Lifetime")?.map(|node| lifetime(document, node)).transpose()?;
        let correlation = document.attribute(request, "", "Context").map(std::borrow::Cow::into_owned);
        Ok(Self { correlation, entropy, key_size, target, lifetime })
    }
}

/// The beginning and end of a `wst:Lifetime`; an end before the beginning is refused ([WS-Trust 1.4] section 11,
/// `wst:InvalidTimeRange`).
fn lifetime(document: &Document, node: NodeId) -> Result<(Option<Time>, Time), Refusal> {
    let instant = |local| {
        let node = child(document, node, WSU, local).map_err(|()| refused("has an element twice"))?;
        let parsed = |node| text(document, node).and_then(|text| Time::parse(&text));
        node.map(|node| parsed(node).ok_or(refused("has a lifetime that cannot be read"))).transpose()
    };
    let created = instant("Created")?;
    let expires = instant("Expires")?.ok_or(refused("has a lifetime without an end"))?;
    if created.is_some_and(|created| expires <= created) {
        return Err(refused("has a lifetime that ends before it begins"));
    }
    Ok((created, expires))
}

/// The context that a target names: by reference, as WCF has it, or by the whole token, as CXF has it.
fn target(document: &Document, node: NodeId, dialect: &Dialect) -> Result<(String, Option<String>), Refusal> {
    let mut children = document.elements(node);
    let (Some(child), None) = (children.next(), children.next()) else {
        return Err(refused("has a target that is not one thing"));
    };
    if document.is(child, WSSE, "SecurityTokenReference") {
        return match Reference::read(document, child)? {
            Reference::External { uri, instance } => Ok((uri, instance)),
            _ => Err(refused("has a target that is no security context")),
        };
    }
    if document.is(child, dialect.conversation, "SecurityContextToken") {
        let token = SecurityContextToken::read(document, child, dialect)?;
        return Ok((token.identifier, token.instance));
    }
    Err(refused("has a target that is no security context"))
}

/// Writes a request for a new context, or for a new key of the one that is named by identifier and instance; in WCF's
/// order.
pub(crate) fn write_key_request(
    writer: &mut Writer,
    dialect: &Dialect,
    renewed: Option<(&str, Option<&str>)>,
    entropy: Option<(&str, &Secret)>,
    octets: usize,
) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    let verb = if renewed.is_some() { TrustVerb::Renew } else { TrustVerb::Issue };
    writer.start(prefix, namespace, "RequestSecurityToken");
    write_text(writer, prefix, namespace, "TokenType", dialect.context_token);
    write_text(writer, prefix, namespace, "RequestType", &dialect.request_type(verb));
    if let Some((identifier, instance)) = renewed {
        writer.start(prefix, namespace, "RenewTarget");
        write_context(writer, dialect, identifier, instance);
        writer.end();
    }
    if let Some((id, entropy)) = entropy {
        write_entropy(writer, dialect, id, entropy);
    }
    write_text(writer, prefix, namespace, "KeySize", &(octets * 8).to_string());
    writer.end();
}

/// Writes a request for the end of a context.
pub(crate) fn write_cancel(writer: &mut Writer, dialect: &Dialect, identifier: &str, instance: Option<&str>) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    writer.start(prefix, namespace, "RequestSecurityToken");
    write_text(writer, prefix, namespace, "RequestType", &dialect.request_type(TrustVerb::Cancel));
    writer.start(prefix, namespace, "CancelTarget");
    write_context(writer, dialect, identifier, instance);
    writer.end();
    writer.end();
}
