//! `wst:RequestSecurityToken`.

use nuncio_xml::{Document, NodeId, Writer};

use super::secret::{Brought, Unwrapping, Written};
use super::{KEYS, child, lifetime, text, write_entropy, write_text};
use crate::dialect::{Dialect, TrustVerb};
use crate::names::{WSA04, WSA10, WSSE};
use crate::refusal::Refusal;
use crate::time::Time;
use crate::token::context::SecurityContextToken;
use crate::token::reference::{Reference, write_context};

/// The namespace of what WS-Trust 1.4 added.
const TRUST14: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200802";

/// The namespaces of WS-Policy, which `AppliesTo` is in: 1.2, 1.5, and its draft.
const POLICY: [&str; 3] = [
    "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "http://www.w3.org/ns/ws-policy",
    "http://www.w3.org/2006/07/ws-policy",
];

/// A request about a security context.
pub(crate) struct TokenRequest {
    /// The `Context` attribute, to be echoed.
    pub(crate) correlation: Option<String>,
    /// The client's entropy.
    pub(crate) entropy: Option<Brought>,
    /// The octets of key that it asks for.
    pub(crate) key_size: Option<usize>,
    /// From when and until when the context is to last.
    pub(crate) lifetime: (Option<Time>, Option<Time>),
    /// The address of the service that it is to be used with.
    pub(crate) scope: Option<String>,
    /// The context that it is about: identifier and instance.
    pub(crate) target: Option<(String, Option<String>)>,
}

const fn refused(fault: &'static str) -> Refusal {
    Refusal::TrustRequest(fault)
}

impl TokenRequest {
    /// Reads the request in a body; what it is, its action has said. Elements that are not known are passed over, as
    /// every stack does, but for those that ask for another thing than a context of the caller's own.
    pub(crate) fn read(
        document: &Document,
        payload: Option<NodeId>,
        dialect: &Dialect,
        verb: TrustVerb,
        keys: &Unwrapping<'_>,
    ) -> Result<Self, Refusal> {
        let request = payload
            .filter(|&node| document.is(node, dialect.trust, "RequestSecurityToken"))
            .ok_or(refused("is no request of the generation of its action"))?;
        let one = |local| child(document, request, dialect.trust, local).map_err(|()| refused("has an element twice"));
        let says = |node: NodeId, wanted: &dyn Fn(&Dialect) -> String| {
            let said = text(document, node);
            Dialect::all().into_iter().any(|dialect| said.as_deref() == Some(&wanted(dialect)))
        };
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
        if let Some(kind) = one("KeyType")?
            && !says(kind, &Dialect::symmetric_key)
        {
            return Err(refused("asks for a key that is not symmetric"));
        }
        if let Some(algorithm) = one("ComputedKeyAlgorithm")?
            && !says(algorithm, &Dialect::computed_key)
        {
            return Err(refused("computes keys in a way that is not known"));
        }
        // A context is its caller's own: to pass over these would be to grant something else than was asked for.
        if document.elements(request).any(|node| {
            let name = document.name(node);
            name.namespace == dialect.trust && matches!(name.local, "OnBehalfOf" | "DelegateTo")
                || (name.namespace, name.local) == (TRUST14, "ActAs")
        }) {
            return Err(refused("asks for a token in another's name"));
        }
        let key_size = one("KeySize")?
            .map(|node| {
                text(document, node)
                    .and_then(|bits| bits.parse::<usize>().ok())
                    .filter(|bits| bits % 8 == 0 && KEYS.contains(&(bits / 8)))
                    .map(|bits| bits / 8)
                    .ok_or(refused("asks for a key of no sensible size"))
            })
            .transpose()?;
        let entropy = one("Entropy")?
            .map(|node| {
                keys.read(document, node, dialect, key_size.unwrap_or(keys.suite.key))
                    .ok_or(refused("has entropy that cannot be used"))
            })
            .transpose()?;
        let lifetime = match one("Lifetime")? {
            Some(node) => lifetime(document, node).map_err(|()| refused("has a lifetime that cannot be read"))?,
            None => (None, None),
        };
        let target = match one(match verb {
            TrustVerb::Cancel => "CancelTarget",
            TrustVerb::Issue | TrustVerb::Renew => "RenewTarget",
        })? {
            Some(node) => Some(target(document, node, dialect)?),
            None => None,
        };
        let correlation = document.attribute(request, "", "Context").map(std::borrow::Cow::into_owned);
        Ok(Self { correlation, entropy, key_size, lifetime, scope: scope(document, request)?, target })
    }
}

/// The address in an `AppliesTo`, in whichever generations of WS-Policy and WS-Addressing.
fn scope(document: &Document, request: NodeId) -> Result<Option<String>, Refusal> {
    let mut scopes = document.elements(request).filter(|&node| {
        let name = document.name(node);
        name.local == "AppliesTo" && POLICY.contains(&name.namespace)
    });
    let (scope, another) = (scopes.next(), scopes.next());
    if another.is_some() {
        return Err(refused("has an element twice"));
    }
    let within = |parent, local| {
        let named = |&node: &NodeId| [WSA04, WSA10].iter().any(|namespace| document.is(node, namespace, local));
        document.elements(parent).find(named)
    };
    scope
        .map(|node| {
            within(node, "EndpointReference")
                .and_then(|endpoint| within(endpoint, "Address"))
                .and_then(|address| text(document, address))
                .ok_or(refused("applies to something that has no address"))
        })
        .transpose()
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
    entropy: Option<(&str, &Written)>,
    octets: usize,
) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    let verb = if renewed.is_some() { TrustVerb::Renew } else { TrustVerb::Issue };
    writer.start(prefix, namespace, "RequestSecurityToken");
    write_text(writer, prefix, namespace, "TokenType", dialect.context_token);
    write_text(writer, prefix, namespace, "RequestType", &dialect.request_type(verb));
    if let Some((id, entropy)) = entropy {
        write_entropy(writer, dialect, id, entropy);
    }
    write_text(writer, prefix, namespace, "KeySize", &(octets * 8).to_string());
    if let Some((identifier, instance)) = renewed {
        writer.start(prefix, namespace, "RenewTarget");
        write_context(writer, dialect, identifier, instance, None);
        writer.end();
    }
    writer.end();
}

/// Writes a request for the end of a context.
pub(crate) fn write_cancel(writer: &mut Writer, dialect: &Dialect, identifier: &str, instance: Option<&str>) {
    let (prefix, namespace) = (dialect.prefixes.0, dialect.trust);
    writer.start(prefix, namespace, "RequestSecurityToken");
    write_text(writer, prefix, namespace, "RequestType", &dialect.request_type(TrustVerb::Cancel));
    writer.start(prefix, namespace, "CancelTarget");
    write_context(writer, dialect, identifier, instance, None);
    writer.end();
    writer.end();
}
